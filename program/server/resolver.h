/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that resolves the names of upstream servers repeatedly, because the sandbox does not permit it to the server process.
 * It writes the addresses to shared memory (struct tux_resolved). A second process, the keeper, restarts it when it ends.
 */
#ifndef TUX_PROGRAM_SERVER_RESOLVER_H
#define TUX_PROGRAM_SERVER_RESOLVER_H

#include "../../engine/config.h"
#include "../confine/privileges.h"

/*
 * Starts the resolver if an upstream server has a name. It runs as user and ends with this process. Call it before any thread
 * starts. Waits a few seconds at most for the first addresses. Returns false with a sentence in error.
 */
bool tux_resolver_start(const struct tux_engine_config *config, const struct tux_user *user, char *error, size_t error_size);

#endif
