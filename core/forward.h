/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Heads of messages that TUX forwards, written anew from what was parsed: a line goes out only if it was understood as one,
 * framing and connection are TUX's own, so that no two servers can take a message for different ones.
 */
#ifndef TUX_CORE_FORWARD_H
#define TUX_CORE_FORWARD_H

#include "date.h"
#include "received.h"
#include "request.h"

enum {
	TUX_MAX_CHUNK_HEAD = 10, /* bytes of what tux_chunk_head() writes */
};

/* The end of each chunk's data. */
#define TUX_CHUNK_END "\r\n"

/* What ends a chunked body without trailer fields. */
#define TUX_LAST_CHUNK "0\r\n\r\n"

/* How a request goes on to an upstream server. Zeroed members are left out. Octets are borrowed for the call. */
struct tux_forwarding {
	struct tux_octets host;   /* of Host; empty: the client's */
	struct tux_octets client; /* its numeric address, IPv6 without brackets; empty: it has none (Unix sockets) */
	struct tux_octets by;     /* the address that it came to, in the same way, for Forwarded; empty: not said */
	uint64_t content_length;  /* with TUX_FRAMING_LENGTH */
	uint8_t framing;          /* enum tux_framing of the body that goes on: NONE, LENGTH or CHUNKED */
	bool https;               /* the client's connection is TLS */
	bool trusted;             /* the client is a proxy whose word counts: what it says of those before it is kept */
	bool close;               /* Connection: close; else the connection stays open */
	bool upgrade;             /* req->upgrade is asked for */
	bool via;                 /* Via (RFC 9110 7.6.3) */
};

/*
 * For the proof: every text may be read; none is a part of the cap bytes at out.
 */
/*@ predicate forwarding_readable{L}(struct tux_forwarding *how) =
  @   \valid_read(how) && octets_readable(how->host) && octets_readable(how->client) && octets_readable(how->by);
  @ predicate forwarding_apart{L}(struct tux_forwarding *how, uint8_t *out, integer cap) =
  @   \separated(out + (0 .. cap - 1), how) && octets_apart(how->host, out, cap) && octets_apart(how->client, out, cap) &&
  @   octets_apart(how->by, out, cap);
  @*/

/*
 * Writes the head of a parsed request for an upstream server to out (cap bytes): the method, the path and query as sent ("/" for
 * none), HTTP/1.1, Host, the fields that go from end to end, those that say who the client is (Forwarded, RFC 7239;
 * X-Forwarded-For, -Proto and -Host), and its framing. Left out is what is for one connection alone (RFC 9110 7.6.1: what
 * Connection names, too), Expect, which TUX answers, Proxy, and what has a '_' in its name, because CGI and its heirs take that
 * for a '-'; from a client that is not trusted also X-Forwarded-* and X-Real-IP.
 *
 * Returns its bytes; 0 when it does not fit, when Connection has more than TUX_MAX_OPTIONS options, and for CONNECT.
 * Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && request_readable(buf, req) && forwarding_readable(how);
  @ requires forwarding_apart(how, out, cap) && \separated(out + (0 .. cap - 1), req);
  @ requires \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_request(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_request *req,
                             const struct tux_forwarding *how);

/* How a received response goes on to the client. Octets are borrowed for the call. */
struct tux_forwarding_response {
	const uint8_t *date;     /* TUX_DATE_LEN bytes, for a response without Date; NULL: it stays without */
	struct tux_octets extra; /* field lines, each with its CR LF, written as they are */
	const struct tux_text *removed; /* names in lower case of fields that are left out, removed_count of them */
	uint32_t removed_count;
	uint64_t content_length; /* with TUX_FRAMING_LENGTH */
	uint8_t framing;         /* enum tux_framing of the body that goes on; CLOSE closes; CHUNKED is for minor 1 */
	uint8_t minor;           /* of the request: 1.0 is told about keep-alive, 1.1 about close */
	bool keep_alive;
	bool upgrade;            /* res->upgrade is answered */
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
 * Writes the head of a received response for the client to out (cap bytes): its status and reason (the usual one for none),
 * the fields that go from end to end, Date, framing and Connection. Without a body (NONE) the Content-Length that came goes on,
 * where it tells of another response (HEAD, 304). Left out are Status, X-Accel-* and X-Sendfile, which are for TUX.
 * Interim responses (1xx) are written in the same way, with upgrade or without.
 *
 * Returns its bytes; 0 when it does not fit, or when Connection has more than TUX_MAX_OPTIONS options. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && received_readable(buf, res) && forwarding_response_readable(how);
  @ requires forwarding_response_apart(how, out, cap) && \separated(out + (0 .. cap - 1), res);
  @ requires \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_response(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_received *res,
                              const struct tux_forwarding_response *how);

/*
 * Writes the last chunk with the trailer section whose lines were parsed in buf. Fields that TUX knows and names with '_' are
 * left out: none of the former may stand there (RFC 9110 6.5.1). Returns its bytes, 0 when it does not fit. Any context.
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
 * Writes those of the lines parsed in buf whose names are among kept (kept_count of them, in lower case) to out (cap bytes), and
 * their bytes, which may be 0, to *len. Returns false, with *len 0, if they do not fit. Any context.
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
 * Writes the head of a parsed request to out (cap bytes) as GET, or HEAD if it was that, for another target of the same site:
 * with all its fields, but without a body. Returns its bytes; 0 when it does not fit, or when an octet of target has no place in
 * one. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && request_readable(buf, req) && octets_readable(target);
  @ requires octets_apart(target, out, cap) && \separated(out + (0 .. cap - 1), req);
  @ requires \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_inside(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_request *req, struct tux_octets target);

/* Writes a chunk of the len octets at data, which are not none, to out (cap bytes). Returns its bytes; 0 when it does not fit. Any context. */
/*@ requires \valid(out + (0 .. cap - 1)) && \valid_read(data + (0 .. len - 1)) && len > 0;
  @ requires \separated(out + (0 .. cap - 1), data + (0 .. len - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_forward_chunk(uint8_t *out, uint32_t cap, const uint8_t *data, uint32_t len);

/* Writes what stands in front of a chunk of len bytes, which are not none; CR LF stands behind it. Returns its bytes. Any context. */
/*@ requires \valid(out + (0 .. TUX_MAX_CHUNK_HEAD - 1)) && len > 0;
  @ assigns out[0 .. TUX_MAX_CHUNK_HEAD - 1];
  @ ensures 3 <= \result <= TUX_MAX_CHUNK_HEAD;
  @*/
uint32_t tux_chunk_head(uint8_t *out, uint32_t len);

#endif
