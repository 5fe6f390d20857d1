/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shared memory between the server and a process of an isolated module: for each engine thread a pair of rings of records. A ring has
 * one writer and one reader. Neither side trusts the other: each keeps its own position to itself, copies the other's, copies a record
 * once, and checks the copy. The arithmetic is that of core/ring.h.
 */
#ifndef TUX_ENGINE_ISOLATED_WIRE_H
#define TUX_ENGINE_ISOLATED_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WIRE_RING = 256 * 1024,  /* bytes of records in a ring */
	WIRE_RECORD = 96 * 1024, /* bytes of a record, its head not counted */
	WIRE_PIECE = 32 * 1024,  /* bytes of a long body in one record */
	WIRE_INLINE = 64 * 1024, /* bytes of a body in the record of its reply */
	WIRE_WINDOW = 64 * 1024, /* bytes of a body in pieces that the reader has not taken */
	WIRE_SLOTS = 1024,       /* requests that a module has at a time, per engine thread */
	WIRE_VERSION = 2,
};

/* Kinds of records. The server and the module are built together: both are the same program. */
enum wire_kind {
	/* to the module */
	WIRE_CALL = 1, /* struct wire_call, the head's structure and bytes, and the path: a request */
	WIRE_BODY,     /* bytes of its body; as many as wire_call says follow */
	WIRE_INPUT,    /* bytes of a body that is read in pieces, or of a tunnel */
	WIRE_INPUT_END, /* struct wire_input_end: no more of them follow */
	WIRE_CLOSING,  /* the server process will end, and so should the tunnel */
	WIRE_GONE,     /* the request has ended without the module */
	WIRE_ROOM,     /* struct wire_room: the server has taken bytes of a reply */
	WIRE_FOUND,    /* struct wire_found: the result of a look-up */
	WIRE_CONTENT,  /* bytes of the file that was found; none: it cannot be read */
	WIRE_FETCHED,  /* struct wire_fetched: the result of a fetch */
	WIRE_ANSWER,   /* bytes of the head of its answer, and then of the content; as many as wire_fetched says follow */
	/* to the server */
	WIRE_REPLY,    /* struct wire_reply, and its texts */
	WIRE_DATA,     /* bytes of a reply's body */
	WIRE_PAUSE,    /* a flag WIRE_WAITS...: the module waits for a time that it has chosen, or for input; else it goes on */
	WIRE_TAKEN,    /* struct wire_room: the module has taken bytes of its input since the start, or wants the first ones */
	WIRE_END,      /* the reply is complete; flag WIRE_CUT: it is cut; flag WIRE_HALF: but the module reads the tunnel */
	WIRE_LOOKUP,   /* the path of a file, as in a request: the module waits for WIRE_FOUND, and has written nothing that was not taken */
	WIRE_FILE,     /* struct wire_part_of_file: bytes of the file that was found belong to the reply. They count as taken by WIRE_ROOM */
	WIRE_READ_FILE, /* struct wire_part_of_file: the module waits for WIRE_CONTENT */
	WIRE_FETCH,    /* struct wire_fetch, and the head of a request to an upstream: the module waits for WIRE_FETCHED, like WIRE_LOOKUP */
	WIRE_FETCH_BODY, /* bytes of its body; as many as wire_fetch says follow at once */
	WIRE_RECEIVED, /* struct wire_room: bytes of WIRE_ANSWER that have come */
};

enum { WIRE_CUT = 1, WIRE_HALF = 2, WIRE_WAITS = 1, WIRE_WAITS_FOR_INPUT = 2 };

struct wire_record {
	uint32_t len; /* bytes after this structure, without padding to a multiple of 8 */
	uint8_t kind; /* enum wire_kind */
	uint8_t flags;
	uint16_t zero;
	uint32_t slot;       /* number of the request */
	uint32_t generation; /* of the slot: a slot is used again for another request */
};

struct wire_call {
	uint64_t body_len; /* bytes of the body, in records that follow; UINT64_MAX: the module reads it in pieces */
	uint32_t head_len; /* bytes of the request head */
	uint32_t path_len;
	uint32_t fields;   /* lines in the structure of the head */
	uint16_t client_port;
	uint16_t zero;
	uint8_t client_address[16];
};

struct wire_room {
	uint64_t taken; /* bytes that were taken, since the start of the reply, or of the input */
};

struct wire_input_end {
	int32_t error; /* a negative errno; 0: the input is whole */
	uint32_t zero;
};

struct wire_found {
	uint64_t size;  /* bytes of the file */
	int32_t error;  /* a negative errno, or 0 */
	uint32_t zero;
};

struct wire_fetch {
	uint64_t body_len;
	uint32_t upstream;  /* number in the configuration */
	uint32_t max_bytes; /* of the content of the answer */
};

struct wire_fetched {
	uint64_t content_len;
	int32_t error;     /* 0, or errno: no answer follows */
	uint32_t head_len;
};

struct wire_part_of_file {
	uint64_t off;
	uint64_t len;
};

enum wire_result {
	WIRE_BYTES,    /* the body is in this record */
	WIRE_STREAM,   /* the body follows in records */
	WIRE_TARGET,   /* text is another target, which responds */
	WIRE_REDIRECT, /* text is a location */
	WIRE_DECLINED,
	WIRE_FAILED,
	WIRE_TUNNEL,   /* the type is the protocol; bytes follow in records */
};

/* Followed by type, fields, text and body, in this order. */
struct wire_reply {
	uint64_t total; /* bytes of the body of WIRE_STREAM; UINT64_MAX: unknown */
	uint32_t result; /* enum wire_result */
	uint32_t status;
	uint32_t type_len;
	uint32_t fields_len;
	uint32_t text_len;
	uint32_t body_len;
};

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

enum wire_read {
	WIRE_NOTHING,
	WIRE_READ,
	WIRE_BROKEN, /* the other side has written nonsense */
};

/* A piece of a record. */
struct wire_part {
	const void *at;
	uint32_t len;
};

/* Returns the bytes that a record of len bytes occupies; 0 if no record is that long. */
static inline uint32_t wire_bytes(uint32_t len)
{
	return len <= WIRE_RECORD ? (uint32_t)sizeof(struct wire_record) + ((len + 7) & ~UINT32_C(7)) : 0;
}

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

/* True if the lengths in a reply are those of a record of len bytes. Pure. */
bool wire_reply_valid(const struct wire_reply *reply, uint32_t len);

/* True if the lengths in a call are those of a record of len bytes, and head_bytes are its structure of the head. Pure. */
bool wire_call_valid(const struct wire_call *call, uint32_t len, uint32_t head_bytes);

#endif
