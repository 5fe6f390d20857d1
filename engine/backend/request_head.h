/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a peer is told of the request in worker->request, whose head is held: a head written anew for a server, an environment for a program. */
#ifndef TUX_ENGINE_BACKEND_REQUEST_HEAD_H
#define TUX_ENGINE_BACKEND_REQUEST_HEAD_H

#include "../conn.h"

/* The request's head for a server; upgrade: with its Upgrade. 0, or the status that answers instead. */
uint16_t request_head_write(const struct conn *conn, const struct tux_upstream *upstream, bool upgrade, struct buffer *head);

/* The environment of a program, but for what the spawner finds out. 0, or the status that answers instead. */
uint16_t request_head_environment(const struct conn *conn, struct buffer *environment);

/* Whether a request may come to a server twice, or to two of them (RFC 9110 9.2.2). */
bool request_head_may_repeat(const struct tux_request *req);

/* Whether the request, parsed from buf, asks for a tunnel that may be made. */
bool request_head_asks_for_tunnel(const uint8_t *buf, const struct tux_request *req);

/* Whether all protocols that the response in worker->received, parsed from head, names are such as the request asks for (RFC 9110 7.8). */
bool request_head_asked_for(const struct conn *conn, const uint8_t *head);

#endif
