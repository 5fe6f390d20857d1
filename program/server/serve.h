/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tux serve`: runs from the checked settings to the final summary. */
#ifndef TUX_PROGRAM_SERVER_SERVE_H
#define TUX_PROGRAM_SERVER_SERVE_H

#include "listen.h"
#include "../settings/settings.h"

/* Data from the supervisor to a new server process, which owns it from then on. */
struct tux_charge {
	const struct tux_addresses *addresses; /* open listeners */
	int supervisor_fd; /* see supervisor_msg.h */
	int passed_fd, pass_fd; /* see struct tux_engine_config */
	struct tls_tickets *tickets; /* keys of session tickets; NULL: no certificates */
	const struct challenges *challenges; /* of public authorities; NULL: no certificate of one */
	bool served;       /* the configuration was served before: a missing document root does not prevent the start */
	bool quiet;        /* the configuration is unchanged and only document roots are opened again: print no banner */
};

/* Serves until told to stop. Returns the exit status: 0, or 1 after an error message. */
int tux_serve(const struct tux_settings *settings, const struct tux_charge *charge);

/* Returns how long a stopping server continues to accept connections. Valid after tux_service_connect(). */
uint32_t tux_serve_drain_delay(const struct tux_settings *settings);

/* Returns the number of worker threads. */
unsigned tux_serve_threads(const struct tux_settings *settings);

#endif
