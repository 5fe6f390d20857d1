/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012). Inside the core only. Its sums and shifts wrap intentionally, so only this file is
 * proved without the check for unsigned overflow.
 */
#ifndef TUX_CORE_SIPHASH_H
#define TUX_CORE_SIPHASH_H

#include "scan.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

/*@ requires 0 < bits < 64;
  @ assigns \nothing;
  @*/
static inline uint64_t rotate(uint64_t word, uint32_t bits)
{
	return word << bits | word >> (64 - bits);
}

/*@ requires \valid(sip);
  @ assigns *sip;
  @*/
static inline void sip_round(struct sip *sip)
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

/*@ requires \valid(sip);
  @ assigns *sip;
  @*/
static inline void sip_word(struct sip *sip, uint64_t word)
{
	sip->v3 ^= word;
	sip_round(sip);
	sip_round(sip);
	sip->v0 ^= word;
}

/*@ requires \valid_read(key + (0 .. 15));
  @ assigns \nothing;
  @*/
static inline struct sip sip_start(const uint8_t key[16])
{
	uint64_t k0 = scan_load8(key);
	uint64_t k1 = scan_load8(key + 8);

	return (struct sip){
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
}

/*@ requires \valid(sip);
  @ assigns *sip;
  @*/
static inline uint64_t sip_end(struct sip *sip)
{
	sip->v2 ^= 0xff;
	/*@ loop invariant 0 <= i <= 4;
	  @ loop assigns i, *sip;
	  @ loop variant 4 - i; */
	for (uint32_t i = 0; i < 4; i++)
		sip_round(sip);
	return sip->v0 ^ sip->v1 ^ sip->v2 ^ sip->v3;
}

#endif
