/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spawner as the program sees it: a process that starts CGI programs for the engine, which may not. engine/backend/spawner_client.h has what
 * they say to each other.
 */
#ifndef TUX_PROGRAM_CGI_SPAWNER_H
#define TUX_PROGRAM_CGI_SPAWNER_H

#include <sys/types.h>

#include "../../engine/config.h"
#include "../confine/privileges.h"

struct tux_spawner {
	int fd[TUX_MAX_THREADS]; /* a socket for each thread, for tux_engine_config.spawner_fd */
	unsigned count;
	int end_fd;              /* readable when the spawner has ended */
	pid_t pid;
};

/*
 * Starts it, for count kinds of programs (1 to TUX_MAX_CGI) and at most so many programs at a time, TUX_MAX_PROGRAMS or fewer. With all
 * the privileges that there are, of which it keeps what the rules need, and else runs as server. Before there are threads, and before
 * limits are raised, which programs would inherit. False with a sentence in error, and nothing is left.
 */
bool tux_spawner_start(struct tux_spawner *spawner, const struct tux_cgi *cgi, unsigned count, unsigned programs, unsigned threads,
                       const struct tux_user *server, char *error, size_t error_size);

/* Closes the sockets and waits, for a few seconds at most, until all that was started is gone. Of zeros it does nothing. */
void tux_spawner_stop(struct tux_spawner *spawner);

#endif
