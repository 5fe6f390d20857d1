/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The head of a response that TUX receives from an upstream server (RFC 9112 4, 5, 6.3) or from a CGI program (RFC 3875 6). The
 * parser is as strict as for requests: it refuses ambiguous heads. The response is then 502, whatever the refusal's own status is.
 */
#ifndef TUX_CORE_RESPONSE_PARSE_H
#define TUX_CORE_RESPONSE_PARSE_H

#include "body.h"

/* A parsed head. As large as struct tux_request. Spans are offsets into the buffer given to the parser. */
struct tux_response {
	uint32_t head_len;       /* bytes of the head, the empty line included; the body starts there */
	uint16_t status;         /* 100 to 599; 1xx are heads like any other, without a body */
	uint8_t refusal;         /* enum tux_refusal */
	uint8_t minor;           /* HTTP/1.minor: 0, or 1 for everything from 1 on */
	uint8_t framing;         /* enum tux_framing, for tux_body_start() */
	bool has_length;         /* Content-Length was present; without a body (HEAD, 304) it is that of another response */
	bool keep_alive;         /* the connection may carry another response after this one (RFC 9112 9.3) */
	bool upgrade;            /* 101, Connection: upgrade, and Upgrade (RFC 9110 7.8) */
	bool local;              /* CGI only: no field but a Location that starts with '/': respond with that path (RFC 3875
	                            6.2.2) */
	uint64_t content_length; /* with has_length; 0 otherwise */
	struct tux_span reason;  /* as sent; may be empty */
	struct tux_field_lines fields;
};

/* For the proof: there is at most one body length, and a body without a length lasts until the connection closes. */
/*@ predicate received_framing{L}(struct tux_response *res) =
  @   (res->framing == TUX_FRAMING_NONE) ||
  @   (res->framing == TUX_FRAMING_LENGTH && res->fields.first[TUX_FIELD_TRANSFER_ENCODING] == 0) ||
  @   (res->framing == TUX_FRAMING_CHUNKED && res->fields.first[TUX_FIELD_CONTENT_LENGTH] == 0 && res->minor > 0) ||
  @   (res->framing == TUX_FRAMING_CLOSE && res->fields.first[TUX_FIELD_CONTENT_LENGTH] == 0 &&
  @    res->fields.first[TUX_FIELD_TRANSFER_ENCODING] == 0 && !res->keep_alive);
  @ predicate received_parsed{L}(struct tux_response *res) =
  @   fields_inside(&res->fields, res->head_len) && span_inside(res->reason, res->head_len) && received_framing(res) &&
  @   res->head_len <= TUX_MAX_RECEIVED_HEAD && res->refusal == TUX_ACCEPTED && 100 <= res->status <= 599 && res->minor <= 1 &&
  @   res->content_length <= 0x7fffffffffffffff;
  @
  @ // A parsed response and the buffer of its head, as whoever looks at it has them.
  @ predicate received_readable{L}(uint8_t *buf, struct tux_response *res) =
  @   \valid_read(res) && received_parsed(res) && \valid_read(buf + (0 .. res->head_len - 1));
  @*/

/*
 * Parses the response head at the start of the len bytes at buf, of which seen bytes gave TUX_MORE before (like
 * tux_request_parse()). limit: the largest head in bytes, from the engine's limits. head: the request was HEAD, so no body follows.
 * TUX_PARSED: all of *res is valid, and res->head_len <= len. TUX_MORE: nothing in *res is valid; never returned when len >= limit.
 * TUX_REFUSED: res->refusal is the reason. Any context; no allocation, no global state.
 */
/*@ requires \valid_read(buf + (0 .. len - 1)) && \valid(res) && \separated(buf + (0 .. len - 1), res);
  @ requires limit <= TUX_MAX_RECEIVED_HEAD;
  @ assigns *res;
  @ ensures \result == TUX_MORE || \result == TUX_REFUSED || \result == TUX_PARSED;
  @ ensures \result == TUX_MORE ==> len < limit;
  @ ensures \result == TUX_PARSED ==> res->head_len <= len && received_parsed(res);
  @ ensures \result == TUX_REFUSED ==> TUX_ACCEPTED < res->refusal < TUX_REFUSALS;
  @*/
enum tux_verdict tux_response_parse(const uint8_t *buf, uint32_t len, uint32_t seen, uint32_t limit, bool head,
                                    struct tux_response *res);

/*
 * Like tux_response_parse(), but for the output of a CGI program: field lines, ended by LF or CR LF, and an empty line. At least
 * one of them is Status, Location or Content-Type. The status is that of Status; without it 302 with Location, else 200. The body
 * has Content-Length bytes; without that field it lasts until the program closes its output. Any context.
 */
/*@ requires \valid_read(buf + (0 .. len - 1)) && \valid(res) && \separated(buf + (0 .. len - 1), res);
  @ requires limit <= TUX_MAX_RECEIVED_HEAD;
  @ assigns *res;
  @ ensures \result == TUX_MORE || \result == TUX_REFUSED || \result == TUX_PARSED;
  @ ensures \result == TUX_MORE ==> len < limit;
  @ ensures \result == TUX_PARSED ==> res->head_len <= len && received_parsed(res);
  @ ensures \result == TUX_REFUSED ==> TUX_ACCEPTED < res->refusal < TUX_REFUSALS;
  @*/
enum tux_verdict tux_response_parse_cgi(const uint8_t *buf, uint32_t len, uint32_t seen, uint32_t limit, bool head,
                                    struct tux_response *res);

/* Like tux_fields_find(). */
/*@ requires \valid_read(res) && name < TUX_FIELD_NAMES;
  @ requires fields_indexed(&res->fields);
  @ assigns \nothing;
  @ ensures \result <= res->fields.count;
  @ ensures after == 0 ==> \result == res->fields.first[name];
  @ ensures \result != 0 ==> \result > after;
  @*/
static inline uint32_t tux_response_field(const struct tux_response *res, enum tux_field_name name, uint32_t after)
{
	return tux_fields_find(&res->fields, name, after);
}

#endif
