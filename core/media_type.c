/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media types: a binary search by extension, or by the name of a file without extension. */
#include "media_type.h"

#include "media_type_table.h"
#include "octet.h"

static const struct tux_text unknown = { "application/octet-stream", 24 };

/* Like strcmp(), but for the lower-cased len bytes at text and the extension of an entry. */
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

/* Returns the entry between low and high that is these len bytes, in any case; TABLE_ENTRIES if the table lacks it. */
/*@ requires \valid_read(text + (0 .. len - 1)) && low <= high <= TABLE_ENTRIES;
  @ assigns \nothing;
  @ ensures \result <= TABLE_ENTRIES;
  @*/
static uint32_t find(const uint8_t *text, uint32_t len, uint32_t low, uint32_t high)
{
	if (len == 0 || len > EXTENSION_MAX)
		return TABLE_ENTRIES;
	/*@ loop invariant low <= high <= TABLE_ENTRIES;
	  @ loop assigns low, high;
	  @ loop variant high - low; */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = compare(text, len, middle);

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return TABLE_ENTRIES;
}

/* Returns the entry of the last segment's last extension, or of a whole segment without one; TABLE_ENTRIES if the table lacks it. */
/*@ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= TABLE_ENTRIES;
  @*/
static uint32_t find_of_name(const uint8_t *name, uint32_t len)
{
	uint32_t at = len;

	/*@ loop invariant at <= len;
	  @ loop assigns at;
	  @ loop variant at; */
	while (at > 0 && name[at - 1] != '/') {
		at--;
		if (name[at] == '.')
			return find(name + at + 1, len - at - 1, 0, TABLE_EXTENSIONS);
	}
	return find(name + at, len - at, TABLE_EXTENSIONS, TABLE_ENTRIES);
}

struct tux_text tux_media_type(const uint8_t *name, uint32_t len)
{
	const uint32_t entry = find_of_name(name, len);

	return entry < TABLE_ENTRIES ? table[entry].type : unknown;
}

bool tux_media_type_known(const uint8_t *name, uint32_t len)
{
	return find_of_name(name, len) < TABLE_ENTRIES;
}
