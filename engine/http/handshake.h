/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handshakes of TLS that are under way: their number, of a thread and of each client, and the line about one that fails. The numbers of
 * clients are those of the whole engine, in a table of fixed size: each address has two places, chosen by a secret hash, and the lower
 * number counts. Other addresses with the same place can only make it too high, and no client can choose its place.
 */
#ifndef TUX_ENGINE_HTTP_HANDSHAKE_H
#define TUX_ENGINE_HTTP_HANDSHAKE_H

#include "../config.h"
#include "../log/cause.h"

enum { HANDSHAKE_PLACES = 4096 }; /* of each row; a power of two */

struct conn;
struct conns;

/* The numbers of handshakes of clients, shared by all threads. */
struct handshakes {
	uint8_t key[16];
	uint32_t under_way[2][HANDSHAKE_PLACES]; /* atomic */
};

/* Makes the key of the hash. */
void handshakes_open(struct handshakes *handshakes);

/* Returns the oldest one of the connections that wait, if with the newest one, which has no time limit yet, there are too many; else NULL. */
struct conn *handshake_surplus(const struct conns *conns);

/* Counts a handshake that begins. Returns false if the client has as many as handshakes-per-client permits; handshake_failed() is due in any case. */
bool handshake_begin(struct conn *conn);

/* Ends the wait of a connection for its handshake, if it waits: the handshake is complete; or a plain request gets a response; or it has failed. */
void handshake_done(struct conn *conn);
void handshake_plain(struct conn *conn);
void handshake_failed(struct conn *conn);

#endif
