/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media types: a binary search by extension. */
#include "media_type.h"

#include "media_type_table.h"
#include "octet.h"

static const struct tux_text unknown = { "application/octet-stream", 24 };

/* As strcmp of the lower-cased len bytes at text with the extension of an entry. */
/*@ requires len <= EXTENSION_MAX && entry < TABLE_ENTRIES && \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @*/
static int compare(const uint8_t *text, uint32_t len, uint32_t entry)
{
	/*@ loop invariant 0 <= i <= len;
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++) {
		uint8_t ours = octet_lower(text[i]);
		uint8_t theirs = table[entry].extension[i];

		if (theirs == 0 || ours > theirs)
			return 1;
		if (ours < theirs)
			return -1;
	}
	return table[entry].extension[len] == 0 ? 0 : -1;
}

/*@ requires \valid_read(extension + (0 .. len - 1));
  @ assigns \nothing;
  @*/
static struct tux_text find(const uint8_t *extension, uint32_t len)
{
	uint32_t low = 0;
	uint32_t high = TABLE_ENTRIES;

	if (len == 0 || len > EXTENSION_MAX)
		return unknown;
	/*@ loop invariant low <= high <= TABLE_ENTRIES;
	  @ loop assigns low, high;
	  @ loop variant high - low; */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare(extension, len, middle);

		if (order == 0)
			return table[middle].type;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return unknown;
}

struct tux_text tux_media_type(const uint8_t *name, uint32_t len)
{
	uint32_t at = len;

	/*@ loop invariant at <= len;
	  @ loop assigns at;
	  @ loop variant at; */
	while (at > 0 && name[at - 1] != '/') {
		at--;
		if (name[at] == '.')
			return find(name + at + 1, len - at - 1);
	}
	return unknown;
}
