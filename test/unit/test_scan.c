/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares the octet classes with the grammar, and the fast scanners with their plain counterparts. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scan.h"

/* Compares the table with the grammar of the RFCs. */
static void test_octets(void **state)
{
	unsigned int octet;

	(void)state;
	for (octet = 0; octet < 256; octet++) {
		uint8_t o = (uint8_t)octet;
		bool alnum = octet < 0x80 && isalnum((int)octet);
		bool unreserved = alnum || (octet && strchr("-._~", (int)octet));
		bool sub_delim = octet && strchr("!$&'()*+,;=", (int)octet);

		assert_int_equal(octet_is(o, OCTET_TOKEN), alnum || (octet && strchr("!#$%&'*+-.^_`|~", (int)octet)));
		assert_int_equal(octet_is(o, OCTET_TARGET), octet > 0x20 && octet != 0x7f && octet != '#');
		assert_int_equal(octet_is(o, OCTET_VALUE), octet == '\t' || (octet >= 0x20 && octet != 0x7f));
		assert_int_equal(octet_is(o, OCTET_HOST), unreserved || sub_delim);
		assert_int_equal(octet_is(o, OCTET_PLAIN), octet && octet != '%' && octet != '/');
		assert_int_equal(octet_is(o, OCTET_UNESCAPED), unreserved || sub_delim || (octet && strchr("/:@", (int)octet)));
		assert_int_equal(octet_is_blank(o), octet == ' ' || octet == '\t');
		assert_int_equal(octet_lower(o), octet < 0x80 ? tolower((int)octet) : (int)octet);
		assert_int_equal(octet_hex(o) < 16, octet < 0x80 && isxdigit((int)octet));
	}
}

/* Checks the facts about shifts that scan.h gives to the prover: every octet, every used shift. */
static void test_shift(void **state)
{
	(void)state;
	for (unsigned int octet = 0; octet < 256; octet++) {
		for (unsigned int bits = 0; bits <= 56; bits++) {
			unsigned __int128 shifted = (unsigned __int128)octet << bits;

			assert_true(shifted <= UINT64_C(0xff00000000000000) && shifted == (uint64_t)octet << bits);
		}
	}
}

static void check_eight(const uint8_t *eight)
{
	uint64_t load = scan_load8(eight);
	bool value = true, target = true, question = false;
	uint8_t lower[8];

	for (unsigned int i = 0; i < 8; i++) {
		value = value && octet_is(eight[i], OCTET_VALUE) && eight[i] != '\t';
		target = target && octet_is(eight[i], OCTET_TARGET);
		question = question || eight[i] == '?';
		lower[i] = octet_lower(eight[i]);
		assert_int_equal((uint8_t)(load >> (8 * i)), eight[i]);
	}
	assert_int_equal(scan_all_value(load), value);
	assert_int_equal(scan_all_target(load), target);
	assert_int_equal(scan_no_question(load), !question);
	assert_true(scan_lower8(load) == scan_load8(lower));
}

/* Every pair of neighbours at every position, so that a carry from one octet into the next is detected. */
static void test_eight(void **state)
{
	(void)state;
	for (unsigned int pair = 0; pair < 0x10000; pair++) {
		for (unsigned int at = 0; at < 7; at++) {
			for (unsigned int filler = 0; filler < 3; filler++) {
				uint8_t eight[8];

				memset(eight, "!~\xff"[filler], sizeof(eight));
				eight[at] = (uint8_t)pair;
				eight[at + 1] = (uint8_t)(pair >> 8);
				check_eight(eight);
			}
		}
	}
}

/* Whole scanners on texts of up to 40 octets that end in every octet at every position. */
static void test_twins(void **state)
{
	uint8_t text[40];

	(void)state;
	for (unsigned int octet = 0; octet < 256; octet++) {
		for (uint32_t len = 0; len <= sizeof(text); len++) {
			for (uint32_t at = 0; at < len; at++) {
				memset(text, 'a', sizeof(text));
				text[at] = (uint8_t)octet;
				assert_int_equal(scan_target(text, 0, len), octet_skip(text, 0, len, OCTET_TARGET));
				assert_int_equal(scan_value(text, 0, len), octet_skip(text, 0, len, OCTET_VALUE));
				assert_int_equal(scan_question(text, 0, len), octet_find(text, 0, len, '?'));
			}
		}
	}
}

/* Every octet at every position of a text of every length. */
static void test_spells(void **state)
{
	static const char word[] = "if-unmodified-since-and-further";

	(void)state;
	for (uint32_t len = 0; len < sizeof(word); len++) {
		for (uint32_t at = 0; at < len; at++) {
			for (unsigned int octet = 0; octet < 256; octet++) {
				uint8_t text[sizeof(word)];

				memcpy(text, word, sizeof(text));
				text[at] = (uint8_t)octet;
				assert_int_equal(scan_spells(text, word, len), octet_spells(text, word, len));
				assert_int_equal(octet_spells(text, word, len), tolower((int)octet) == word[at]);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets), cmocka_unit_test(test_shift),  cmocka_unit_test(test_eight),
		cmocka_unit_test(test_twins),  cmocka_unit_test(test_spells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
