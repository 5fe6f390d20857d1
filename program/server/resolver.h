/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that resolves the names of upstream servers again and again, because the server may not once it is confined. It tells the
 * addresses in memory that both share (struct tux_resolved). A second process, the keeper, starts another one if it ends.
 */
#ifndef TUX_PROGRAM_SERVER_RESOLVER_H
#define TUX_PROGRAM_SERVER_RESOLVER_H

#include "../../engine/config.h"
#include "../confine/privileges.h"

/*
 * Starts it, if any server has a name; it runs as user, and ends with this process. Before there are threads. Waits a few seconds at
 * most for the first addresses. Returns false with a sentence in error.
 */
bool tux_resolver_start(const struct tux_engine_config *config, const struct tux_user *user, char *error, size_t error_size);

#endif
