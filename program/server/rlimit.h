/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's resource limits of this process. */
#ifndef TUX_PROGRAM_SERVER_RLIMIT_H
#define TUX_PROGRAM_SERVER_RLIMIT_H

#include <stdio.h>

#include "../../engine/config.h"

/* Raises the limit of open files so far that the roots of a number of hosts can be opened, if permitted. Call it before that. */
void tux_limits_raise_for_roots(unsigned host_count);

/*
 * Raises the limits of open files and locked memory: as root as far as needed, otherwise as far as permitted. Lowers the
 * connections and the cache in config if they do not fit besides host_fds, the files that hosts keep open. Prints a line to out if
 * it lowers the connections. Call it before privileges are dropped.
 */
void tux_limits_raise(struct tux_engine_config *config, uint64_t host_fds, FILE *out);

#endif
