/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers: finds what a request is about, decides, and queues head and body. */
#ifndef TUX_ENGINE_REPLY_H
#define TUX_ENGINE_REPLY_H

#include "conn.h"

enum reply {
	REPLY_DONE,
	REPLY_NO_ROOM, /* send what is queued, then ask again */
	REPLY_WAIT,    /* conn->miss brings what is needed */
	REPLY_PEER,    /* the peer of worker->route answers */
};

/* Sets conn->site to the one that the request in worker->request, parsed from buf, is for; without a request (buf NULL) to the listener's. */
void reply_choose_site(struct conn *conn, const uint8_t *buf);

/* Answers the request in worker->request, parsed from buf. Sets conn->last when the connection ends with it. */
enum reply reply_request(struct conn *conn, const uint8_t *buf);

/* Answers that the request is refused, as conn->refused says, and ends the connection. buf may be NULL: there is no request. */
enum reply reply_refusal(struct conn *conn, const uint8_t *buf);

/* Queues "100 Continue". */
void reply_continue(struct conn *conn);

/* Sets conn->max_body_bytes for the request in worker->request, parsed from buf. */
void reply_measure(struct conn *conn, const uint8_t *buf);

/* Whether a peer answers the request in worker->request, parsed from buf; then worker->route says which. */
bool reply_is_for_peer(struct conn *conn, const uint8_t *buf);

/* Whether it is what a file is that says whether a peer answers it. */
bool reply_is_for_file(struct conn *conn, const uint8_t *buf);

#endif
