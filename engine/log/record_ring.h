/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring of access records: one thread writes, the log's thread reads, neither waits for the other. */
#ifndef TUX_ENGINE_LOG_RECORD_RING_H
#define TUX_ENGINE_LOG_RECORD_RING_H

#include "../../core/access_record.h"

struct record_ring {
	uint8_t *ring;
	uint64_t head __attribute__((aligned(64))); /* bytes ever written; the writer's */
	uint64_t reserved;                          /* bytes of records that are still to be written; the writer's */
	uint64_t tail __attribute__((aligned(64))); /* bytes ever read; the reader's */
};

bool record_ring_open(struct record_ring *records);
void record_ring_free(struct record_ring *records);

/* Whether there is room for the largest record, and a few that nobody asked for, besides those that it is reserved for. The writer. */
bool record_ring_room(const struct record_ring *records);

/* Keeps bytes free for a record that is written later; it is given back just before that. The writer. */
void record_ring_reserve(struct record_ring *records, uint32_t bytes);
void record_ring_unreserve(struct record_ring *records, uint32_t bytes);

/* Appends a record with its texts. False when there is no room. The writer. */
bool record_ring_write(struct record_ring *records, const struct tux_access_record *record, const uint8_t *text, uint32_t text_len);

/* Copies whole records out, at most cap bytes; returns the bytes. The reader. */
size_t record_ring_read(struct record_ring *records, uint8_t *out, size_t cap);

/* Whether there is something to read. The reader. */
bool record_ring_waiting(const struct record_ring *records);

#endif
