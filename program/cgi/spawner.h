/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spawner as the program sees it: a process that starts CGI programs for the engine, which may not start them itself.
 * engine/backend/spawner_client.h describes its messages.
 */
#ifndef TUX_PROGRAM_CGI_SPAWNER_H
#define TUX_PROGRAM_CGI_SPAWNER_H

#include <sys/types.h>

#include "../../engine/config.h"
#include "../confine/privileges.h"

struct tux_spawner {
	int fd[TUX_MAX_THREADS]; /* a socket for each thread, for tux_engine_config.spawner_fd */
	unsigned count;
	int end_fd;              /* readable after the spawner has ended */
	pid_t pid;
};

/*
 * Starts the spawner for count kinds of programs (1 to TUX_MAX_CGI) and at most programs programs at a time (up to
 * TUX_MAX_PROGRAMS). The caller has all its privileges; the spawner keeps those that the rules need and runs as server. Call it
 * before any thread starts, and before limits are raised, because programs inherit them. Returns false with a sentence in error;
 * then nothing remains open.
 */
bool tux_spawner_start(struct tux_spawner *spawner, const struct tux_cgi *cgi, unsigned count, unsigned programs, unsigned threads,
                       const struct tux_user *server, char *error, size_t error_size);

/* Closes the sockets. Waits a few seconds at most until all started programs have ended. Does nothing for a zeroed spawner. */
void tux_spawner_stop(struct tux_spawner *spawner);

#endif
