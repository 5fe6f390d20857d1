/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a path to its object: the cache, a load that does not block, or a miss that a loader thread works on. */
#ifndef TUX_ENGINE_FILES_LOOKUP_H
#define TUX_ENGINE_FILES_LOOKUP_H

#include "../conn.h"

/*
 * The object of a normalised path of conn->site, a reference of the caller's. NULL: conn waits for conn->pending
 * (NULL too: there was no memory, or too much is being loaded already).
 */
struct object *lookup(struct conn *conn, const uint8_t *path, uint32_t len);

/*
 * Gets the listing of a directory (an object of kind OBJECT_LISTABLE): conn->listing, or conn->pending is set and brings it. False if
 * memory is short, or too much is being loaded already. query is the target's, as sent.
 */
bool lookup_listing(struct conn *conn, const struct object *directory, const uint8_t *query, uint32_t query_len, bool json);

/* True if a miss takes long: it runs again as a slow job. Else lookup_finish() is to be called. Only while the loader runs. */
bool lookup_continue(struct worker *worker, struct pending_load *miss);

/*
 * A finished miss: what it loaded goes into the cache and to those who wait, which are returned,
 * linked by next_waiting: answer for them. The miss is freed.
 */
struct conn *lookup_finish(struct worker *worker, struct pending_load *miss);

/* Takes a connection that closes off what it waits for. */
void lookup_leave(struct conn *conn);

#endif
