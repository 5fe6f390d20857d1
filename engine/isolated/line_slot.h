/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests of a line, each in a slot, and the records that wait for room in its ring. line.c has the process, line_reply.c what comes of
 * a request from it, line_input.c what the client sends after the head. Only the thread of the line calls these functions.
 */
#ifndef TUX_ENGINE_ISOLATED_LINE_SLOT_H
#define TUX_ENGINE_ISOLATED_LINE_SLOT_H

#include "../io/loop.h"
#include "../log/cause.h"
#include "../modules/call.h"
#include "wire.h"

struct call_fetch;
struct isolated;
struct isolated_process;
struct line;

enum { LINE_NO_SLOT = UINT32_MAX };

/* The operation that the server carries out for the process. It has the call meanwhile. */
enum slot_task {
	TASK_NONE,
	TASK_LOOKUP, /* of a file */
	TASK_FETCH,  /* from an upstream */
};

/* A request that the process has. */
struct slot {
	struct tux_req *call; /* NULL: unused, or the request has ended and the process has to be told */
	uint32_t generation;
	uint32_t next;        /* unused slots, or slots whose records wait for room */
	uint64_t began_ms;
	bool pending;         /* records wait for room */
	bool called;          /* the process knows the head of the request */
	bool known;           /* and has its body, or gets it in pieces */
	uint8_t task;         /* enum slot_task */
	bool found_due;       /* the process has to know the result of a look-up */
	bool with_bytes;      /* and the first bytes of the file */
	struct call_fetch *fetch; /* whose body comes; NULL: none */
	uint64_t fetch_len;   /* bytes of that body, which the process has announced */
	uint64_t reserved;    /* bytes of memory that a fetch may need */
	bool fetched_due;     /* the process has to know that a fetch is over */
	bool answer_due;      /* it has to get the answer */
	uint64_t answer_sent; /* bytes of it */
	uint64_t answer_received; /* of these by the process */
	uint64_t read_off;    /* bytes of the file that the process waits for */
	uint32_t read_len;    /* 0: it does not */
	struct read_waiter waiter; /* for these bytes */
	uint64_t file_off;    /* bytes of the file for which the stream has no room */
	uint64_t file_len;
	uint32_t sent;        /* bytes of a body that is sent whole */
	bool reads;           /* the process gets input in pieces: a body, or a tunnel */
	bool input_wanted;    /* it takes input now */
	bool input_ended;     /* it knows the end of it */
	uint64_t input_sent;  /* bytes of it */
	uint64_t input_taken; /* of these by the module */
	struct buffer rest;   /* bytes of a reply in pieces that its stream has no room for */
	uint64_t received;    /* bytes of a reply in pieces */
	uint64_t taken;       /* of these by the stream */
	bool streams;         /* a reply in pieces has begun */
	bool ended;           /* the end of its bytes has come */
	bool over;            /* so has the end of the request */
	bool cut;
	bool room_due;        /* the process has to know that bytes were taken */
	bool unused;          /* the slot is unused as soon as nothing is pending */
};

struct line {
	struct source wake;   /* first member */
	struct calls *calls;
	struct isolated *isolated;
	unsigned thread;
	struct isolated_process *process; /* with a reference; NULL: none is used */
	struct wire_end out;
	struct wire_end in;
	bool wrote;           /* the process may have to be woken */
	uint64_t held_at;     /* position up to which a wake-up was put off */
	unsigned holds;       /* turns for which it was */
	bool has_room;        /* the process waits for room, and has it: it is woken even if it does not sleep yet */
	unsigned idle_wakes;
	unsigned late;
	unsigned in_flight;   /* slots in use */
	uint64_t reserved;    /* bytes of memory that fetches may need */
	bool suspect;         /* a request has passed its time limit */
	uint64_t suspect_at;  /* position that the process has to read by suspect_ms */
	uint64_t suspect_ms;
	uint32_t unused;      /* first unused slot */
	uint32_t pending;     /* first slot whose records wait for room */
	uint32_t pending_last;
	struct slot *slot;
};

struct isolated_lines {
	unsigned count;
	/* Writes the records of a slot that are due. Returns false if they need more room. Set by line.c */
	bool (*send)(struct line *line, struct slot *slot);
	uint8_t *buf;         /* a record */
	uint8_t *content;     /* of a file, or of a body */
	struct line line[];
};

/* Makes all slots unused. */
void line_reset_slots(struct line *line);

/* Returns an unused slot for a call; NULL if all are in use. */
struct slot *line_take_slot(struct line *line, struct tux_req *call);

/* Makes a slot unused, now or when it is not pending any more. */
void line_free_slot(struct line *line, struct slot *slot);

/* Responds to a call with an error. */
void line_fail_call(struct tux_req *call, uint16_t status, enum why why);

/* Writes a record about a slot. Returns false without room for it. */
bool line_write(struct line *line, const struct slot *slot, enum wire_kind kind, const struct wire_part *part, unsigned parts);

/* Writes the records of a slot now, or when there is room. */
void line_submit(struct line *line, struct slot *slot);

/* Writes what waits for room, in its order. */
void line_send_pending(struct line *line);

/* Lets the process know that a request has ended without it. */
void line_leave(struct line *line, struct slot *slot);

/* Ends a request of the process, because memory is missing. */
void line_give_up(struct line *line, struct slot *slot);

#endif
