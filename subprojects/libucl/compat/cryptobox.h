/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rspamd's copy of libucl takes from rspamd to hash the keys of a file: FNV-1a will do for a configuration. */
#ifndef TUX_LIBUCL_CRYPTOBOX_H
#define TUX_LIBUCL_CRYPTOBOX_H

#include <stddef.h>
#include <stdint.h>

typedef unsigned char guchar;
typedef struct { uint64_t hash; } rspamd_cryptobox_fast_hash_state_t;

static inline void rspamd_cryptobox_fast_hash_init(rspamd_cryptobox_fast_hash_state_t *state, uint64_t seed)
{
	state->hash = seed ^ 0xcbf29ce484222325u;
}

static inline void rspamd_cryptobox_fast_hash_update(rspamd_cryptobox_fast_hash_state_t *state, const void *data, size_t len)
{
	const guchar *octet = data;
	size_t i;

	for (i = 0; i < len; i++)
		state->hash = (state->hash ^ octet[i]) * 0x100000001b3u;
}

static inline uint64_t rspamd_cryptobox_fast_hash_final(rspamd_cryptobox_fast_hash_state_t *state)
{
	return state->hash ^ state->hash >> 32;
}

static inline uint64_t rspamd_cryptobox_fast_hash(const void *data, size_t len, uint64_t seed)
{
	rspamd_cryptobox_fast_hash_state_t state;

	rspamd_cryptobox_fast_hash_init(&state, seed);
	rspamd_cryptobox_fast_hash_update(&state, data, len);
	return rspamd_cryptobox_fast_hash_final(&state);
}

#endif
