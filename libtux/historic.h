/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The requests of a historic module, and the three places of the library that use them:
 *
 *   module.c    the server's threads: a request arrives, or what it waited for is there
 *   tux.c       the TUX thread: the only one that runs the module. It does the module's actions
 *   relay.c     the relay: a thread that reads what the module writes, and gives it to the server
 *
 * Only the relay uses a suspended request of the server.
 */
#ifndef LIBTUX_HISTORIC_H
#define LIBTUX_HISTORIC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../include/tux/module.h"
#pragma GCC visibility push(default) /* the historic module finds these names */
#include "../include/tux.h"
#pragma GCC visibility pop
#include "response.h"

enum {
	MODULE_INDEX = 1,          /* of the module in TUXAPI_modulename_array; 0 is none */
	MAX_MODULES = 16,          /* names that REGISTER_MODULE takes */
	READ_BYTES = 16384,        /* bytes of output that are read at once */
	AHEAD_BYTES = 16 << 20,    /* bytes of output of a request that wait for its client */
	ALL_AHEAD_BYTES = 128 << 20, /* of all requests */
	BLOCK_MS = 1000,           /* for which a request may block the TUX thread while others wait for it */
	BLOCK_STEP_MS = 100,       /* between two looks at such a request */
	POSTPONED_BUCKETS = 256,
};

/* An action that the relay does. */
enum action {
	ACTION_NONE,
	ACTION_GET_OBJECT,
	ACTION_READ_OBJECT,
	ACTION_SEND_OBJECT,
	ACTION_SEND_BUFFER,
	ACTION_WAIT_PROXY,
	ACTION_REDIRECT,
	ACTION_REFUSE,  /* respond with status, then the request ends */
	ACTION_FINISH,
};

/* A wait in the server. */
enum wait {
	WAIT_NO,
	WAIT_BEGINS,  /* the relay gives the request to the server */
	WAIT_SERVER,  /* the server has it: resumed() or gone() follows */
	WAIT_RESUMED, /* resumed() runs */
};

/* A request. The memory is used again, and never freed: the server may call gone() for one that has just ended. */
struct request {
	/* Under the lock of the library. */
	struct request *next;        /* in the queue of the TUX thread, in the bucket of postponed ones, or in the list of unused ones */
	struct request *next_turn;   /* in the list of the relay */
	bool in_turns;
	bool active;
	bool gone;                   /* the client has disconnected, or the module's time has passed */
	enum wait wait;
	struct tux_req *req;         /* NULL: it was given back */
	enum action action;
	int sock[2];                 /* of the module, of the relay; -1: not open */
	int proxy;                   /* copy of the watched descriptor; -1: none */

	/* Of the TUX thread. In ACTION_READ_OBJECT and ACTION_SEND_BUFFER of the relay. */
	user_req_t user;
	uint64_t inode;              /* of sock[0]; 0: unknown */
	bool has_object;             /* the file was found: objectlen has its size */
	char *body;                  /* malloc'ed: the request body and a NUL; NULL: no body */
	uint32_t body_len;
	char *headers;               /* malloc'ed: max_header_len bytes; NULL: out of memory */
	uint32_t headers_len;        /* 0: they are longer, or missing */
	uint32_t buffer_len;         /* ACTION_SEND_BUFFER: bytes at object_addr */
	uint16_t refusal;            /* status for ACTION_REFUSE */
	int64_t read;                /* result of ACTION_READ_OBJECT */
	bool read_done;

	/* Of the relay. */
	char path[MAX_URI_LEN];      /* of the URL, for the log */
	struct response response;
	bool begun;                  /* the stream of the response has begun */
	bool dropped;                /* output is read and dropped */
	bool buffer_taken;           /* ACTION_SEND_BUFFER: the input is the module's memory */
	uint64_t file_left;          /* ACTION_SEND_OBJECT: bytes to send */
	bool file_begun;
	const char *input;           /* bytes that were not given to the server */
	size_t input_len;
	size_t input_body;           /* bytes at input that are body */
	char *buffer;                /* malloc'ed: output that was read; NULL: not used yet */
	size_t buffer_size;
};

struct library {
	pthread_mutex_t lock;
	pthread_cond_t more;         /* the queue has a request, an action is done, or the library stops */
	struct request *first;       /* queue of the TUX thread */
	struct request **last;
	struct request *turns;       /* for the relay */
	struct request **last_turn;
	struct request *unused;
	struct request *postponed[POSTPONED_BUCKETS]; /* by inode */
	uint64_t current_inode;      /* of the request that the TUX thread has taken last */
	uint64_t early_inode;        /* of that request, if another process has continued it already; 0: none */
	uint64_t serial;             /* of the newest request */
	bool stopping;
	unsigned threads;            /* that have not ended */

	/* Set before the threads start. */
	pid_t pid;
	int epoll_fd;
	int wake_fd;                 /* event of the relay */
	int control[2];              /* pipe with the inodes of requests that other processes continue */
	uint32_t max_header_len;
	char *name;                  /* of the module in the URL */
	int (*handle_events)(user_req_t *req);
	void (*init)(void);

	/* Of the relay. */
	size_t ahead;                /* bytes of all buffers above READ_BYTES */
	struct request *blocked;     /* a request that has blocked the TUX thread; NULL: none */
	uint64_t blocked_ms;         /* time since when others wait for that */

	/* Of the TUX thread. */
	pthread_t tux_thread;
	bool has_thread;             /* atomic */
	struct request *current;
	unsigned long actions;       /* calls of tux() */
};

extern struct library library;

/* Writes a line to the error log. */
void say(enum tux_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* module.c */

/* Returns an unused request, with the lock held; NULL if out of memory. */
struct request *request_get(void);

/* Puts a request back that only the caller uses. */
void request_put(struct request *request);

/* Appends a request to the queue of the TUX thread, with the lock held. */
void request_queue(struct request *request);

/* relay.c */

/* Opens what the relay needs. Returns 0 or a negative errno. */
int relay_open(void);
void *relay_run(void *unused);

/* Lets the relay look at a request, with the lock held. */
void relay_turn(struct request *request);
void relay_wake(void);

/* Opens the sockets of a request. Returns false with errno. For the TUX thread. */
bool relay_connect(struct request *request);

/* Lets the relay wait until the watched descriptor has input, with the lock held. Returns false with errno. */
bool relay_watch(struct request *request);

/* tux.c */
void *tux_thread_run(void *unused);

/* continue.c */

/* Does CONTINUE_REQ. Returns 0 or -1 with errno. Any thread, any process. */
int continue_request(int fd);

/* Postpones a request, with the lock held. Queues it if another process has continued it already. */
void postpone(struct request *request);

/* Reads the pipe. For the relay. */
void control_read(void);

/* data.c */

/* Sets the data of TUXAPI_. Returns false if out of memory. */
bool data_set(const char *root, const char *server_name, const char *module_name);

#endif
