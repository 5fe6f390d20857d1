/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the object of a path: in the cache, by a load that does not block, or by a miss that a loader thread processes. */
#ifndef TUX_ENGINE_FILES_LOOKUP_H
#define TUX_ENGINE_FILES_LOOKUP_H

#include "../conn.h"

/*
 * Returns a reference to the object of a normalised path of conn->site, owned by the caller. Returns NULL if conn waits for
 * conn->pending. conn->pending is NULL, too, if out of memory or if too many loads are active.
 */
struct object *lookup(struct conn *conn, const uint8_t *path, uint32_t len);

/*
 * Gets the listing of a directory (an object of kind OBJECT_LISTABLE): sets conn->listing, or conn->pending, which delivers it.
 * Returns false if out of memory or if too many loads are active. query is the target's, as sent.
 */
bool lookup_listing(struct conn *conn, const struct object *directory, const uint8_t *query, uint32_t query_len, bool json);

/*
 * Returns true if a miss takes long and runs again as a slow job. Else the caller calls lookup_finish(). Only while the loader
 * runs.
 */
bool lookup_continue(struct worker *worker, struct pending_load *miss);

/*
 * Finishes a miss: stores its object in the cache and gives it to the waiting connections. Returns them, linked by next_waiting;
 * the caller responds to them. Frees the miss.
 */
struct conn *lookup_finish(struct worker *worker, struct pending_load *miss);

/* Removes a closing connection from the list of its pending load. */
void lookup_leave(struct conn *conn);

#endif
