/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shared memory between the server and a process of an isolated module: for each engine thread a pair of rings of records. A ring has
 * one writer and one reader. Neither side trusts the other: each keeps its own position to itself, copies the other's, copies a record
 * once, and checks the copy. record.h has the records, their checks and the arithmetic.
 */
#ifndef TUX_ENGINE_ISOLATED_WIRE_H
#define TUX_ENGINE_ISOLATED_WIRE_H

#include "record.h"

/* A ring, in shared memory. Positions count bytes since the start. */
struct wire_ring {
	_Alignas(64) uint64_t head; /* atomic; the writer's */
	uint32_t wants_room;        /* atomic: the writer waits for room */
	_Alignas(64) uint64_t tail; /* atomic; the reader's */
	uint32_t sleeps;            /* atomic: the reader sleeps, so the writer wakes it */
	_Alignas(64) uint8_t bytes[WIRE_RING];
};

struct wire_pair {
	struct wire_ring to_module;
	struct wire_ring to_server;
};

/* One end of a ring, in memory of its own process. */
struct wire_end {
	struct wire_ring *ring;
	uint64_t at; /* own position */
};

/* A piece of a record. */
struct wire_part {
	const void *at;
	uint32_t len;
};

/* True if the record fits now. For the writer. */
bool wire_fits(const struct wire_end *end, uint32_t len);

/* True if the reader's position is one that it can have. For the writer, whose records would wait for ever otherwise. */
bool wire_reader_is_sane(const struct wire_end *end);

/* Writes a record whose bytes are the parts; record->len is set here. Returns false without room for it. For the writer. */
bool wire_write(struct wire_end *end, struct wire_record *record, const struct wire_part *part, unsigned parts);

/* Reads a record, with its bytes copied to buf, which has room for WIRE_RECORD. For the reader. */
enum wire_read wire_read(struct wire_end *end, struct wire_record *record, uint8_t *buf);

/* True if a record can be read, or the ring is broken. For the reader. */
bool wire_waits(const struct wire_end *end);

/* Declares that the reader sleeps unless wire_waits(), or that it does not. */
void wire_sleep(struct wire_end *end, bool sleeps);

/* Declares that the writer waits for room. It has to look once more afterwards. */
void wire_want_room(struct wire_end *end);

/* True, once, if the reader has to be woken. For the writer, after writing. */
bool wire_wakes_reader(struct wire_end *end);

/* True, once, if the writer waits for room. For the reader, after reading. */
bool wire_wakes_writer(struct wire_end *end);

#endif
