/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of connections, shared by all threads and the kernel engine. */
#ifndef TUX_ENGINE_SLOT_H
#define TUX_ENGINE_SLOT_H

#include "conn.h"

/*
 * Counts one more connection. Returns false at the limit. A draining worker ignores the limit, to serve the remaining
 * connections.
 */
bool slot_take(struct worker *worker);

/* Uncounts a closed connection. */
void slot_put(struct worker *worker);

/* True if the limit is reached. */
bool slot_none(const struct worker *worker);

#endif
