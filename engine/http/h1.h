/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP/1 on a connection (RFC 9112): bytes to requests, in order, and responses to bytes. */
#ifndef TUX_ENGINE_HTTP_H1_H
#define TUX_ENGINE_HTTP_H1_H

#include "conn.h"

/*
 * True if the connection can consume more input: the next request (responses stay in order, the output has room), or more of the
 * current body.
 */
bool h1_takes_more(const struct conn *conn);

/* Reads requests and bodies, and responds to complete requests. Returns the bytes used. Sets CONN_BROKEN if out of memory. */
uint32_t h1_consume(struct conn *conn, const uint8_t *buf, uint32_t len);

/* Like h1_consume(), for the kept input. */
void h1_consume_kept(struct conn *conn);

/* Responds to a request that has waited: REQUEST_HELD. */
void h1_respond(struct conn *conn);

/* Responds with an error: to the current request, or else without a request. The connection ends after it. */
void h1_refuse(struct conn *conn, enum tux_refusal refusal);

/* Like h1_refuse(), but when the output has been sent. The request has no handler any more that takes time. */
void h1_refuse_later(struct conn *conn, enum tux_refusal refusal);

/* True if the kernel engine or its module has decided about the next request, which is unread: another engine would not know. */
bool h1_is_decided(const struct conn *conn);

/* Makes room for the next request after a response was queued. The request stays if its access record is due after the last byte. */
void h1_next_request(struct conn *conn);

/* Puts the request back. */
void h1_forget_request(struct conn *conn);

/* Queues the content in the request's ready. */
void h1_send_content(struct conn *conn);

/* Counts the start of a response, which end_responses() of the connection ends. */
void h1_count_unsent(struct request *req);

/* The functions of struct sink. */
enum sink_result h1_head(struct request *req, struct tux_head *head);
enum sink_result h1_file_head(struct request *req, const struct representation *rep);
enum sink_result h1_body(struct request *req, const struct body_source *body);
bool h1_backend_head(struct request *req, const uint8_t *buf, const struct tux_response *res);
bool h1_stream_head(struct request *req, struct tux_head *head);
bool h1_tunnel_head(struct request *req, struct tux_head *head, struct tux_octets protocol);
bool h1_content(struct request *req, const uint8_t *data, uint32_t len);
bool h1_content_pipe(struct request *req, int fd, uint32_t len);
bool h1_content_file(struct request *req, const struct body_source *body);
void h1_go_on(struct request *req);
bool h1_content_end(struct request *req, const uint8_t *buf, uint32_t len);
void h1_end_output(struct request *req);
void h1_end(struct request *req, bool complete);

#endif
