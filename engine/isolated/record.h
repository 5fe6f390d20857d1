/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
/* The records between the server and a process of an isolated module, and their checks. Neither side trusts the other. Pure. */
#ifndef TUX_ENGINE_ISOLATED_RECORD_H
#define TUX_ENGINE_ISOLATED_RECORD_H

#include "../../core/limit.h"
#include "../../core/request.h"
#include "../../core/response.h"
#include "../../core/ring.h"

enum {
	WIRE_RING = 256 * 1024,  /* bytes of records in a ring */
	WIRE_RECORD = 96 * 1024, /* bytes of a record, its head not counted */
	WIRE_PIECE = 32 * 1024,  /* bytes of a long body in one record */
	WIRE_INLINE = 64 * 1024, /* bytes of a body in the record of its reply */
	WIRE_WINDOW = 64 * 1024, /* bytes of a body in pieces that the reader has not taken */
	WIRE_HEAD = 16,          /* bytes of struct wire_record */
	WIRE_CALL_HEAD = 40,     /* of struct wire_call */
	WIRE_REPLY_HEAD = 32,    /* of struct wire_reply */
	WIRE_MAX_TYPE = 255,     /* bytes of a Content-Type */
	WIRE_SLOTS = 1024,       /* requests that a module has at a time, per engine thread */
	WIRE_MAX_TLS = 4096,     /* bytes of the facts of TLS */
	WIRE_VERSION = 4,
};

/* Kinds of records. The server and the module are built together: both are the same program. */
enum wire_kind {
	/* to the module */
	WIRE_CALL = 1, /* struct wire_call, the head's structure and bytes, the path, and facts of TLS: a request */
	WIRE_BODY,     /* bytes of its body; as many as wire_call says follow */
	WIRE_INPUT,    /* bytes of a body that is read in pieces, or of a tunnel */
	WIRE_INPUT_END, /* struct wire_input_end: no more of them follow */
	WIRE_CLOSING,  /* the server process will end, and so should the tunnel */
	WIRE_GONE,     /* the request has ended without the module */
	WIRE_ROOM,     /* struct wire_room: the server has taken bytes of a reply */
	WIRE_FOUND,    /* struct wire_found, and after WIRE_READS the first bytes of the file: the result of a look-up */
	WIRE_CONTENT,  /* bytes of the file that was found; none: it cannot be read */
	WIRE_FETCHED,  /* struct wire_fetched: the result of a fetch */
	WIRE_ANSWER,   /* bytes of the head of its answer, and then of the content; as many as wire_fetched says follow */
	/* to the server */
	WIRE_REPLY,    /* struct wire_reply, and its texts */
	WIRE_DATA,     /* bytes of a reply's body */
	WIRE_PAUSE,    /* a flag WIRE_WAITS...: the module waits for a time that it has chosen, or for input; else it goes on */
	WIRE_TAKEN,    /* struct wire_room: the module has taken bytes of its input since the start, or wants the first ones */
	WIRE_END,      /* the reply is complete; flag WIRE_CUT: it is cut; flag WIRE_HALF: but the module reads the tunnel */
	WIRE_LOOKUP,   /* the path of a file, as in a request: the module waits for WIRE_FOUND, and has written nothing that was not taken.
	                * Flag WIRE_READS: it reads files, so it wants their first bytes at once, and need not wait for them */
	WIRE_FILE,     /* struct wire_part_of_file: bytes of the file that was found belong to the reply. They count as taken by WIRE_ROOM */
	WIRE_READ_FILE, /* struct wire_part_of_file: the module waits for WIRE_CONTENT */
	WIRE_FETCH,    /* struct wire_fetch, and the head of a request to an upstream: the module waits for WIRE_FETCHED, like WIRE_LOOKUP */
	WIRE_FETCH_BODY, /* bytes of its body; as many as wire_fetch says follow at once */
	WIRE_RECEIVED, /* struct wire_room: bytes of WIRE_ANSWER that have come */
};

enum { WIRE_CUT = 1, WIRE_HALF = 2, WIRE_WAITS = 1, WIRE_WAITS_FOR_INPUT = 2, WIRE_READS = 1 };

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
	uint16_t tls_len;  /* bytes of the facts of the connection; 0: it has no TLS */
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

enum wire_read {
	WIRE_NOTHING,
	WIRE_READ,
	WIRE_BROKEN, /* the other side has written nonsense */
};

/* For the proof: the bytes that a record occupies. */
/*@ logic integer record_bytes(integer len) = WIRE_HEAD + len + 7 - (len + 7) % 8; */

/* Returns the bytes that a record of len bytes occupies; 0 if no record is that long. */
/*@ assigns \nothing;
  @ ensures len <= WIRE_RECORD ==> \result == record_bytes(len) && WIRE_HEAD + len <= \result < WIRE_RING;
  @ ensures len > WIRE_RECORD ==> \result == 0;
  @*/
uint32_t wire_bytes(uint32_t len);

/* True if a record of len bytes fits in a ring now. tail is the position of the reader, which may be any number. */
/*@ assigns \nothing;
  @ ensures \result <==> len <= WIRE_RECORD && ring_positions(at, tail, WIRE_RING) && at + record_bytes(len) <= tail + WIRE_RING;
  @*/
bool wire_has_room(uint64_t at, uint64_t tail, uint32_t len);

/* Returns WIRE_READ if the head of a record can be read at a position. head is the position of the writer, which may be any number. */
/*@ assigns \nothing;
  @ ensures \result == WIRE_READ ==> ring_positions(head, at, WIRE_RING) && at + WIRE_HEAD <= head;
  @ ensures \result == WIRE_NOTHING <==> head == at;
  @ ensures \result == WIRE_NOTHING || \result == WIRE_READ || \result == WIRE_BROKEN;
  @*/
enum wire_read wire_look(uint64_t head, uint64_t at);

/* Returns WIRE_READ if the record at a position, whose head has this length, lies before head. wire_look() has permitted the head. */
/*@ requires ring_positions(head, at, WIRE_RING) && at + WIRE_HEAD <= head;
  @ assigns \nothing;
  @ ensures \result == WIRE_READ || \result == WIRE_BROKEN;
  @ ensures \result == WIRE_READ ==> len <= WIRE_RECORD && at + record_bytes(len) <= head;
  @*/
enum wire_read wire_check(uint64_t head, uint64_t at, uint32_t len);

/* True if the lengths in a reply are those of a record of len bytes. */
/*@ requires \valid_read(reply);
  @ assigns \nothing;
  @ ensures \result ==> len == WIRE_REPLY_HEAD + reply->type_len + reply->fields_len + reply->text_len + reply->body_len;
  @ ensures \result ==> reply->type_len <= WIRE_MAX_TYPE && reply->fields_len <= TUX_MAX_FIELD_LINES && reply->text_len <= TUX_MAX_TARGET;
  @ ensures \result ==> 0 <= reply->result <= WIRE_TUNNEL && (reply->body_len > 0 ==> reply->result == WIRE_BYTES);
  @*/
bool wire_reply_valid(const struct wire_reply *reply, uint32_t len);

/* True if the lengths in a call are those of a record of len bytes, and head_bytes are its structure of the head. */
/*@ requires \valid_read(call);
  @ assigns \nothing;
  @ ensures \result ==> len == WIRE_CALL_HEAD + head_bytes + call->head_len + call->path_len + call->tls_len;
  @ ensures \result ==> call->head_len <= TUX_MAX_HEAD && call->path_len <= TUX_MAX_HEAD && call->fields <= TUX_MAX_FIELDS;
  @ ensures \result ==> call->tls_len <= WIRE_MAX_TLS;
  @*/
bool wire_call_valid(const struct wire_call *call, uint32_t len, uint32_t head_bytes);

/* True if the spans of a request head, of fields lines, lie in its bytes. */
/*@ requires \valid_read(head);
  @ assigns \nothing;
  @ ensures \result ==> head->head_len == bytes && head->fields.count == fields;
  @ ensures \result ==> request_spans(head, bytes) && fields_inside(&head->fields, bytes);
  @*/
bool wire_head_valid(const struct tux_request *head, uint32_t bytes, uint32_t fields);

/* True if the part is not empty, has at most most bytes, and lies in a file of size bytes. */
/*@ requires \valid_read(part);
  @ assigns \nothing;
  @ ensures \result <==> 0 < part->len <= most && part->off + part->len <= size;
  @*/
bool wire_part_valid(const struct wire_part_of_file *part, uint64_t size, uint64_t most);

/* True if len bytes more than received, of which the reader has taken some, fit in the window. */
/*@ requires taken <= received <= taken + WIRE_WINDOW;
  @ assigns \nothing;
  @ ensures \result <==> 0 < len && received + len <= taken + WIRE_WINDOW;
  @*/
bool wire_window_permits(uint64_t received, uint64_t taken, uint32_t len);

/* True if a number of bytes taken is one that can follow: not less than before, and not more than was sent. */
/*@ assigns \nothing;
  @ ensures \result <==> before <= taken <= sent;
  @*/
static inline bool wire_taken_valid(uint64_t taken, uint64_t before, uint64_t sent)
{
	return before <= taken && taken <= sent;
}

#endif
