/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring of access records: one thread writes, the log's thread reads, neither waits for the other. */
#ifndef TUX_ENGINE_LOG_RECORD_RING_H
#define TUX_ENGINE_LOG_RECORD_RING_H

#include "../../core/record.h"

struct records {
	uint8_t *ring;
	uint64_t head __attribute__((aligned(64))); /* bytes ever written; the writer's */
	uint64_t reserved;                          /* bytes of records that are still to be written; the writer's */
	uint64_t tail __attribute__((aligned(64))); /* bytes ever read; the reader's */
};

bool records_open(struct records *records);
void records_free(struct records *records);

/* Whether there is room for the largest record, and a few that nobody asked for, besides those that it is reserved for. The writer. */
bool records_room(const struct records *records);

/* Keeps bytes free for a record that is written later; it is given back just before that. The writer. */
void records_reserve(struct records *records, uint32_t bytes);
void records_unreserve(struct records *records, uint32_t bytes);

/* Appends a record with its texts. False when there is no room. The writer. */
bool records_write(struct records *records, const struct tux_record *record, const uint8_t *text, uint32_t text_len);

/* Copies whole records out, at most cap bytes; returns the bytes. The reader. */
size_t records_read(struct records *records, uint8_t *out, size_t cap);

/* Whether there is something to read. The reader. */
bool records_waiting(const struct records *records);

#endif
