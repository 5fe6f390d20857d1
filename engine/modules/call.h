/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call of a module: one request, which the module has while its handle() runs, and after tux_suspend() until tux_resume(). A call is
 * never freed while its thread serves, and a used one is used again as late as possible, so that a module that touches a request which it
 * has given back does no harm.
 */
#ifndef TUX_ENGINE_MODULES_CALL_H
#define TUX_ENGINE_MODULES_CALL_H

#include "../../core/request.h"
#include "../files/loader.h"
#include "../io/buffer.h"
#include "../io/timer.h"
#include "loaded.h"

struct request;
struct thread;

enum { CALL_COPY_BYTES = 4096 }; /* bodies up to this size are borrowed for a reply that is sent while handle() runs */

enum call_owner {
	CALL_SERVER,    /* the thread of the request may use the call */
	CALL_MODULE,    /* so may the thread that runs handle() */
	CALL_SUSPENDED, /* so may any thread of the module, one at a time */
};

/* Those that may still use a call that the module has. The last of them gives it back, because nobody uses it after that. */
enum call_party {
	PARTY_HANDLE = 1,    /* handle() has not returned */
	PARTY_SUSPENDED = 2, /* tux_resume() was not called */
};

enum call_reply {
	REPLY_NONE,
	REPLY_SENT,     /* given to the sink while handle() ran */
	REPLY_BORROWED, /* of data, while handle() runs */
	REPLY_COPY,     /* of data, malloc'ed */
	REPLY_MEMORY,   /* by reference */
	REPLY_FD,
	REPLY_TARGET,   /* another target of the host responds: text */
	REPLY_REDIRECT, /* to text */
};

/* Fields of a module that some replies write themselves. */
enum call_field {
	FIELD_LOCATION = 1,
	FIELD_ETAG = 2,
	FIELD_LAST_MODIFIED = 4,
	FIELD_CONTENT_RANGE = 8,
	FIELD_LIST_OF_FILE = 16, /* may have several lines */
};

/* The request's head and path, copied for other threads. */
struct call_copy {
	struct tux_request head;
	uint8_t bytes[]; /* of the head, followed by the path */
};

struct tux_req {
	struct job job;             /* delivers the call to its thread. First member */
	struct tux_req *next;       /* next spare call, or next call of a pool */
	struct tux_loaded *loaded;
	struct calls *calls;
	struct request *req;        /* for the surroundings. NULL: the client has disconnected, or the time has passed */
	unsigned owner;             /* atomic enum call_owner */
	unsigned parties;           /* atomic set of enum call_party */
	const void *runner;         /* identifies the thread that runs handle() */
	bool suspended;             /* tux_suspend() was called */
	bool kept;                  /* the module has the call until it is delivered */
	bool begun;                 /* the module was called */
	bool gone;                  /* atomic: the request has ended without the module */
	bool direct;                /* a reply may be given to the sink at once */
	bool body_done;             /* the body has arrived completely */
	bool no_memory;             /* for the body */
	uint8_t result;             /* enum tux_result, of handle() in another thread */
	uint8_t long_calls;         /* calls that took too long in the thread of the request */
	int64_t began_us;           /* for the surroundings: time of the first call of the module; 0: not called, or counted as ended */
	struct timer timer;         /* for the surroundings: until the time limit of the module */
	const uint8_t *bytes;       /* of the head */
	const struct tux_request *head;
	const uint8_t *path;
	uint32_t path_len;
	uint16_t client_port;
	uint8_t client_address[16];
	struct call_copy *copy;     /* malloc'ed; NULL: bytes, head and path are borrowed while handle() runs */
	struct buffer body;
	void *memory;               /* of tux_req_memory(); malloc'ed */
	uint8_t reply;              /* enum call_reply */
	uint8_t added;              /* set of enum call_field */
	uint16_t status;
	struct buffer type;         /* Content-Type */
	struct buffer fields;       /* lines, each ending in CRLF */
	struct buffer text;
	const void *data;           /* body of the reply */
	uint64_t len;
	uint64_t off;               /* in fd */
	int fd;
	void (*drop)(void *argument);
	void *argument;
};

/* Functions that calls need of their surroundings: the server's thread, or a process of an isolated module. */
struct call_ops {
	/* Gives a reply to the client while handle() runs. Returns false if there is no room: the reply stays in the call. */
	bool (*send)(struct tux_req *call);
	/* Starts the time limit of a call that the module keeps beyond handle(), or that waits for the threads of a pool. */
	void (*keep)(struct tux_req *call);
	/* Ends the time limit. Lets the request, if it is still there, forget a call that is put back. */
	void (*put)(struct tux_req *call);
};

/* The calls of a thread. */
struct calls {
	const struct call_ops *ops;
	struct thread *thread;          /* for the surroundings: the server's */
	struct inbox inbox;             /* calls that modules have given back in other threads */
	struct tux_req *spare;          /* the longest unused first */
	struct tux_req **spare_last;
	unsigned spare_count;
	unsigned out;                   /* calls in use */
	struct timers *limits;          /* for the surroundings; malloc'ed. Per module: calls that it has */
};

/* Prepares the calls of a thread. Returns false with errno on failure; calls_free() is due in any case. */
bool calls_open(struct calls *calls, const struct call_ops *ops);

/*
 * Frees the calls after the loop. Returns false if a module still has one: then calls stays valid, because a thread of the module may use
 * it at any time.
 */
bool calls_free(struct calls *calls);

/* Returns a call, in which the caller sets the request; NULL if out of memory. */
struct tux_req *call_get(struct calls *calls, struct tux_loaded *loaded);

/* Frees a reply that was not given to the sink. */
void call_forget_reply(struct tux_req *call);

/* Frees what the call holds and puts it back. */
void call_put(struct tux_req *call);

/* Copies what the module sees of the request, for other threads. Returns false if out of memory. */
bool call_detach(struct tux_req *call);

/*
 * Runs handle() in this thread. Returns its result, or TUX_FAIL after a line in the error log if it broke a rule. After TUX_SUSPEND the
 * call is the module's.
 */
enum tux_result call_run(struct tux_req *call);

/* Gives a call that is detached to the threads of the module. Its result is in call->result when it is delivered. */
void call_submit(struct tux_req *call);

/* Function of the threads of pools. */
void call_run_in_pool(struct tux_req *call);

/* Tells the module that the request, which the caller has separated, ends. The call is put back now, or when the module gives it back. */
void call_lose(struct tux_req *call);

/* The parts of tux_suspend() and tux_resume() that concern the owner. The call is the module's. */
int call_suspend(struct tux_req *call);
int call_resume(struct tux_req *call);

/* True if the calling thread may use the call for the module. Otherwise writes a line to the error log. */
bool call_is_owned(const struct tux_req *call, const char *function);

/* The functions that modules have. */
extern const struct tux_api calls_api;

#endif
