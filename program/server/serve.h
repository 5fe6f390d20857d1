/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tux serve`: from the checked command to the summary at its end. */
#ifndef TUX_PROGRAM_SERVER_SERVE_H
#define TUX_PROGRAM_SERVER_SERVE_H

#include "listen.h"
#include "../command.h"

/* What a supervisor gives to the process that is to serve; both are that process's own from then on. */
struct tux_charge {
	const struct tux_addresses *addresses; /* open */
	int supervisor_fd; /* supervisor_msg.h */
	int passed_fd, pass_fd; /* of tux_engine_config */
	bool served;       /* the configuration was served before: a document root that is not there now is no reason to stop */
	bool quiet;        /* it is the same one, with document roots opened anew: people need not be told of it */
};

/*
 * Serves until told to stop, with what a supervisor gives, or by itself: charge NULL. Returns the exit status: 0, or 1 after an
 * error that it has printed.
 */
int tux_serve(const struct tux_command *command, const struct tux_charge *charge);

/* How long a server that is told to stop goes on accepting. Holds from tux_service_connect() on. */
uint32_t tux_serve_drain_delay(const struct tux_command *command);

/* How many threads serve. */
unsigned tux_serve_threads(const struct tux_command *command);

#endif
