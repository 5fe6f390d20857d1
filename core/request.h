/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request head (RFC 9112 2, 3, 5, 6; RFC 9110 7): parsed in place, without allocation, into spans of the buffer. The parser
 * refuses ambiguous heads; it never guesses.
 */
#ifndef TUX_CORE_REQUEST_H
#define TUX_CORE_REQUEST_H

#include "body.h"

enum tux_method {
	TUX_METHOD_UNKNOWN, /* a token, but an unknown method: 501 */
	TUX_GET,
	TUX_HEAD,
	TUX_OPTIONS,
	TUX_POST,
	TUX_PUT,
	TUX_DELETE,
	TUX_PATCH,
	TUX_TRACE,
	TUX_CONNECT,
};

enum tux_target_form {
	TUX_FORM_ORIGIN,    /* /path?query */
	TUX_FORM_ABSOLUTE,  /* http://host/path?query */
	TUX_FORM_ASTERISK,  /* *, only with OPTIONS */
	TUX_FORM_AUTHORITY, /* host:port, only with CONNECT */
};

/*
 * A parsed head. Scratch memory of the caller, about 2 KiB: one per thread is enough. Spans are
 * offsets into the buffer given to tux_request_parse().
 */
struct tux_request {
	uint32_t head_len;        /* bytes of the head, the empty line included; the body starts there */
	uint8_t refusal;          /* enum tux_refusal */
	uint8_t method;           /* enum tux_method */
	uint8_t minor;            /* HTTP/1.minor: 0, or 1 for everything from 1 on */
	uint8_t form;             /* enum tux_target_form */
	uint8_t framing;          /* enum tux_framing */
	bool keep_alive;          /* from the version and Connection (RFC 9112 9.3) */
	bool expect_continue;     /* Expect: 100-continue, and HTTP/1.1 */
	bool upgrade;             /* Connection: upgrade with Upgrade, HTTP/1.1, and no body (RFC 9110 7.8) */
	uint64_t content_length;  /* bytes of body, with TUX_FRAMING_LENGTH; 0 otherwise */
	struct tux_span method_text;
	struct tux_span target;   /* as sent */
	struct tux_span path;     /* the target's path, still escaped; empty in the asterisk and authority forms, and
	                             in the absolute form for http://host, where it means "/" */
	struct tux_span query;    /* after the '?', which is not part of it */
	struct tux_span host;     /* host [":" port]: of the absolute form if it has one, else of Host */
	struct tux_field_lines fields;
};

/* For the proof: the spans of a request lie inside the first len bytes, and there is at most one body length. */
/*@ predicate request_spans{L}(struct tux_request *req, integer len) =
  @   span_inside(req->method_text, len) && span_inside(req->target, len) && span_inside(req->path, len) &&
  @   span_inside(req->query, len) && span_inside(req->host, len);
  @ predicate request_framing{L}(struct tux_request *req) =
  @   framing_one(&req->fields, req->framing, req->content_length, req->minor);
  @ predicate request_parsed{L}(struct tux_request *req) =
  @   request_spans(req, req->head_len) && fields_inside(&req->fields, req->head_len) &&
  @   request_framing(req) && req->head_len <= TUX_MAX_HEAD && req->refusal == TUX_ACCEPTED &&
  @   req->method <= TUX_CONNECT && req->minor <= 1 && req->form <= TUX_FORM_AUTHORITY;
  @
  @ // A parsed request and the buffer of its head, as whoever looks at it has them.
  @ predicate request_readable{L}(uint8_t *buf, struct tux_request *req) =
  @   \valid_read(req) && request_parsed(req) && \valid_read(buf + (0 .. req->head_len - 1));
  @*/

/*
 * Parses the request head at the start of the len bytes at buf. seen is the number of bytes for which an earlier call returned
 * TUX_MORE (0 at first), so that a slowly arriving head is not parsed again with every byte. TUX_PARSED: all of *req is valid, and
 * req->head_len <= len. Empty lines before the request line are part of the head (RFC 9112 2.2). TUX_MORE: nothing in *req is
 * valid. Never returned when len >= TUX_MAX_HEAD. TUX_REFUSED: req->refusal is the reason. method, minor, method_text, target and
 * fields are valid as far as they were parsed, else empty or 0; the access record uses them. Any context; no allocation, no global
 * state.
 */
/*@ requires \valid_read(buf + (0 .. len - 1)) && \valid(req) && \separated(buf + (0 .. len - 1), req);
  @ assigns *req;
  @ ensures \result == TUX_MORE || \result == TUX_REFUSED || \result == TUX_PARSED;
  @ ensures \result == TUX_MORE ==> len < TUX_MAX_HEAD;
  @ ensures \result == TUX_PARSED ==> req->head_len <= len && request_parsed(req);
  @ ensures \result == TUX_REFUSED ==> TUX_ACCEPTED < req->refusal < TUX_REFUSALS &&
  @   span_inside(req->method_text, len) && span_inside(req->target, len) && req->minor <= 1 &&
  @   fields_inside(&req->fields, len <= TUX_MAX_HEAD ? len : TUX_MAX_HEAD);
  @*/
enum tux_verdict tux_request_parse(const uint8_t *buf, uint32_t len, uint32_t seen, struct tux_request *req);

/* Like tux_fields_find(). */
/*@ requires \valid_read(req) && name < TUX_FIELD_NAMES;
  @ requires fields_indexed(&req->fields);
  @ assigns \nothing;
  @ ensures \result <= req->fields.count;
  @ ensures after == 0 ==> \result == req->fields.first[name];
  @ ensures \result != 0 ==> \result > after;
  @*/
static inline uint32_t tux_request_field(const struct tux_request *req, enum tux_field_name name, uint32_t after)
{
	return tux_fields_find(&req->fields, name, after);
}

#endif
