/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entity tags: SipHash-2-4 (Aumasson and Bernstein, 2012) over what identifies a file. */
#include "etag.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, uint32_t bits)
{
	return word << bits | word >> (64 - bits);
}

static uint64_t load_le(const uint8_t *at)
{
	uint64_t word = 0;

	for (uint32_t i = 0; i < 8; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return word;
}

static void sip_round(struct sip *sip)
{
	sip->v0 += sip->v1;
	sip->v1 = rotate(sip->v1, 13) ^ sip->v0;
	sip->v0 = rotate(sip->v0, 32);
	sip->v2 += sip->v3;
	sip->v3 = rotate(sip->v3, 16) ^ sip->v2;
	sip->v0 += sip->v3;
	sip->v3 = rotate(sip->v3, 21) ^ sip->v0;
	sip->v2 += sip->v1;
	sip->v1 = rotate(sip->v1, 17) ^ sip->v2;
	sip->v2 = rotate(sip->v2, 32);
}

static void sip_word(struct sip *sip, uint64_t word)
{
	sip->v3 ^= word;
	sip_round(sip);
	sip_round(sip);
	sip->v0 ^= word;
}

static struct sip sip_start(const uint8_t key[16])
{
	uint64_t k0 = load_le(key);
	uint64_t k1 = load_le(key + 8);

	return (struct sip){
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
}

static uint64_t sip_end(struct sip *sip)
{
	sip->v2 ^= 0xff;
	for (uint32_t i = 0; i < 4; i++)
		sip_round(sip);
	return sip->v0 ^ sip->v1 ^ sip->v2 ^ sip->v3;
}

uint64_t tux_etag_content(const uint8_t key[16], const uint8_t *data, size_t len)
{
	struct sip sip = sip_start(key);
	uint8_t last[8] = { 0 };
	size_t at = 0;
	uint64_t hash;

	while (len - at >= 8) {
		sip_word(&sip, load_le(data + at));
		at += 8;
	}
	if (len - at > 0)
		memcpy(last, data + at, len - at);
	last[7] = (uint8_t)len;
	sip_word(&sip, load_le(last));
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
	sip_word(&sip, (uint64_t)identity->mtime_s);
	sip_word(&sip, (uint64_t)identity->ctime_s);
	sip_word(&sip, (uint64_t)identity->mtime_ns << 32 | identity->ctime_ns);
	sip_word(&sip, identity->content);
	sip_word(&sip, (uint64_t)coding);
	hash = sip_end(&sip);
	if (weak) {
		out[len++] = 'W';
		out[len++] = '/';
	}
	out[len++] = '"';
	for (uint32_t i = 0; i < 16; i++)
		out[len++] = digits[hash >> (60 - 4 * i) & 15];
	out[len++] = '"';
	return len;
}
