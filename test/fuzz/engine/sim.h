/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine in memory for the user engine: threads, clock, descriptors and event loop. Everything is deterministic: the same script
 * causes the same calls in the same order. Files are real ones in a directory of the process.
 *
 * The linker redirects the engine's system calls to this folder (--wrap; the list is in test/fuzz/meson.build). Each file wraps the
 * calls of its subject. Outside of a run, and for real descriptors, a wrapped call is the real one.
 */
#ifndef TUX_TEST_FUZZ_ENGINE_SIM_H
#define TUX_TEST_FUZZ_ENGINE_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "../../../engine/engine.h"
#include "../fuzz.h"

/* A run is in progress: the wrapped calls are simulated. */
extern bool sim_running;

/* fiber.c: threads that run one at a time, and only when the script lets them. */
enum { FIBER_MAX = 32 };
void fiber_turn(unsigned which);      /* runs a thread that waits in its loop, until it waits again; which counts from 0 */
unsigned fiber_loops(void);           /* number of threads that wait in their loop */
bool fiber_work(unsigned which);      /* runs a woken or new thread, until it waits. Returns false if no thread is woken */
void fiber_wait_in_loop(void);        /* for the loop of a thread: waits for its next turn */
void fiber_check_over(void);          /* all threads have ended and were joined */

/* clock.c */
void clock_start(void);
void clock_pass(uint64_t ms);

/* memory.c: allocations of the engine that fail. */
void memory_start(void);
void *memory_grow(void *memory, size_t bytes); /* realloc() for this folder, which never fails */
void memory_fail(unsigned after);     /* the allocation after so many others fails, once; 0: no allocation fails */

/* descriptor.c: descriptors of the engine, and the other ends of them. */
enum file_kind { FILE_STREAM, FILE_OUTGOING, FILE_PIPE_READ, FILE_PIPE_WRITE, FILE_EVENT, FILE_LISTENER, FILE_PACKETS, FILE_INOTIFY };

/* The bytes of one direction. */
struct flow {
	uint8_t *data; /* kept between runs */
	uint32_t len, cap;
	uint32_t at;   /* bytes before it were read */
	uint32_t room; /* bytes that may still be written; UINT32_MAX: no limit */
	bool ended;    /* no byte follows */
	bool refills;  /* a pipe: reading makes room */
	bool broken;   /* the connection was reset, or nobody reads */
};

enum { PACKET_BYTES = 256 * 1024, PACKET_FILES = 3 };

struct packet {
	struct packet *next;
	struct file *file[PACKET_FILES];
	unsigned files;
	uint32_t len;
	uint8_t data[];
};

/* An open file description. */
struct file {
	enum file_kind kind;
	unsigned refs;             /* descriptors and packets; 0: unused */
	bool nonblocking;
	bool was_shut;             /* the engine has sent FIN */
	struct flow *in, *out;     /* towards the engine, and from it */
	uint64_t count;            /* of an eventfd */
	uint64_t inode;            /* of a listener */
	struct packet *packets;    /* received, oldest first */
	struct file *twin;         /* receives the packets that are sent; NULL: the driver reads sent */
	struct packet *sent;       /* for the driver, oldest first */
	bool packets_full;         /* no more packets can be sent */
	bool closed_by_other;
	struct file *waiting[16];  /* connections in the accept queue */
	unsigned waiting_count;
	uint8_t connect;           /* enum connect_state */
	int connect_error;
	unsigned number;           /* of its kind, in order of creation */
};

enum connect_state { CONNECT_NOT, CONNECT_PENDING, CONNECT_DECIDED };

void descriptor_start(void);
void descriptor_check_over(void);             /* the engine has closed all its descriptors */
int descriptor_open(struct file *file);       /* another descriptor for it */
void descriptor_close(int fd);
struct file *descriptor_file(int fd);         /* NULL: a real descriptor */
struct file *file_new(enum file_kind kind);
void file_put(struct file *file);
struct file *file_by_number(enum file_kind kind, unsigned number); /* number modulo their count; NULL: none is open */
bool file_readable(const struct file *file);
void flow_write(struct flow *flow, const void *data, uint32_t len);
uint32_t flow_read(struct flow *flow, void *data, uint32_t cap); /* data may be NULL */
uint32_t flow_room(const struct flow *flow, uint64_t most);
void pipe_make(struct file *end[2]);          /* the end to read from, then the end to write to */
struct file *inotify_make(void);
int inotify_watch(struct file *file, uint64_t inode); /* returns the watch of a directory */
void descriptor_fail_next(int error);         /* the next call that makes a descriptor fails */
bool descriptor_fails(void);                  /* it is this one; sets errno */
void inotify_tell(uint32_t mask, const char *name); /* an event for each watched directory; NULL: of the directory itself */
struct file *stream_make(enum file_kind kind); /* a stream whose other end is the driver's */
void packets_push(struct file *file, const void *data, uint32_t len); /* for the engine to receive */
int packets_send(struct file *file, const struct msghdr *message); /* returns 0 or an errno */
ssize_t packets_receive(struct file *file, void *data, size_t cap, int *fd); /* -1 with errno */

/* loop.c: the loops that the engine finds in place of its own. */
struct loop_policy {
	bool late;        /* data still arrives after receive_stop() */
	bool reversed;    /* the newest channel goes first */
	bool one_accept;
	bool slow_close;  /* closed() comes a turn later */
	bool hold_sends;  /* nothing is sent */
	uint32_t piece;   /* bytes received at a time, at most */
	bool uring_fails; /* loops with blocking sockets cannot be opened */
	unsigned uring_opens; /* such loops that can still be opened, if they fail */
};
extern struct loop_policy loop_policy;
bool loop_is_quiet(void); /* since the last call no loop has called an event function */

/* client.c: the client's view of a connection. */
struct client_view {
	const uint8_t *sent, *got;
	uint32_t sent_len, got_len; /* bytes */
};
enum client_open {
	OPEN_NOTHING,
	OPEN_INCOMPLETE,  /* the last response is not complete */
	OPEN_UNTIL_CLOSE, /* the last response lasts until the connection closes */
};
struct client_result {
	unsigned responses;    /* final ones */
	unsigned requests;     /* complete ones that were sent, until one that ends the connection */
	bool over;             /* the last response ends the connection, or begins a tunnel */
	enum client_open open;
};
struct client_result client_check(const struct client_view *view);

/* setup.c: the files, and the configurations of the engines. */
enum { SETUP_LISTENERS = 2, SETUP_FILES = 12 };
struct setup {
	struct tux_engine_config config;
	struct tux_listener listeners[SETUP_LISTENERS];
	int spawner_fd[1];
};
void setup_once(void);
void setup_engine(struct setup *setup, uint32_t choices, unsigned generation);
void setup_change_file(unsigned which, unsigned how);
const char *setup_snippet(unsigned which);

#endif
