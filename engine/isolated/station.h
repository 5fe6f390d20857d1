/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A station of the process of an isolated module: one thread with one pair of rings, which serves the requests of one thread of the server.
 * Calls are those of the server (engine/modules); only their surroundings are others: a request is a slot, and a reply becomes records.
 * station.c has the thread, and station_record.c the records that it writes; station_write.c what a call writes for the server, station_file.c
 * the bytes of files that a module waits for, station_input.c what the client sends after the head, station_fetch.c requests to upstreams. Only
 * the station's thread calls these functions, unless they say otherwise.
 */
#ifndef TUX_ENGINE_ISOLATED_STATION_H
#define TUX_ENGINE_ISOLATED_STATION_H

#include <pthread.h>

#include "../modules/call.h"
#include "wire.h"

enum {
	NO_SLOT = UINT32_MAX,
};

/* A request that the server has sent. */
struct seat {
	struct tux_req *call; /* NULL: none, or it has been answered or lost */
	uint32_t generation;
	uint64_t body_len;    /* bytes of the request body that have to come */
	bool queued;          /* the call is among those whose replies wait */
	uint8_t paused;       /* flags of WIRE_PAUSE: the server knows that the module waits for a time, or for input */
	bool renews;          /* the time limit begins anew, which the server has to know */
	bool lookup_due;      /* the server has to look up a file */
	bool looks;           /* it does */
	struct reading *reading; /* the module waits for bytes of the file; NULL: it does not */
	bool reads;           /* the input comes in pieces: a body, or a tunnel */
	bool asked;           /* the server knows that the module wants input */
	uint64_t input;       /* bytes of it that have come */
	uint64_t input_told;  /* of these taken by the module, as the server knows */
	bool fetch_due;       /* the server has to send a request to an upstream */
	bool fetch_begun;     /* it has the head of that */
	uint32_t fetch_sent;  /* and as many bytes of its body */
	bool fetches;         /* it does */
	uint32_t answer_head; /* bytes of the head of the answer */
	uint64_t answer_len;  /* bytes of the answer with its head; 0: its length is unknown */
	uint64_t answer;      /* bytes of it that have come */
	uint64_t answer_told; /* of these, as the server knows */
	bool streams;         /* the head of a reply in pieces was written */
	bool half;            /* the server knows that the output of a tunnel has ended */
	uint64_t sent;        /* bytes of its body */
	uint64_t taken;       /* by the server */
};

/* Bytes of a file that a thread of the module waits for, in its stack. */
struct reading {
	struct reading *next;
	struct tux_req *call;
	uint64_t off;
	uint8_t *to;
	uint32_t len;
	int result; /* bytes read, or a negative errno */
	bool done;  /* under the lock of the station */
};

/* A record that was put aside while the thread waited for another one. */
struct aside {
	struct aside *next;
	struct wire_record record;
	uint8_t bytes[];
};

/* Result of an attempt to write a reply. */
enum progress {
	PROGRESS_DONE,
	PROGRESS_ROOM,   /* the ring has no room */
	PROGRESS_WINDOW, /* the server has to take what it has */
	PROGRESS_IDLE,   /* the module has written nothing more */
};

/* A thread of the process, and its pair of rings. */
struct station {
	struct calls calls;   /* first member */
	struct tux_loaded *loaded;
	const struct buffer *upstreams; /* their names, each ending in NUL */
	const bool *stopping; /* atomic: the process ends */
	struct wire_end in;
	struct wire_end out;
	int wake_fd;          /* readable when the server has written */
	int server_fd;        /* wakes the server */
	bool wrote;
	bool reads_files;     /* atomic: the module has read bytes of a file */
	struct tux_req *waiting; /* calls whose replies wait for room, linked by next */
	struct tux_req **waiting_last;
	struct seat *seat;
	uint8_t *buf;
	uint8_t *piece;          /* of a file */
	struct aside *aside;     /* oldest first: records that are handled before those of the ring */
	struct aside **aside_last;
	pthread_mutex_t lock;
	pthread_cond_t changed;  /* a reading is done */
	struct reading *asked;   /* under the lock: those of other threads */
	pthread_t id;
};

static inline struct station *station_of(struct tux_req *call)
{
	return (struct station *)call->calls;
}

/*
 * Prepares a station whose ends of rings, descriptors, module and stopping are set. Returns false with errno on failure: the process ends
 * then.
 */
bool station_open(struct station *station);

/* Function of the thread, until stopping is set. argument is the station. */
void *station_serve(void *argument);

/* Ends the process, with a line in the error log. */
void __attribute__((noreturn)) station_die(const struct station *station, const char *text);

/* Wakes the server, which sleeps. */
void station_wake_server(struct station *station);

/* Writes what a call has for the server. */
enum progress station_answer(struct tux_req *call);

/* Writes the reply of a call whose body is no longer than WIRE_INLINE. Returns false without room for it. */
bool station_send_reply(struct tux_req *call);

/* True if the response of a call is a stream, or may become one. Another thread may have the call. */
bool station_may_stream(const struct tux_req *call);

/* Writes a record about a call. Returns false without room for it. */
bool station_write(struct station *station, const struct tux_req *call, enum wire_kind kind, uint8_t flags, const void *at, uint32_t len);

/* Handles records with input, its end, and the end of the server process. The caller lets the call go on. */
void station_input_take(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf);

/* Lets the server know what the module has taken of its input. Returns false without room for it. */
bool station_input_tell(struct station *station, const struct tux_req *call);

/* Returns the number of an upstream, or -ENOENT: the find_upstream() of calls. */
int station_find_upstream(const struct tux_req *call, const char *name);

/* Writes the request to an upstream that a call waits for. Returns false if it needs more room. */
bool station_fetch_send(struct station *station, const struct tux_req *call);

/* Handles the result of a fetch, or bytes of its answer. Returns true if the fetch is over. */
bool station_fetch_take(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf);

/* Lets the server know what has come of an answer. Returns false without room for it. */
bool station_fetch_tell(struct station *station, const struct tux_req *call);

/* Lets the calling thread read files for its station itself: the others ask it to. */
void station_file_here(const struct station *station);

/* The read_file() of calls: the server reads. Any thread of the process. */
int station_file_read(const struct tux_req *call, uint64_t off, void *to, uint32_t len);

/* Starts the readings of other threads. */
void station_file_take_asked(struct station *station);

/* Gives bytes of a file to the thread that waits for them, if it still does. */
void station_file_content(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf);

/* Ends the reading of a seat, if it has one. */
void station_file_end(struct station *station, struct seat *seat, int result);

#endif
