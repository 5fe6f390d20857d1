/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Response heads and small bodies: writes a decided response (respond.h) to memory. */
#ifndef TUX_CORE_RESPONSE_H
#define TUX_CORE_RESPONSE_H

#include "date.h"
#include "media_type.h"
#include "respond.h"

enum {
	TUX_MAX_RESPONSE_HEAD = 1024, /* bytes of a response head without Location, further field lines and nonce */
	TUX_MAX_FIELD_LINES = 4096,   /* bytes of the field lines that a host adds to a response */
	TUX_MAX_ERROR_BODY = 512,     /* bytes of a body that tux_response_error_body() writes */
	TUX_MAX_PART_HEAD = 320,      /* bytes of a part's head, or of the last boundary, in multipart/byteranges */
};

enum tux_content_range {
	TUX_CONTENT_RANGE_NONE,
	TUX_CONTENT_RANGE_ONE,         /* bytes first-last/size */
	TUX_CONTENT_RANGE_UNSATISFIED, /* "bytes", a star in place of the range, and the size: with 416 */
};

/* Fields that may be omitted from a head. */
enum tux_omission {
	TUX_OMIT_SERVER = 1,
	TUX_OMIT_ETAG = 2,
	TUX_OMIT_LAST_MODIFIED = 4,
	TUX_OMIT_ACCEPT_RANGES = 8,
	TUX_OMISSIONS = 16 - 1, /* all of them */
};

/* The contents of a response head. Zeroed members are omitted. Pointers are borrowed for the call. */
struct tux_head {
	uint16_t status;
	uint8_t minor;                 /* of the request: 1.0 gets Connection: keep-alive, 1.1 Connection: close */
	bool keep_alive;
	bool has_length;               /* write Content-Length */
	bool accept_ranges;
	bool vary_encoding;            /* Vary: Accept-Encoding */
	bool vary_accept;              /* Vary: Accept */
	bool has_last_modified;
	bool allow;                    /* Allow: GET, HEAD, OPTIONS */
	uint8_t coding;                /* enum tux_coding */
	uint8_t content_range;         /* enum tux_content_range */
	uint8_t omit;                  /* set of enum tux_omission: omitted regardless of the other members */
	struct tux_range range;        /* with TUX_CONTENT_RANGE_ONE */
	uint64_t size;                 /* bytes of the representation, with Content-Range */
	uint64_t content_length;
	int64_t last_modified;         /* seconds since 1970 */
	const uint8_t *date;           /* TUX_DATE_LEN bytes; never NULL */
	struct tux_text type;          /* media type */
	const uint8_t *boundary;       /* multipart/byteranges: the type is multipart then */
	uint32_t boundary_len;
	const uint8_t *etag;
	uint32_t etag_len;
	const uint8_t *location;       /* escaped path */
	uint32_t location_len;
	const uint8_t *location_query; /* the query as sent, without '?'; NULL = none */
	uint32_t location_query_len;
	struct tux_text extra;         /* further field lines, each ending in CRLF */
	struct tux_text nonce;         /* for pages about the server, which are not stored: only scripts and styles with this
	                                  nonce are permitted; empty = another page */
};

/*
 * Fills the fields common to all heads about a file: the facts of the chosen representation, its coding, the available codings (as
 * in tux_respond_coding()), its media type. Any context.
 */
/*@ requires \valid(head) && facts_readable(facts) && text_readable(type) && \separated(head, facts);
  @ assigns *head;
  @ ensures head->size == facts->size && head->etag == facts->validators.etag && head->type == type;
  @ ensures head->etag_len == facts->validators.etag_len;
  @ ensures head->has_last_modified ==> 0 <= head->last_modified == facts->validators.last_modified;
  @ ensures head->date == \old(head->date) && head->content_range == \old(head->content_range);
  @*/
void tux_head_describe(struct tux_head *head, const struct tux_facts *facts, enum tux_coding coding, uint32_t available,
                       struct tux_text type);

/*
 * Adds the plan to a described head: all of the representation, one range, or with 304 none of it. Returns the bytes to send. The
 * plan must not have several ranges. Any context.
 */
/*@ requires \valid(head) && \valid_read(plan) && \separated(head, plan) && plan->range_count <= 1;
  @ requires plan->range_count == 1 ==> range_inside(&plan->range[0], head->size);
  @ assigns *head;
  @ ensures \result.first <= \old(head->size) && \result.len <= \old(head->size) - \result.first;
  @ ensures plan->status == 304 ==> \result.len == 0;
  @ ensures head->content_range == TUX_CONTENT_RANGE_ONE && \old(head->content_range) != TUX_CONTENT_RANGE_ONE ==>
  @   range_inside(&head->range, \old(head->size));
  @*/
struct tux_range tux_head_plan(struct tux_head *head, const struct tux_plan *plan);

/* For the proof: every text of a head may be read; no text overlaps the cap bytes at out. */
/*@ predicate head_readable{L}(struct tux_head *head) =
  @   \valid_read(head) && \valid_read(head->date + (0 .. TUX_DATE_LEN - 1)) && text_readable(head->type) &&
  @   text_readable(head->extra) && text_readable(head->nonce) &&
  @   \valid_read(head->boundary + (0 .. head->boundary_len - 1)) && \valid_read(head->etag + (0 .. head->etag_len - 1)) &&
  @   \valid_read(head->location + (0 .. head->location_len - 1)) &&
  @   \valid_read(head->location_query + (0 .. head->location_query_len - 1)) &&
  @   (head->content_range == TUX_CONTENT_RANGE_ONE ==> range_inside(&head->range, 0x7fffffffffffffff));
  @ predicate head_apart{L}(struct tux_head *head, uint8_t *out, integer cap) =
  @   \separated(out + (0 .. cap - 1), head) &&
  @   \separated(out + (0 .. cap - 1), head->date + (0 .. TUX_DATE_LEN - 1)) &&
  @   \separated(out + (0 .. cap - 1), head->type.at + (0 .. head->type.len - 1)) &&
  @   \separated(out + (0 .. cap - 1), head->extra.at + (0 .. head->extra.len - 1)) &&
  @   \separated(out + (0 .. cap - 1), head->nonce.at + (0 .. head->nonce.len - 1)) &&
  @   \separated(out + (0 .. cap - 1), head->boundary + (0 .. head->boundary_len - 1)) &&
  @   \separated(out + (0 .. cap - 1), head->etag + (0 .. head->etag_len - 1)) &&
  @   \separated(out + (0 .. cap - 1), head->location + (0 .. head->location_len - 1)) &&
  @   \separated(out + (0 .. cap - 1), head->location_query + (0 .. head->location_query_len - 1));
  @*/

/*
 * Writes the head, including its empty line, to out (cap bytes). Returns the bytes written; 0 if they do not fit. *date_off is the
 * offset of the date, for tux_response_stamped(). Drops bytes of Location that are neither VCHAR nor obs-text, so that a request
 * cannot inject CR or LF. Any context. RFC 9112 4, 5; RFC 9110 6.6, 8, 14.4.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && head_readable(head) && head_apart(head, out, cap) && \valid(date_off);
  @ requires \separated(date_off, out + (0 .. cap - 1)) && \separated(date_off, head);
  @ assigns out[0 .. cap - 1], *date_off;
  @ ensures \result <= cap;
  @ ensures \result > 0 ==> *date_off + TUX_DATE_LEN <= \result;
  @*/
uint32_t tux_response_head(uint8_t *out, uint32_t cap, const struct tux_head *head, uint32_t *date_off);

/*
 * Copies a head of tux_response_head() (head_len bytes, its date at date_off) to out (cap bytes) with another date. Returns the
 * bytes written; 0 if they do not fit. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && \valid_read(head + (0 .. head_len - 1)) && \valid_read(date + (0 .. TUX_DATE_LEN - 1));
  @ requires \separated(out + (0 .. cap - 1), head + (0 .. head_len - 1)) && \separated(out + (0 .. cap - 1), date + (0 .. TUX_DATE_LEN - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result == 0 || \result == head_len <= cap;
  @*/
uint32_t tux_response_stamped(uint8_t *out, uint32_t cap, const uint8_t *head, uint32_t head_len, uint32_t date_off, const uint8_t *date);

/*
 * True if these len bytes are valid as additional field lines: whole, non-empty lines of visible ASCII, spaces and tabs, each
 * ending in CRLF. Any context.
 */
/*@ requires \valid_read(lines + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result && len > 0 ==> len >= 3 && lines[len - 2] == '\r' && lines[len - 1] == '\n';
  @ ensures \result ==> \forall integer i; 0 <= i < len && lines[i] == '\n' ==> i >= 2 && lines[i - 1] == '\r' && lines[i - 2] != '\n';
  @ ensures \result ==> \forall integer i; 0 <= i < len - 1 && lines[i] == '\r' ==> lines[i + 1] == '\n';
  @ ensures \result ==> \forall integer i; 0 <= i < len ==> lines[i] == '\r' || lines[i] == '\n' || lines[i] == '\t' || 0x20 <= lines[i] <= 0x7e;
  @*/
bool tux_field_lines_valid(const uint8_t *lines, uint32_t len);

/*
 * Writes the head of a part of multipart/byteranges (RFC 9110 14.6); with range NULL the closing boundary. Returns the bytes
 * written; 0 if they do not fit in cap. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && head_readable(head) && head_apart(head, out, cap);
  @ requires range == \null || (\valid_read(range) && range_inside(range, 0x7fffffffffffffff));
  @ requires \separated(range, out + (0 .. cap - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_response_part_head(uint8_t *out, uint32_t cap, const struct tux_head *head, const struct tux_range *range);

/* Writes a small HTML page with the status and why (NULL: only the status). Returns the bytes written, at most cap; 0 if they do
 * not fit. Any context. */
/*@ requires \valid(out + (0 .. cap - 1)) && (why == \null || string_readable(why));
  @ requires \separated(why + (..), out + (0 .. cap - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_response_error_body(uint8_t *out, uint32_t cap, uint16_t status, const char *why);

/* Returns the reason phrase of a status (RFC 9110 15); "Unknown" for others. Any context. */
/*@ assigns \nothing;
  @ ensures text_readable(\result);
  @*/
struct tux_text tux_response_reason(uint16_t status);

/* Returns the constant interim response: "HTTP/1.1 100 Continue" and an empty line, *len bytes. Any context. */
/*@ requires \valid(len);
  @ assigns *len;
  @*/
const char *tux_response_continue(uint32_t *len);

#endif
