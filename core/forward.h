/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes new heads for messages that TUX forwards, from the parsed message. Forwards only lines that were understood, and sets
 * framing and connection itself. Two servers thus cannot disagree about where a message ends.
 */
#ifndef TUX_CORE_FORWARD_H
#define TUX_CORE_FORWARD_H

#include "date.h"
#include "response_parse.h"
#include "request.h"

enum {
	TUX_MAX_CHUNK_HEAD = 10, /* bytes that tux_chunk_head() writes at most */
};

/* The end of each chunk's data. */
#define TUX_CHUNK_END "\r\n"

/* The end of a chunked body without trailer fields. */
#define TUX_LAST_CHUNK "0\r\n\r\n"

/*
 * The parameters of a request that is forwarded to an upstream server. Zeroed members are omitted. Octets are borrowed for the
 * call.
 */
struct tux_forwarding {
	struct tux_octets host;   /* value of Host; empty = the client's */
	struct tux_octets client; /* its numeric address, IPv6 without brackets; empty = Unix socket */
	struct tux_octets by;     /* the local address of its connection, in the same form, for Forwarded; empty = omitted */
	uint64_t content_length;  /* with TUX_FRAMING_LENGTH */
	uint8_t framing;          /* enum tux_framing of the forwarded body: NONE, LENGTH or CHUNKED */
	bool https;               /* the client's connection is TLS */
	bool trusted;             /* the client is a trusted proxy: keep its fields about earlier clients */
	bool close;               /* Connection: close; else the connection stays open */
	bool upgrade;             /* forward req->upgrade */
	bool via;                 /* Via (RFC 9110 7.6.3) */
};

/* For the proof: every text may be read; no text overlaps the cap bytes at out. */
/*@ predicate forwarding_readable{L}(struct tux_forwarding *how) =
  @   \valid_read(how) && octets_readable(how->host) && octets_readable(how->client) && octets_readable(how->by);
  @ predicate forwarding_apart{L}(struct tux_forwarding *how, uint8_t *out, integer cap) =
  @   \separated(out + (0 .. cap - 1), how) && octets_apart(how->host, out, cap) && octets_apart(how->client, out, cap) &&
  @   octets_apart(how->by, out, cap);
  @*/

/*
 * Writes the head of a parsed request for an upstream server to out (cap bytes): the method, the path and query as sent ("/" if
 * empty), HTTP/1.1, Host, the end-to-end fields, the fields about the client (Forwarded, RFC 7239; X-Forwarded-For, -Proto and
 * -Host), and its framing. Omits connection-specific fields (RFC 9110 7.6.1: also those that Connection names), Expect, because TUX
 * responds to it, and Proxy. Omits names with a '_', because CGI and similar interfaces do not distinguish it from a '-'. From an
 * untrusted client also omits X-Forwarded-* and X-Real-IP. Returns the bytes written. Returns 0 if they do not fit, if Connection
 * has more than TUX_MAX_OPTIONS options, and for CONNECT. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && request_readable(buf, req) && forwarding_readable(how);
  @ requires forwarding_apart(how, out, cap) && \separated(out + (0 .. cap - 1), req);
  @ requires \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_request(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_request *req,
                             const struct tux_forwarding *how);

/* The parameters of a response that is forwarded to the client. Octets are borrowed for the call. */
struct tux_forwarding_response {
	const uint8_t *date;     /* TUX_DATE_LEN bytes, for a response without Date; NULL = add no Date */
	struct tux_octets extra; /* field lines, each with its CR LF, written as they are */
	const struct tux_text *removed; /* lower-case names of the fields to omit, removed_count of them */
	uint32_t removed_count;
	uint64_t content_length; /* with TUX_FRAMING_LENGTH */
	uint8_t framing;         /* enum tux_framing of the forwarded body; CLOSE closes; CHUNKED needs minor 1 */
	uint8_t minor;           /* of the request: 1.0 gets Connection: keep-alive, 1.1 Connection: close */
	bool keep_alive;
	bool upgrade;            /* forward res->upgrade */
};

/*@ predicate forwarding_response_readable{L}(struct tux_forwarding_response *how) =
  @   \valid_read(how) && (how->date != \null ==> \valid_read(how->date + (0 .. TUX_DATE_LEN - 1))) &&
  @   octets_readable(how->extra) && \valid_read(how->removed + (0 .. how->removed_count - 1)) &&
  @   (\forall integer i; 0 <= i < how->removed_count ==> text_readable(how->removed[i])) &&
  @   (\forall integer i, k; 0 <= i < how->removed_count && 0 <= k < how->removed[i].len ==> 0 <= how->removed[i].at[k]);
  @ predicate forwarding_response_apart{L}(struct tux_forwarding_response *how, uint8_t *out, integer cap) =
  @   \separated(out + (0 .. cap - 1), how) && octets_apart(how->extra, out, cap) &&
  @   (how->date != \null ==> \separated(out + (0 .. cap - 1), how->date + (0 .. TUX_DATE_LEN - 1)));
  @*/

/*
 * Writes the head of a received response for the client to out (cap bytes): its status and reason (the standard one if empty), the
 * end-to-end fields, Date, framing and Connection. Without a body (NONE) it keeps the received Content-Length if that describes
 * another response (HEAD, 304). Omits Status, X-Accel-* and X-Sendfile, which are for TUX. Interim responses (1xx) are written in
 * the same way, with upgrade or without. Returns the bytes written; 0 if they do not fit, or if Connection has more than
 * TUX_MAX_OPTIONS options. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && received_readable(buf, res) && forwarding_response_readable(how);
  @ requires forwarding_response_apart(how, out, cap) && \separated(out + (0 .. cap - 1), res);
  @ requires \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_response(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_response *res,
                              const struct tux_forwarding_response *how);

/*
 * Writes the last chunk with the trailer section whose lines were parsed in buf. Omits fields that TUX knows, because none of them
 * may be a trailer field (RFC 9110 6.5.1), and names with '_'. Returns the bytes written; 0 if they do not fit. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && fields_readable(buf, fields);
  @ requires \separated(out + (0 .. cap - 1), fields) && \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_trailer(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_field_lines *fields);

/*
 * For the proof: the names may be read, and are ASCII.
 */
/*@ predicate texts_readable{L}(struct tux_text *texts, integer count) =
  @   \valid_read(texts + (0 .. count - 1)) && (\forall integer i; 0 <= i < count ==> text_readable(texts[i])) &&
  @   (\forall integer i, k; 0 <= i < count && 0 <= k < texts[i].len ==> 0 <= texts[i].at[k]);
  @*/

/*
 * Writes the lines parsed in buf whose names are in kept (kept_count lower-case names) to out (cap bytes). Sets *len to the bytes
 * written, which may be 0. Returns false, with *len 0, if they do not fit. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && fields_readable(buf, fields) && texts_readable(kept, kept_count) && \valid(len);
  @ requires \separated(out + (0 .. cap - 1), fields) && \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @ requires \separated(out + (0 .. cap - 1), kept + (0 .. kept_count - 1)) && \separated(len, out + (0 .. cap - 1));
  @ assigns out[0 .. cap - 1], *len;
  @ ensures *len <= cap && (!\result ==> *len == 0);
  @*/
bool tux_forward_kept(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_field_lines *fields, const struct tux_text *kept,
                      uint32_t kept_count, uint32_t *len);

/*
 * Writes the head of a parsed request to out (cap bytes), with another target of the same host: as GET, or HEAD if it was HEAD,
 * with all fields but without a body. Returns the bytes written; 0 if they do not fit, or if target contains an invalid octet. Any
 * context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && request_readable(buf, req) && octets_readable(target);
  @ requires octets_apart(target, out, cap) && \separated(out + (0 .. cap - 1), req);
  @ requires \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_inside(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_request *req, struct tux_octets target);

/*
 * Writes a chunk of the len octets at data to out (cap bytes); len is not 0. Returns the bytes written; 0 if they do not fit. Any
 * context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && \valid_read(data + (0 .. len - 1)) && len > 0;
  @ requires \separated(out + (0 .. cap - 1), data + (0 .. len - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_chunk(uint8_t *out, uint32_t cap, const uint8_t *data, uint32_t len);

/*
 * Writes the line before a chunk of len bytes; len is not 0. The caller adds CR LF after the chunk. Returns the bytes written. Any
 * context.
 */
/*@ requires \valid(out + (0 .. TUX_MAX_CHUNK_HEAD - 1)) && len > 0;
  @ assigns out[0 .. TUX_MAX_CHUNK_HEAD - 1];
  @ ensures 3 <= \result <= TUX_MAX_CHUNK_HEAD;
  @*/
uint32_t tux_chunk_head(uint8_t *out, uint32_t len);

#endif
