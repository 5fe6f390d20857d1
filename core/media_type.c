/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media types: a binary search by extension. */
#include "media_type.h"

#include "media_type_table.h"

static const struct tux_media_type unknown = { "application/octet-stream", 24 };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* As strcmp of the lower-cased len bytes at text with an entry's extension. */
static int compare(const uint8_t *text, uint32_t len, const char *extension)
{
	for (uint32_t i = 0; i < len; i++) {
		uint8_t theirs = (uint8_t)extension[i];

		if (theirs == 0 || lower(text[i]) > theirs)
			return 1;
		if (lower(text[i]) < theirs)
			return -1;
	}
	return extension[len] == '\0' ? 0 : -1;
}

static struct tux_media_type find(const uint8_t *extension, uint32_t len)
{
	uint32_t low = 0;
	uint32_t high = (uint32_t)(sizeof(table) / sizeof(table[0]));

	if (len == 0 || len > EXTENSION_MAX)
		return unknown;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare(extension, len, table[middle].extension);

		if (order == 0)
			return table[middle].type;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return unknown;
}

struct tux_media_type tux_media_type(const uint8_t *name, uint32_t len)
{
	uint32_t at = len;

	while (at > 0 && name[at - 1] != '/') {
		at--;
		if (name[at] == '.')
			return find(name + at + 1, len - at - 1);
	}
	return unknown;
}
