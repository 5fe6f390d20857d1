/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that gets certificates of public authorities and renews them. It tells the supervisor when a server process should read new ones.
 * It never talks to clients, and serves no file.
 */
#ifndef TUX_PROGRAM_CERTIFICATES_RENEWER_H
#define TUX_PROGRAM_CERTIFICATES_RENEWER_H

#include "../../engine/challenges.h"
#include "plan.h"

/* A running one, as the supervisor sees it. */
struct tux_renewer {
	pid_t pid; /* 0: no process */
	int fd;    /* readable: certificates have changed, see tux_renewer_reports(), or the process has ended; -1: no process */
};

/* Starts the process for the settings. at_once: it does not wait after failures of processes before it. Returns false with errno. */
bool tux_renewer_start(struct tux_renewer *renewer, struct tux_settings *settings, struct challenges *challenges, bool at_once);

/* True if certificates have changed since the last call. Never blocks. */
bool tux_renewer_reports(const struct tux_renewer *renewer);

/* Ends the process, which the supervisor reaps, and forgets it. */
void tux_renewer_end(struct tux_renewer *renewer);

/* Forgets the process without ending it: in another process, or after it has ended. */
void tux_renewer_leave(struct tux_renewer *renewer);

#endif
