/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request target (RFC 9112 3.2, RFC 3986): its forms, and its normalisation, the only one before the file system. */
#ifndef TUX_CORE_TARGET_H
#define TUX_CORE_TARGET_H

#include "request.h"

/*
 * Splits the target req->target of buf by its form: sets form, path, query and, in the absolute and authority forms, host. The
 * method in req determines the allowed forms. Returns TUX_ACCEPTED, TUX_REFUSED_TARGET or TUX_REFUSED_HOST. Called by
 * tux_request_parse(). Any context.
 */
/*@ requires \valid(req) && span_readable(buf, req->target);
  @ requires \separated(req, buf + (req->target.off .. req->target.off + req->target.len - 1));
  @ assigns req->form, req->path, req->query, req->host;
  @ ensures \result == TUX_ACCEPTED || \result == TUX_REFUSED_TARGET || \result == TUX_REFUSED_HOST;
  @ ensures req->form <= TUX_FORM_AUTHORITY;
  @ ensures span_part(req->path, req->target);
  @ ensures span_part(req->query, req->target);
  @ ensures span_part(req->host, req->target);
  @*/
enum tux_refusal tux_target_split(const uint8_t *buf, struct tux_request *req);

/* True if span is host [":" port] with host a reg-name, an IPv4 address or a bracketed IPv6 address; empty is allowed (RFC 9110
 * 7.2). Any context. */
/*@ requires span_readable(buf, span);
  @ assigns \nothing;
  @*/
bool tux_target_is_host(const uint8_t *buf, struct tux_span span);

/*
 * For the proof: "." or ".." is at i and ends at n or a slash; the n bytes at p are a normalised path; no byte of a segment is a
 * slash or NUL.
 */
/*@ predicate dot{L}(uint8_t *p, integer i, integer n) =
  @   p[i] == '.' && (i + 1 == n || p[i + 1] == '/');
  @ predicate dots{L}(uint8_t *p, integer i, integer n) =
  @   i + 1 < n && p[i] == '.' && p[i + 1] == '.' && (i + 2 == n || p[i + 2] == '/');
  @ predicate normal{L}(uint8_t *p, integer n) =
  @   p[0] == '/' &&
  @   (\forall integer i; 0 <= i < n ==> p[i] != 0) &&
  @   (\forall integer i; 1 <= i < n && p[i - 1] == '/' ==> p[i] != '/' && !dot(p, i, n) && !dots(p, i, n));
  @ predicate segment{L}(uint8_t *p, integer start, integer end) =
  @   \forall integer i; start <= i < end ==> p[i] != 0 && p[i] != '/';
  @*/

/*
 * Decodes and normalises the path of src_len bytes at src into dst, which has room for src_len bytes. Decodes escapes once. Then
 * merges runs of slashes, removes "." segments, and removes each ".." segment with the segment before it. Decodes before it
 * evaluates, so "%2e%2e" is "..", and "%2f" is "/". TUX_ACCEPTED: *dst_len bytes at dst start with '/', hold no NUL, no empty, "."
 * or ".." segment, and *dst_len <= src_len. A trailing slash stays (also after a final "." or ".."). TUX_REFUSED_TARGET: src does
 * not start with '/'. TUX_REFUSED_ESCAPE: a '%' without two hexadecimal digits, or %00 or a NUL. TUX_REFUSED_DOT_DOT: ".." leads
 * above the root. dst and src must not overlap. Any context.
 */
/*@ requires \valid_read(src + (0 .. src_len - 1));
  @ requires \valid(dst + (0 .. src_len - 1)) && \valid(dst_len);
  @ requires \separated(dst + (0 .. src_len - 1), src + (0 .. src_len - 1), dst_len);
  @ assigns dst[0 .. src_len - 1], *dst_len;
  @ ensures \result == TUX_ACCEPTED ==> 1 <= *dst_len <= src_len && normal(dst, *dst_len);
  @ ensures \result != TUX_ACCEPTED ==> *dst_len == 0;
  @*/
enum tux_refusal tux_target_normalise(const uint8_t *src, uint32_t src_len, uint8_t *dst, uint32_t *dst_len);

/*@ predicate well_known{L}(uint8_t *path, integer len) =
  @   len >= 12 && path[0] == '/' && path[1] == '.' && path[2] == 'w' && path[3] == 'e' && path[4] == 'l' && path[5] == 'l' &&
  @   path[6] == '-' && path[7] == 'k' && path[8] == 'n' && path[9] == 'o' && path[10] == 'w' && path[11] == 'n' &&
  @   (len == 12 || path[12] == '/');
  @*/

/*
 * True if a normalised path has a segment that starts with a dot. A first segment ".well-known" does not count, because it is
 * public (RFC 8615 3). Any context.
 */
/*@ requires \valid_read(path + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <==> \exists integer i; 1 <= i < len && path[i] == '.' && path[i - 1] == '/' && !(i == 1 && well_known(path, len));
  @*/
bool tux_target_has_dot_file(const uint8_t *path, uint32_t len);

/*
 * Writes path escaped for a Location field (RFC 3986 2.1: all but unreserved characters, "/" and the sub-delims, ":" and "@" as
 * %XX) to out, which has room for cap bytes. Returns the bytes written; 0 if they do not fit or len is 0. The output never contains
 * a control character. Any context.
 */
/*@ requires \valid_read(path + (0 .. len - 1)) && \valid(out + (0 .. cap - 1));
  @ requires \separated(path + (0 .. len - 1), out + (0 .. cap - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @ ensures \forall integer i; 0 <= i < \result ==> out[i] != '\r' && out[i] != '\n';
  @*/
uint32_t tux_target_escape(const uint8_t *path, uint32_t len, uint8_t *out, uint32_t cap);

#endif
