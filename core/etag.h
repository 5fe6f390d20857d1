/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entity tags (RFC 9110 8.8.3) from a file's metadata, hashed with a key so that none of it leaks. */
#ifndef TUX_CORE_ETAG_H
#define TUX_CORE_ETAG_H

#include "limit.h"
#include "negotiate.h"

/* The identity of a file's content. ctime changes with every write, even if mtime is set back. */
struct tux_file_identity {
	uint64_t device;
	uint64_t inode;
	uint64_t size;   /* bytes */
	int64_t mtime_s; /* seconds since 1970 */
	int64_t ctime_s;
	uint32_t mtime_ns;
	uint32_t ctime_ns;
	uint64_t content; /* tux_etag_content() of the bytes if the times do not suffice; else 0 */
};

/*
 * Writes a strong entity tag with its quotes, or a weak one. Returns its bytes (at most TUX_MAX_ETAG). The tag is a keyed hash
 * (SipHash-2-4) of identity and coding, so inode and times cannot be derived without the key. Any context.
 */
/*@ requires \valid_read(key + (0 .. 15)) && \valid_read(identity) && \valid(out + (0 .. TUX_MAX_ETAG - 1));
  @ requires coding < TUX_CODINGS;
  @ assigns out[0 .. TUX_MAX_ETAG - 1];
  @ ensures \result <= TUX_MAX_ETAG;
  @*/
uint32_t tux_etag_format(const uint8_t key[16], const struct tux_file_identity *identity, enum tux_coding coding,
                         bool weak, uint8_t out[TUX_MAX_ETAG]);

/* Returns a keyed hash of content, never 0. It is for files written too recently for their times to suffice. Any context. */
/*@ requires \valid_read(key + (0 .. 15)) && \valid_read(data + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result != 0;
  @*/
uint64_t tux_etag_content(const uint8_t key[16], const uint8_t *data, size_t len);

#endif
