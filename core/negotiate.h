/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Content negotiation (RFC 9110 12): the content coding, and HTML or JSON for a listing. */
#ifndef TUX_CORE_NEGOTIATE_H
#define TUX_CORE_NEGOTIATE_H

#include "request.h"

/* Content codings of precompressed siblings; the order is our preference at equal weight. */
enum tux_coding {
	TUX_CODING_IDENTITY,
	TUX_CODING_BR,
	TUX_CODING_ZSTD,
	TUX_CODING_GZIP,
	TUX_CODINGS
};

/* "br", "zstd", "gzip", or "" for identity, as Content-Encoding has it; and the file name suffix
 * ".br", ".zst", ".gz", or "". Static, end in NUL. Any context. */
/*@ assigns \nothing;
  @ ensures text_readable(\result);
  @*/
struct tux_text tux_coding_text(enum tux_coding coding);

/*@ assigns \nothing; */
const char *tux_coding_suffix(enum tux_coding coding);

/*
 * Returns the coding to send, by Accept-Encoding (RFC 9110 12.5.3). It is the available coding (bit 1 << coding; identity is always
 * available) of greatest weight. At equal weight it is the first of enum tux_coding after identity. It is identity if the field is
 * missing or refuses all others. x-gzip is gzip. Any context.
 */
/*@ requires request_readable(buf, req);
  @ assigns \nothing;
  @ ensures \result < TUX_CODINGS;
  @*/
enum tux_coding tux_negotiate_coding(const uint8_t *buf, const struct tux_request *req, uint32_t available);

/*
 * True if Accept prefers application/json to text/html: by its weight or, at equal weight, because it names JSON and not HTML,
 * as clients do that append "text/plain" and everything else. False without Accept. Any context.
 */
/*@ requires request_readable(buf, req);
  @ assigns \nothing;
  @*/
bool tux_negotiate_json(const uint8_t *buf, const struct tux_request *req);

#endif
