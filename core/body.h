/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request body: its length (RFC 9112 6), and the decoder of its framing, chunked or not. */
#ifndef TUX_CORE_BODY_H
#define TUX_CORE_BODY_H

#include "field_lines.h"

enum tux_framing {
	TUX_FRAMING_NONE,   /* no body */
	TUX_FRAMING_LENGTH, /* content_length bytes */
	TUX_FRAMING_CHUNKED,
	TUX_FRAMING_CLOSE,  /* until the connection closes; responses only */
};

/* For the proof: the fields of a message state at most one body length, and it is the one decided. */
/*@ predicate framing_one{L}(struct tux_field_lines *fields, integer framing, integer content_length, integer minor) =
  @   (framing == TUX_FRAMING_NONE && content_length == 0 && fields->first[TUX_FIELD_CONTENT_LENGTH] == 0 &&
  @    fields->first[TUX_FIELD_TRANSFER_ENCODING] == 0) ||
  @   (framing == TUX_FRAMING_LENGTH && content_length <= 0x7fffffffffffffff &&
  @    fields->first[TUX_FIELD_TRANSFER_ENCODING] == 0) ||
  @   (framing == TUX_FRAMING_CHUNKED && content_length == 0 && fields->first[TUX_FIELD_CONTENT_LENGTH] == 0 &&
  @    minor > 0);
  @*/

/*
 * Decides the framing of a message of HTTP/1.minor from its fields: NONE, LENGTH with *content_length, or CHUNKED. Returns
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

/* The state of reading a body. tux_body_start() initializes all members. */
struct tux_body {
	uint64_t left;       /* bytes of the body, or of the current chunk, not yet read */
	uint64_t total;      /* bytes of content seen so far, chunk framing not counted */
	uint32_t line_bytes; /* bytes of the current chunk-size line or trailer section */
	uint8_t state;       /* private to body.c */
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
 * Begins the body of a parsed message. A body that ends with its connection (CLOSE) counts as longer than any that can arrive; the
 * caller completes it when the connection closes. Any context.
 */
/*@ requires \valid(body) && framing <= TUX_FRAMING_CLOSE && content_length <= 0x7fffffffffffffff;
  @ assigns *body;
  @ ensures body_valid(body);
  @*/
void tux_body_start(struct tux_body *body, enum tux_framing framing, uint64_t content_length);

/*
 * Decodes body bytes from the len bytes at buf. *consumed (at most len) is the number of bytes that belong to the body's framing.
 * *content is the next content among them (one span of buf, empty if none). A call returns at the end of each run of content, so
 * call again with the rest until *consumed is len or the verdict is not TUX_MORE. TUX_PARSED: the body is complete, and bytes after
 * *consumed belong to the next request. TUX_REFUSED: the chunked framing is malformed, and body->refusal is the reason. Checks the
 * syntax of trailer fields and drops them. Any context.
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
 * Like tux_body_read(), but *trailer is the span of consumed octets that belong to the trailer section, including its empty line.
 * Joined (TUX_MAX_TRAILER at most), these spans are the input of tux_fields_parse() once the verdict is TUX_PARSED. Any context.
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

/* Returns the number of content octets that follow without framing among them; 0 if framing follows, or nothing. Any context. */
/*@ requires \valid_read(body) && body_valid(body);
  @ assigns \nothing;
  @ ensures 0 <= \result <= 0x7fffffffffffffff && \result + body->total <= 0x7fffffffffffffff;
  @ ensures \result > 0 ==> \result == body->left;
  @*/
uint64_t tux_body_ahead(const struct tux_body *body);

/* Skips len octets of content, at most tux_body_ahead(), without reading them. TUX_PARSED: the body is complete. Any context. */
/*@ requires \valid(body) && body_valid(body) && (body->state == 2 || body->state == 3) && len <= body->left;
  @ assigns body->state, body->left, body->total;
  @ ensures \result == TUX_MORE || \result == TUX_PARSED;
  @ ensures body_valid(body) && body->total == \old(body->total) + len && body->left == \old(body->left) - len;
  @*/
enum tux_verdict tux_body_pass(struct tux_body *body, uint64_t len);

#endif
