/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request head (RFC 9112 2, 3, 5, 6; RFC 9110 7): parsed in place, nothing allocated, all that
 * is found given as spans of the buffer. What is ambiguous is refused, never guessed.
 */
#ifndef TUX_CORE_REQUEST_H
#define TUX_CORE_REQUEST_H

#include "field.h"
#include "limit.h"

enum tux_verdict {
	TUX_MORE,    /* the head is not complete and has no fault so far */
	TUX_REFUSED, /* answer with tux_refusal_status(refusal) and close */
	TUX_PARSED,
};

/* Why a request is refused. The text and status of each stand in refusal.c, one line each. */
enum tux_refusal {
	TUX_ACCEPTED,
	TUX_REFUSED_METHOD,            /* 400: the method is not a token */
	TUX_REFUSED_TARGET,            /* 400: a byte that no target has, or a form that does not fit the method */
	TUX_REFUSED_TARGET_LONG,       /* 414 */
	TUX_REFUSED_ESCAPE,            /* 400: a '%' without two hexadecimal digits, or %00 */
	TUX_REFUSED_DOT_DOT,           /* 400: '..' leads above the root */
	TUX_REFUSED_VERSION_SYNTAX,    /* 400: not HTTP/d.d */
	TUX_REFUSED_VERSION,           /* 505: not 1.x */
	TUX_REFUSED_LINE_END,          /* 400: CR or LF alone */
	TUX_REFUSED_FOLD,              /* 400: a field line that starts with white space */
	TUX_REFUSED_FIELD_NAME,        /* 400: empty, not a token, or white space before the colon */
	TUX_REFUSED_FIELD_VALUE,       /* 400: a control character */
	TUX_REFUSED_FIELD_COUNT,       /* 431 */
	TUX_REFUSED_HEAD_LONG,         /* 431 */
	TUX_REFUSED_HOST_MISSING,      /* 400: HTTP/1.1 without Host */
	TUX_REFUSED_HOST_TWICE,        /* 400 */
	TUX_REFUSED_HOST,              /* 400: not host [":" port] */
	TUX_REFUSED_LENGTH,            /* 400: Content-Length that is no number, too large, or repeated */
	TUX_REFUSED_LENGTH_AND_CODING, /* 400: Content-Length beside Transfer-Encoding */
	TUX_REFUSED_CODING_ORDER,      /* 400: chunked is not last, or twice */
	TUX_REFUSED_CODING,            /* 501: a transfer coding we do not know */
	TUX_REFUSED_CODING_VERSION,    /* 400: Transfer-Encoding in HTTP/1.0 */
	TUX_REFUSED_EXPECT,            /* 417 */
	TUX_REFUSED_CHUNK,             /* 400: broken chunked framing */
	TUX_REFUSED_TRAILER_LONG,      /* 431 */
	TUX_REFUSED_BODY_LONG,         /* 413: more body than the limit of the engine */
	TUX_REFUSED_TIMEOUT,           /* 408: the engine has waited as long as it may */
	TUX_REFUSALS
};

enum tux_method {
	TUX_METHOD_UNKNOWN, /* a token, but no method that we know: 501 */
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
	TUX_FORM_ASTERISK,  /* *, with OPTIONS alone */
	TUX_FORM_AUTHORITY, /* host:port, with CONNECT alone */
};

enum tux_framing {
	TUX_FRAMING_NONE,   /* no body */
	TUX_FRAMING_LENGTH, /* content_length bytes */
	TUX_FRAMING_CHUNKED,
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
	bool keep_alive;          /* what the version and Connection say (RFC 9112 9.3) */
	bool expect_continue;     /* Expect: 100-continue, and HTTP/1.1 */
	uint64_t content_length;  /* bytes of body, with TUX_FRAMING_LENGTH; 0 otherwise */
	struct tux_span method_text;
	struct tux_span target;   /* as sent */
	struct tux_span path;     /* the target's path, still escaped; empty in the asterisk and authority forms, and
	                             in the absolute form for http://host, where it means "/" */
	struct tux_span query;    /* behind the '?', which is not part of it */
	struct tux_span host;     /* host [":" port]: of the absolute form if it has one, else of Host */
	uint32_t field_count;
	uint8_t first[TUX_FIELD_NAMES]; /* 1 + index in field[] of the first line of a known name; 0: there is none */
	struct tux_field field[TUX_MAX_FIELDS];
};

/*
 * For the proof. What is known of the parts of a request: its spans lie inside the first len bytes; so do
 * those of its field lines; first[] points to lines that are there; and of body lengths there is one at most.
 */
/*@ predicate request_spans{L}(struct tux_request *req, integer len) =
  @   span_inside(req->method_text, len) && span_inside(req->target, len) && span_inside(req->path, len) &&
  @   span_inside(req->query, len) && span_inside(req->host, len);
  @ predicate request_lines{L}(struct tux_request *req, integer len) =
  @   req->field_count <= TUX_MAX_FIELDS &&
  @   (\forall integer i; 0 <= i < req->field_count ==> span_inside(req->field[i].name, len)) &&
  @   (\forall integer i; 0 <= i < req->field_count ==> span_inside(req->field[i].value, len));
  @ predicate request_index{L}(struct tux_request *req) =
  @   \forall integer n; 0 <= n < TUX_FIELD_NAMES ==> req->first[n] <= req->field_count;
  @ predicate request_framing{L}(struct tux_request *req) =
  @   (req->framing == TUX_FRAMING_NONE && req->content_length == 0 && req->first[TUX_FIELD_CONTENT_LENGTH] == 0 &&
  @    req->first[TUX_FIELD_TRANSFER_ENCODING] == 0) ||
  @   (req->framing == TUX_FRAMING_LENGTH && req->content_length <= 0x7fffffffffffffff &&
  @    req->first[TUX_FIELD_TRANSFER_ENCODING] == 0) ||
  @   (req->framing == TUX_FRAMING_CHUNKED && req->content_length == 0 && req->first[TUX_FIELD_CONTENT_LENGTH] == 0 &&
  @    req->minor > 0);
  @ predicate request_parsed{L}(struct tux_request *req) =
  @   request_spans(req, req->head_len) && request_lines(req, req->head_len) && request_index(req) &&
  @   request_framing(req) && req->head_len <= TUX_MAX_HEAD && req->refusal == TUX_ACCEPTED &&
  @   req->method <= TUX_CONNECT && req->minor <= 1 && req->form <= TUX_FORM_AUTHORITY;
  @
  @ // A parsed request and the buffer of its head, as whoever looks at it has them.
  @ predicate request_readable{L}(uint8_t *buf, struct tux_request *req) =
  @   \valid_read(req) && request_parsed(req) && \valid_read(buf + (0 .. req->head_len - 1));
  @*/

/*
 * Parses the request head at the start of the len bytes at buf. seen is how many of those bytes an
 * earlier call has already answered TUX_MORE to (0 at first): a head that trickles in is not
 * parsed again from its start with every byte.
 *
 * TUX_PARSED: all of *req is valid, and req->head_len <= len. Empty lines before the request line
 * are part of the head (RFC 9112 2.2).
 * TUX_MORE: nothing in *req is valid. Never returned when len >= TUX_MAX_HEAD.
 * TUX_REFUSED: req->refusal says why; method, minor, method_text and target are valid as far as
 * parsing came and empty or 0 behind that, for the access record.
 *
 * Any context; no allocation, no global state.
 */
/*@ requires \valid_read(buf + (0 .. len - 1)) && \valid(req) && \separated(buf + (0 .. len - 1), req);
  @ assigns *req;
  @ ensures \result == TUX_MORE || \result == TUX_REFUSED || \result == TUX_PARSED;
  @ ensures \result == TUX_MORE ==> len < TUX_MAX_HEAD;
  @ ensures \result == TUX_PARSED ==> req->head_len <= len && request_parsed(req);
  @ ensures \result == TUX_REFUSED ==> TUX_ACCEPTED < req->refusal < TUX_REFUSALS &&
  @   span_inside(req->method_text, len) && span_inside(req->target, len) && req->minor <= 1;
  @*/
enum tux_verdict tux_request_parse(const uint8_t *buf, uint32_t len, uint32_t seen, struct tux_request *req);

/*
 * The first line of a known field, or the next one behind index. Start with after = 0; returns
 * 1 + index of the line in req->field[], to be given as after in the next call, and 0 at the end.
 * Any context.
 */
/*@ requires \valid_read(req) && name < TUX_FIELD_NAMES;
  @ requires req->field_count <= TUX_MAX_FIELDS && request_index(req);
  @ assigns \nothing;
  @ ensures \result <= req->field_count;
  @ ensures after == 0 ==> \result == req->first[name];
  @ ensures \result != 0 ==> \result > after;
  @*/
uint32_t tux_request_field(const struct tux_request *req, enum tux_field_name name, uint32_t after);

/* The status code that answers a refusal, and a short text for people: static memory. Any context. */
/*@ assigns \nothing; */
uint16_t tux_refusal_status(enum tux_refusal refusal);

/*@ assigns \nothing; */
const char *tux_refusal_text(enum tux_refusal refusal);

#endif
