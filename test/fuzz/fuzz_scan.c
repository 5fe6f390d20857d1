/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fast scanners and their plain twins say the same of every part of the input. */
#include <stdlib.h>

#include "scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = { "te", "accept", "if-match", "if-range", "user-agent", "if-modified-since",
		                             "if-unmodified-since" };
	static const uint32_t lengths[] = { 2, 6, 8, 8, 10, 17, 19 };
	uint32_t len = (uint32_t)size, off, i;

	for (off = 0; off <= len && off < 64; off++) {
		require(scan_target(data, off, len) == octet_skip(data, off, len, OCTET_TARGET));
		require(scan_value(data, off, len) == octet_skip(data, off, len, OCTET_VALUE));
		require(scan_question(data, off, len) == octet_find(data, off, len, '?'));
		for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			if (len - off >= lengths[i])
				require(scan_spells(data + off, words[i], lengths[i]) ==
				        octet_spells(data + off, words[i], lengths[i]));
		}
	}
	return 0;
}
