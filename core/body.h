/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request body: how long it is (RFC 9112 6), and reading past it, chunked or not. */
#ifndef TUX_CORE_BODY_H
#define TUX_CORE_BODY_H

#include "fields.h"

enum tux_framing {
	TUX_FRAMING_NONE,   /* no body */
	TUX_FRAMING_LENGTH, /* content_length bytes */
	TUX_FRAMING_CHUNKED,
	TUX_FRAMING_CLOSE,  /* until the connection ends: of responses alone */
};

/*
 * For the proof: of body lengths that the fields of a message say there is one at most, and it is the one decided.
 */
/*@ predicate framing_one{L}(struct tux_field_lines *fields, integer framing, integer content_length, integer minor) =
  @   (framing == TUX_FRAMING_NONE && content_length == 0 && fields->first[TUX_FIELD_CONTENT_LENGTH] == 0 &&
  @    fields->first[TUX_FIELD_TRANSFER_ENCODING] == 0) ||
  @   (framing == TUX_FRAMING_LENGTH && content_length <= 0x7fffffffffffffff &&
  @    fields->first[TUX_FIELD_TRANSFER_ENCODING] == 0) ||
  @   (framing == TUX_FRAMING_CHUNKED && content_length == 0 && fields->first[TUX_FIELD_CONTENT_LENGTH] == 0 &&
  @    minor > 0);
  @*/

/*
 * Decides the framing of a message of HTTP/1.minor from its fields: NONE, LENGTH with *content_length, or CHUNKED.
 * TUX_ACCEPTED or the refusal. Any context.
 */
/*@ requires fields_readable(buf, fields) && \valid(framing) && \valid(content_length);
  @ requires \separated(framing, fields) && \separated(framing, content_length) && \separated(content_length, fields);
  @ assigns *framing, *content_length;
  @ ensures TUX_ACCEPTED <= \result < TUX_REFUSALS;
  @ ensures \result == TUX_ACCEPTED ==> framing_one(fields, *framing, *content_length, minor);
  @*/
enum tux_refusal tux_body_framing(const uint8_t *buf, const struct tux_field_lines *fields, uint8_t minor, uint8_t *framing,
                                  uint64_t *content_length);

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

/*
 * Begins the body of a parsed message. One that ends with its connection (CLOSE) is taken for one of more bytes than
 * will ever come: whoever sees the end of the connection knows that it is complete. Any context.
 */
/*@ requires \valid(body) && framing <= TUX_FRAMING_CLOSE && content_length <= 0x7fffffffffffffff;
  @ assigns *body;
  @ ensures body_valid(body);
  @*/
void tux_body_start(struct tux_body *body, enum tux_framing framing, uint64_t content_length);

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

/*
 * The same, with *trailer the octets among those consumed that belong to the trailer section, its empty line included:
 * laid one behind the other (TUX_MAX_TRAILER at most) they are what tux_fields_parse() reads, once the verdict is
 * TUX_PARSED. Any context.
 */
/*@ requires \valid(body) && body_valid(body) && \valid_read(buf + (0 .. len - 1)) && \valid(consumed) && \valid(content);
  @ requires \valid(trailer) && \separated(body, consumed, content, trailer, buf + (0 .. len - 1));
  @ assigns *body, *consumed, *content, *trailer;
  @ ensures \result == TUX_MORE || \result == TUX_REFUSED || \result == TUX_PARSED;
  @ ensures body_valid(body);
  @ ensures *consumed <= len && span_inside(*content, *consumed) && span_inside(*trailer, *consumed);
  @ ensures \result == TUX_MORE && len > 0 ==> *consumed > 0;
  @ ensures body->total == \old(body->total) + content->len;
  @*/
enum tux_verdict tux_body_read_trailer(struct tux_body *body, const uint8_t *buf, uint32_t len, uint32_t *consumed,
                                       struct tux_span *content, struct tux_span *trailer);

/* Octets of content that come next with no framing among them; 0: framing does, or nothing. Any context. */
/*@ requires \valid_read(body) && body_valid(body);
  @ assigns \nothing;
  @ ensures 0 <= \result <= 0x7fffffffffffffff && \result + body->total <= 0x7fffffffffffffff;
  @ ensures \result > 0 ==> \result == body->left;
  @*/
uint64_t tux_body_ahead(const struct tux_body *body);

/*
 * Goes past len octets of content, at most tux_body_ahead(), that nobody has looked at. TUX_PARSED: the body is at its end.
 * Any context.
 */
/*@ requires \valid(body) && body_valid(body) && (body->state == 2 || body->state == 3) && len <= body->left;
  @ assigns body->state, body->left, body->total;
  @ ensures \result == TUX_MORE || \result == TUX_PARSED;
  @ ensures body_valid(body) && body->total == \old(body->total) + len && body->left == \old(body->left) - len;
  @*/
enum tux_verdict tux_body_pass(struct tux_body *body, uint64_t len);

#endif
