/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The waits of a connection: each kind has a time limit, and a phase for the status page. */
#ifndef TUX_ENGINE_HTTP_CONN_WAIT_H
#define TUX_ENGINE_HTTP_CONN_WAIT_H

#include "conn.h"

enum conn_wait {
	WAIT_HANDSHAKE, /* for the end of the handshake of TLS */
	WAIT_IDLE,   /* for the first byte of a request */
	WAIT_HEAD,   /* for the rest of a head */
	WAIT_BODY,   /* for the rest of a body */
	WAIT_SEND,   /* for room to send */
	WAIT_READ,   /* for bytes of a file that are read in before they are sent */
	WAIT_LOAD,   /* for a file that is opened, or a listing */
	WAIT_LINGER, /* for the client's FIN */
	WAIT_TUNNEL, /* for a byte in either direction */
	WAIT_GIVE,   /* for the next attempt to give the connection to the kernel engine */
	WAIT_SERVER, /* for the log or a backend, without a limit for the client */
};

/* Starts a wait in place of any other. */
void conn_wait_for(struct conn *conn, enum conn_wait wait);

/* Like conn_wait_for(), unless a wait with a limit is under way. */
void conn_wait_on(struct conn *conn, enum conn_wait wait);

#endif
