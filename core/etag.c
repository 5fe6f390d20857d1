/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entity tags: a keyed hash of a file's identity. */
#include "etag.h"

#include "siphash.h"

/* Returns the bits of a number in two's complement. */
/*@ assigns \nothing; */
static uint64_t bits(int64_t number)
{
	return number >= 0 ? (uint64_t)number : UINT64_MAX - (uint64_t)-(number + 1);
}

uint64_t tux_etag_content(const uint8_t key[16], const uint8_t *data, size_t len)
{
	struct sip sip = sip_start(key);
	uint8_t last[8] = { 0 };
	size_t at = 0;
	uint64_t hash;

	/*@ loop invariant at <= len;
	  @ loop assigns at, sip;
	  @ loop variant len - at; */
	while (len - at >= 8) {
		sip_word(&sip, scan_load8(data + at));
		at += 8;
	}
	octet_copy(last, data + at, (uint32_t)(len - at));
	last[7] = (uint8_t)(len % 256);
	sip_word(&sip, scan_load8(last));
	hash = sip_end(&sip);
	return hash == 0 ? 1 : hash;
}

uint32_t tux_etag_format(const uint8_t key[16], const struct tux_file_identity *identity, enum tux_coding coding,
                         bool weak, uint8_t out[TUX_MAX_ETAG])
{
	static const uint8_t digits[16] = "0123456789abcdef";
	struct sip sip = sip_start(key);
	uint64_t hash;
	uint32_t len = 0;

	sip_word(&sip, identity->device);
	sip_word(&sip, identity->inode);
	sip_word(&sip, identity->size);
	sip_word(&sip, bits(identity->mtime_s));
	sip_word(&sip, bits(identity->ctime_s));
	sip_word(&sip, identity->mtime_ns * UINT64_C(0x100000000) + identity->ctime_ns);
	sip_word(&sip, identity->content);
	sip_word(&sip, (uint64_t)coding);
	hash = sip_end(&sip);
	if (weak) {
		out[len++] = 'W';
		out[len++] = '/';
	}
	out[len++] = '"';
	/*@ loop invariant 0 <= i <= 16 && len == \at(len, LoopEntry) + i;
	  @ loop assigns i, len, out[0 .. TUX_MAX_ETAG - 1];
	  @ loop variant 16 - i; */
	for (uint32_t i = 0; i < 16; i++)
		out[len++] = digits[hash >> (60 - 4 * i) & 15];
	out[len++] = '"';
	return len;
}
