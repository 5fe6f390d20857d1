/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access records in a ring, whose writer is another thread or the kernel engine: the reader trusts neither size nor position. */
#ifndef TUX_ENGINE_LOG_RING_READER_H
#define TUX_ENGINE_LOG_RING_READER_H

#include "../../core/access_record.h"

/*
 * Copies whole records from *tail up to head of a ring of size bytes, at most cap bytes, and advances *tail. Without a valid record
 * the reader cannot find the next one: it skips to head, and reports that with the name of the writer. Returns the bytes.
 */
size_t ring_records_read(const uint8_t *ring, uint32_t size, uint64_t head, uint64_t *tail, uint8_t *out, size_t cap, const char *writer);

#endif
