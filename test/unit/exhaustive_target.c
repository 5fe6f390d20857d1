/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares tux_target_normalise() with a model, for every word of up to seven octets of a small, difficult alphabet, and every word
 * of eight that starts with a slash. It must also keep its promise and write nothing beyond its room.
 */
#include "sanitizer.h"
#include "target_model.h"

#include <stdio.h>
#include <string.h>

enum {
#ifdef SANITIZED
	LONGEST = 6, /* octets; fewer, because sanitizers are slow */
#else
	LONGEST = 7,
#endif
	LONGEST_PATH = LONGEST + 1, /* octets of a path with a leading slash; all paths without one are refused alike */
	GUARD = 0xa5,
};

static const uint8_t alphabet[12] = { '/', '.', '%', '2', 'e', 'E', 'f', 'F', 0, 'a', '?', '#' };

static void print_path(const char *what, int refusal, const uint8_t *path, uint32_t len)
{
	uint32_t i;

	fprintf(stderr, "%s (%d): ", what, refusal);
	for (i = 0; i < len; i++)
		fprintf(stderr, path[i] > 0x20 && path[i] < 0x7f ? "%c" : "\\x%02x", path[i]);
	fputc('\n', stderr);
}

static bool agrees(const uint8_t *src, uint32_t len, unsigned long *refusals)
{
	uint8_t dst[LONGEST_PATH + 1], expected[LONGEST_PATH];
	uint32_t dst_len, expected_len;
	enum tux_refusal refusal, expected_refusal;

	forget(dst, sizeof(dst));
	dst[len] = GUARD;
	refusal = tux_target_normalise(src, len, dst, &dst_len);
	expected_refusal = target_model_normalise(src, len, expected, &expected_len);
	refusals[expected_refusal]++;
	if (refusal == expected_refusal && dst_len == expected_len && dst[len] == GUARD &&
	    (refusal != TUX_ACCEPTED ||
	     (memcmp(dst, expected, dst_len) == 0 && target_model_is_normal(dst, dst_len, len))))
		return true;
	print_path("path", 0, src, len);
	print_path("result", (int)refusal, dst, dst_len);
	print_path("model", (int)expected_refusal, expected, expected_len);
	return false;
}

/* Counts through all words of the alphabet: digit[] is the number, least digit first. */
static bool next_word(uint8_t *digit, uint8_t *word, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++) {
		digit[i] = (uint8_t)((digit[i] + 1u) % sizeof(alphabet));
		word[i] = alphabet[digit[i]];
		if (digit[i] != 0)
			return true;
	}
	return false;
}

int main(void)
{
	unsigned long paths = 0, wrong = 0, refusals[TUX_REFUSALS] = { 0 };
	uint32_t len;

	for (len = 0; len <= LONGEST_PATH; len++) {
		uint8_t src[LONGEST_PATH], digit[LONGEST_PATH] = { 0 };
		uint32_t fixed = len > LONGEST ? 1 : 0;

		memset(src, alphabet[0], sizeof(src));
		do {
			paths++;
			if (!agrees(src, len, refusals) && ++wrong == 20)
				return 1;
		} while (next_word(digit, src + fixed, len - fixed));
	}
	printf("%lu paths of up to %d octets%s: %lu accepted, %lu without a slash in front, %lu broken escapes, "
	       "%lu above the root; %lu wrong\n",
	       paths, LONGEST_PATH, LONGEST < 7 ? " (8 without sanitizers)" : "", refusals[TUX_ACCEPTED],
	       refusals[TUX_REFUSED_TARGET], refusals[TUX_REFUSED_ESCAPE], refusals[TUX_REFUSED_DOT_DOT], wrong);
	/* A model that always gives one result would agree too rarely. */
	return wrong != 0 || refusals[TUX_ACCEPTED] == 0 || refusals[TUX_REFUSED_TARGET] == 0 ||
	       refusals[TUX_REFUSED_ESCAPE] == 0 || refusals[TUX_REFUSED_DOT_DOT] == 0;
}
