/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request body: how long it is (RFC 9112 6), and reading past it, chunked or not. */
#ifndef TUX_CORE_BODY_H
#define TUX_CORE_BODY_H

#include "request.h"

/*
 * Decides the framing from the fields of a parsed head: sets req->framing and
 * req->content_length. TUX_ACCEPTED or the refusal. Called by tux_request_parse(). Any context.
 */
/*@ requires \valid(req) && req->head_len <= TUX_MAX_HEAD && request_lines(req, req->head_len) && request_index(req);
  @ requires \valid_read(buf + (0 .. req->head_len - 1)) && \separated(buf + (0 .. req->head_len - 1), req);
  @ assigns req->framing, req->content_length;
  @ ensures TUX_ACCEPTED <= \result < TUX_REFUSALS;
  @ ensures \result == TUX_ACCEPTED ==> request_framing(req);
  @*/
enum tux_refusal tux_body_framing(const uint8_t *buf, struct tux_request *req);

/* How far a body has been read. Zeroed and filled by tux_body_start(). */
struct tux_body {
	uint64_t left;       /* bytes of the body, or of the chunk, still to come */
	uint64_t total;      /* bytes of content seen so far, chunk framing not counted */
	uint32_t line_bytes; /* of the chunk-size line or trailer section under way */
	uint8_t state;       /* body.c's own */
	uint8_t refusal;     /* enum tux_refusal, after TUX_REFUSED */
};

/*
 * For the proof: content is never counted past what a file offset holds. 15 is the last of body.c's states, 2 and 3
 * those in which content comes next.
 */
/*@ predicate body_valid{L}(struct tux_body *body) =
  @   body->state <= 15 && body->left <= 0x7fffffffffffffff && body->total <= 0x7fffffffffffffff &&
  @   body->line_bytes <= TUX_MAX_TRAILER &&
  @   ((body->state == 2 || body->state == 3) ==>
  @      0 < body->left && body->left + body->total <= 0x7fffffffffffffff);
  @*/

/* Begins the body of a parsed request. Any context. */
/*@ requires \valid(body) && \valid_read(req) && \separated(body, req) && request_framing(req);
  @ assigns *body;
  @ ensures body_valid(body);
  @*/
void tux_body_start(struct tux_body *body, const struct tux_request *req);

/*
 * Reads past body bytes in the len bytes at buf. *consumed (at most len) is how many belong to the
 * body's framing; *content is the content among them that comes next (one span of buf, empty if
 * none): a call returns at the end of each run of content, so call again with the rest until
 * *consumed is len or the verdict is not TUX_MORE.
 * TUX_PARSED: the body is at its end, bytes behind *consumed are the next request's.
 * TUX_REFUSED: broken chunked framing, body->refusal says why. Trailer fields are checked for
 * syntax and dropped. Any context.
 */
/*@ requires \valid(body) && body_valid(body) && \valid_read(buf + (0 .. len - 1)) && \valid(consumed) && \valid(content);
  @ requires \separated(body, consumed, content, buf + (0 .. len - 1));
  @ assigns *body, *consumed, *content;
  @ ensures \result == TUX_MORE || \result == TUX_REFUSED || \result == TUX_PARSED;
  @ ensures body_valid(body);
  @ ensures *consumed <= len && span_inside(*content, *consumed);
  @ ensures \result == TUX_MORE && len > 0 ==> *consumed > 0;
  @ ensures body->total == \old(body->total) + content->len;
  @*/
enum tux_verdict tux_body_read(struct tux_body *body, const uint8_t *buf, uint32_t len, uint32_t *consumed,
                               struct tux_span *content);

#endif
