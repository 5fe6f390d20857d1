/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's limits on this process, and what fits into them. */
#ifndef TUX_PROGRAM_SERVER_RLIMIT_H
#define TUX_PROGRAM_SERVER_RLIMIT_H

#include <stdio.h>

#include "../../engine/config.h"

/*
 * Raises the limits of open files and locked memory as far as is permitted: as root as far as is
 * needed. Where the connections and the cache of config do not fit then, makes them smaller and says
 * so in a line to out. Before privileges are dropped.
 */
void tux_limits_raise(struct tux_engine_config *config, FILE *out);

#endif
