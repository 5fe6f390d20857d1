/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring of access records: one thread writes, the log's thread reads, neither waits for the other. */
#ifndef TUX_ENGINE_RECORDS_H
#define TUX_ENGINE_RECORDS_H

#include "../core/record.h"

struct records {
	uint8_t *ring;
	uint64_t head __attribute__((aligned(64))); /* bytes ever written; the writer's */
	uint64_t lost;                              /* records for which there was no room; the writer's */
	uint64_t tail __attribute__((aligned(64))); /* bytes ever read; the reader's */
};

bool records_open(struct records *records);
void records_free(struct records *records);

/* Appends a record with its texts. False, counted as lost, when there is no room. The writer. */
bool records_write(struct records *records, const struct tux_record *record, const uint8_t *text, uint32_t text_len);

/* Copies whole records out, at most cap bytes; returns the bytes. The reader. */
size_t records_read(struct records *records, uint8_t *out, size_t cap);

/* Whether there is something to read. The reader. */
bool records_waiting(const struct records *records);

#endif
