/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every path of a slash and up to six octets of a small, nasty alphabet: tux_target_normalise() must do
 * what the model does, keep its promise, and write nothing behind its room.
 */
#include "target_model.h"

#include <stdio.h>

enum { LONGEST = 7, GUARD = 0xa5 };

static const uint8_t alphabet[12] = { '/', '.', '%', '2', 'e', 'E', 'f', 'F', 0, 'a', '?', '#' };

static void print_path(const char *what, int refusal, const uint8_t *path, uint32_t len)
{
	uint32_t i;

	fprintf(stderr, "%s (%d): ", what, refusal);
	for (i = 0; i < len; i++)
		fprintf(stderr, path[i] > 0x20 && path[i] < 0x7f ? "%c" : "\\x%02x", path[i]);
	fputc('\n', stderr);
}

static bool agrees(const uint8_t *src, uint32_t len)
{
	uint8_t dst[LONGEST + 1], expected[LONGEST];
	uint32_t dst_len, expected_len;
	enum tux_refusal refusal, expected_refusal;

	memset(dst, GUARD, sizeof(dst));
	refusal = tux_target_normalise(src, len, dst, &dst_len);
	expected_refusal = target_model_normalise(src, len, expected, &expected_len);
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
	unsigned long paths = 0, wrong = 0;
	uint32_t len;

	for (len = 1; len <= LONGEST; len++) {
		uint8_t src[LONGEST] = { '/' }, digit[LONGEST] = { 0 };

		memset(src + 1, alphabet[0], len - 1);
		do {
			paths++;
			if (!agrees(src, len) && ++wrong == 20)
				return 1;
		} while (next_word(digit, src + 1, len - 1));
	}
	printf("%lu paths, %lu wrong\n", paths, wrong);
	return wrong != 0;
}
