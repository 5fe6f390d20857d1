/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring of access records: one thread writes, the log's thread reads, neither waits for the other. */
#ifndef TUX_ENGINE_LOG_RECORD_RING_H
#define TUX_ENGINE_LOG_RECORD_RING_H

#include "../../core/access_record.h"

struct record_ring {
	uint8_t *ring;
	uint64_t head __attribute__((aligned(64))); /* bytes ever written; owned by the writer */
	uint64_t reserved;                          /* bytes of records to be written; owned by the writer */
	uint64_t tail __attribute__((aligned(64))); /* bytes ever read; owned by the reader */
};

bool record_ring_open(struct record_ring *records);
void record_ring_free(struct record_ring *records);

/* True if there is room for the largest record, and a few unchecked ones, in addition to the reserved room. For the writer. */
bool record_ring_room(const struct record_ring *records);

/* Reserves bytes for a record that is written later. The writer releases them before that write. */
void record_ring_reserve(struct record_ring *records, uint32_t bytes);
void record_ring_unreserve(struct record_ring *records, uint32_t bytes);

/* Appends a record with its texts. Returns false if there is no room. For the writer. */
bool record_ring_write(struct record_ring *records, const struct tux_access_record *record, const uint8_t *text, uint32_t text_len);

/* Copies whole records, at most cap bytes. Returns the bytes. For the reader. */
size_t record_ring_read(struct record_ring *records, uint8_t *out, size_t cap);

/* True if a record can be read. For the reader. */
bool record_ring_waiting(const struct record_ring *records);

#endif
