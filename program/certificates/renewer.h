/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that gets certificates of public authorities and renews them. It tells the supervisor when a server process should read new ones.
 * It never talks to clients, and serves no file.
 */
#ifndef TUX_PROGRAM_CERTIFICATES_RENEWER_H
#define TUX_PROGRAM_CERTIFICATES_RENEWER_H

#include "../../engine/challenges.h"
#include "plan.h"

/* A running process, as the supervisor sees it. */
struct tux_renewer {
	pid_t pid; /* 0: no process */
	int fd;    /* readable: certificates have changed, see tux_renewer_reports(), or the process has ended; -1: no process */
};

/* Inputs of the process from the supervisor. */
struct tux_renewer_charge {
	struct challenges *challenges; /* shared memory, which outlives the process */
	enum tux_challenge challenge; /* that the addresses permit, for certificates whose setting is auto */
	bool at_once; /* do not wait after failures of processes before */
};

/* Starts the process for the settings. Returns false with errno. */
bool tux_renewer_start(struct tux_renewer *renewer, struct tux_settings *settings, const struct tux_renewer_charge *charge);

/* True if certificates have changed since the last call. Never blocks. */
bool tux_renewer_reports(const struct tux_renewer *renewer);

/* Ends the process, which the supervisor reaps, and forgets it. */
void tux_renewer_end(struct tux_renewer *renewer);

/* Forgets the process without ending it: in another process, or after it has ended. */
void tux_renewer_leave(struct tux_renewer *renewer);

#endif
