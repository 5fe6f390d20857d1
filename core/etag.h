/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entity tags (RFC 9110 8.8.3) from what a file system knows of a file, keyed so that nothing of it leaks. */
#ifndef TUX_CORE_ETAG_H
#define TUX_CORE_ETAG_H

#include "limit.h"
#include "negotiate.h"

/* What identifies the content of a file. ctime moves with every write, whatever mtime is set to. */
struct tux_file_identity {
	uint64_t device;
	uint64_t inode;
	uint64_t size;   /* bytes */
	int64_t mtime_s; /* seconds since 1970 */
	int64_t ctime_s;
	uint32_t mtime_ns;
	uint32_t ctime_ns;
	uint64_t content; /* tux_etag_content() of the bytes where the times alone do not tell; else 0 */
};

/*
 * Writes a strong entity tag with its quotes, or a weak one, and returns its bytes (at most
 * TUX_MAX_ETAG). The tag is a keyed hash (SipHash-2-4) of identity and coding: without the key neither
 * inode nor times can be told from it. Any context.
 */
/*@ requires \valid_read(key + (0 .. 15)) && \valid_read(identity) && \valid(out + (0 .. TUX_MAX_ETAG - 1));
  @ requires coding < TUX_CODINGS;
  @ assigns out[0 .. TUX_MAX_ETAG - 1];
  @ ensures \result <= TUX_MAX_ETAG;
  @*/
uint32_t tux_etag_format(const uint8_t key[16], const struct tux_file_identity *identity, enum tux_coding coding,
                         bool weak, uint8_t out[TUX_MAX_ETAG]);

/* A keyed hash of content, never 0: for files written too recently for their times to tell. Any context. */
/*@ requires \valid_read(key + (0 .. 15)) && \valid_read(data + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result != 0;
  @*/
uint64_t tux_etag_content(const uint8_t key[16], const uint8_t *data, size_t len);

#endif
