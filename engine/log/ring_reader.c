/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring_reader.h"

#include <string.h>

#include "../../core/ring.h"
#include "../io/error_log.h"

/* Copies the fixed part of the record at tail. Returns false if no valid record is there. */
static bool look(const uint8_t *ring, uint32_t size, uint64_t head, uint64_t tail, struct tux_access_record *record)
{
	const uint32_t left = tux_ring_used(head, tail, size);

	if (left < sizeof(*record))
		return false;
	tux_ring_copy_out(ring, size, tail, (uint8_t *)record, sizeof(*record));
	return tux_access_record_valid(record, left);
}

size_t ring_records_read(const uint8_t *ring, uint32_t size, uint64_t head, uint64_t *tail, uint8_t *out, size_t cap, const char *writer)
{
	static const char skipped[] = "skipped access records because one is invalid";
	size_t len = 0;

	while (*tail != head) {
		struct tux_access_record record;
		uint32_t texts;

		if (!look(ring, size, head, *tail, &record)) {
			(void)say(writer, skipped, sizeof(skipped) - 1);
			*tail = head;
			break;
		}
		if (cap - len < record.size)
			break;
		texts = record.size - (uint32_t)sizeof(record);
		memcpy(out + len, &record, sizeof(record)); /* the copy that was checked */
		tux_ring_copy_out(ring, size, *tail + sizeof(record), out + len + sizeof(record), texts);
		len += record.size;
		*tail += record.size;
	}
	return len;
}
