/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call of a module: one request, which the module has while its handle() or resumed() runs, and after tux_suspend() until it gives the
 * request back. A call is never freed while its thread serves, and a used one is used again as late as possible, so that a module that touches
 * a request which it has given back does no harm.
 */
#ifndef TUX_ENGINE_MODULES_CALL_H
#define TUX_ENGINE_MODULES_CALL_H

#include "../../core/request.h"
#include "../files/loader.h"
#include "../files/residence.h"
#include "../io/buffer.h"
#include "../io/deadlines.h"
#include "../io/loop.h"
#include "../io/timer.h"
#include "body_queue.h"
#include "loaded.h"
#include "stream.h"

struct call_fetch;
struct isolated_lines;
struct module_fetch;
struct object;
struct request;
struct thread;

enum {
	CALL_COPY_BYTES = 4096,       /* bodies up to this size are borrowed for a reply that is sent while handle() runs */
	CALL_FILE_BYTES = 64 * 1024,  /* of a file are in memory when its look-up is over */
};

enum call_owner {
	CALL_SERVER,    /* the thread of the request may use the call */
	CALL_MODULE,    /* so may the thread that runs a function of the module */
	CALL_SUSPENDED, /* so may any thread of the module, one at a time */
};

/* Those that may still use a call that the module has. The last of them gives it back, because nobody uses it after that. */
enum call_party {
	PARTY_HANDLE = 1,    /* handle() or resumed() has not returned */
	PARTY_SUSPENDED = 2, /* the suspended request was not given back */
};

/* Result of handle() or resumed(), after it was checked. */
enum call_result {
	CALL_DONE,     /* there is a reply, or a stream, which has ended or is cut */
	CALL_DECLINED,
	CALL_KEPT,     /* the module has the call until it is delivered */
	CALL_FAILED,
	CALL_WAITS,    /* for call->wait; then resumed() is due */
};

/* The event that a call waits for. */
enum call_until {
	UNTIL_NOTHING, /* it does not wait */
	UNTIL_TIME,
	UNTIL_ROOM,    /* of its stream */
	UNTIL_BODY,    /* has bytes, its end, or an error */
	UNTIL_READY,   /* a descriptor */
	UNTIL_FILE,    /* with the normalised path in text was looked up */
	UNTIL_FETCHED, /* the answer of an upstream: call->fetch */
};

/* The file that a module has let the server look up. */
struct call_file {
	bool asked;
	int error;             /* a negative errno, or 0 */
	uint64_t size;
	struct object *object; /* for the surroundings: a reference; NULL after an error */
	bool awaited;          /* for the surroundings: the look-up waits for the first bytes */
	struct read_waiter waiter; /* for the surroundings: for the first bytes */
	struct buffer first;   /* for the surroundings: bytes of the file from its start on, in another process */
};

/* The wait that a module has asked for. The surroundings have begun it if begun is set. */
struct call_wait {
	uint8_t until; /* enum call_until */
	bool begun;
	bool over;     /* resumed() is due */
	short events;  /* of UNTIL_READY, as poll(2) has them */
	int fd;        /* of UNTIL_READY: a duplicate, which the call owns; -1: none */
	uint32_t ms;   /* duration of UNTIL_TIME */
	struct deadline deadline;
};

/* Reasons for which a call is delivered to its thread. */
enum call_news {
	NEWS_RETURNED = 1, /* the module has given it back: result */
	NEWS_STREAM = 2,   /* its stream has changed, or may have to tell its writer about room; or its body has room, or may have to tell its reader */
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
	REPLY_STREAM,   /* stream has the state */
};

/* The request's head, its path, and the facts of its connection, copied for other threads. */
struct call_copy {
	struct tux_request head;
	uint8_t bytes[]; /* of the head, followed by the path and the facts */
};

struct tux_req {
	struct job job;             /* delivers the call to its thread. First member */
	struct stream stream;       /* its lock lasts as long as the memory of the call */
	struct body_queue queue;    /* like stream: the body, if the module reads it in pieces */
	struct tux_req *next;       /* next spare call, or next call of a pool */
	struct tux_loaded *loaded;
	struct calls *calls;
	struct request *req;        /* for the surroundings. NULL: the client has disconnected, or the time has passed */
	unsigned owner;             /* atomic enum call_owner */
	unsigned parties;           /* atomic set of enum call_party */
	unsigned news;              /* atomic set of enum call_news; not 0: the call is in the inbox, or soon will be */
	const void *runner;         /* identifies the thread that runs handle() or resumed() */
	const void *teller;         /* atomic: identifies the thread that runs gone() or writable() of a suspended request; else NULL */
	/* Of the thread that has the call. A compiler reads neighbours at once, so those of the thread of the request are apart, behind wait. */
	bool here;                  /* the runner is the thread of the request */
	bool again;                 /* resumed() runs, or is due, in place of handle() */
	bool suspended;             /* tux_suspend() was called */
	bool direct;                /* a reply may be given to the sink at once */
	bool reads;                 /* the module reads the body in pieces */
	bool upgraded;              /* the reply is a tunnel: the stream is its output, and the queue its input. The type is its protocol */
	uint8_t result;             /* enum call_result, if it is not kept */
	struct call_wait wait;
	struct call_file file;
	bool used;                  /* not spare */
	bool discarded;             /* becomes spare when it is taken out of the inbox */
	bool kept;                  /* the module has the call until it is delivered */
	bool begun;                 /* the module was called */
	bool gone;                  /* atomic: the request has ended without the module */
	bool body_done;             /* the body has arrived completely */
	bool body_failed;           /* it is malformed or too long, and the module is told by queue */
	bool continued;             /* the client was asked for the body by 100 (Continue) */
	bool no_memory;             /* for the body */
	uint8_t long_calls;         /* calls that took too long in the thread of the request */
	int64_t began_us;           /* for the surroundings: time of the first call of the module; 0: not called, or counted as ended */
	uint32_t slot;              /* for the surroundings: number of the request in another process */
	bool paused;                /* for the surroundings: no time limit runs, because the module in another process waits for a time, or the client */
	bool awaits_input;          /* for the surroundings: it waits for more of the body */
	bool tunnel;                /* for the surroundings: the sink has its head */
	bool input_ended;           /* for the surroundings: the client has closed its side of the tunnel */
	bool output_ended;          /* for the surroundings: the sink has closed the server's side */
	bool moved;                 /* for the surroundings: bytes have passed through the tunnel */
	uint16_t failure;           /* status of the response after TUX_FAIL; 0: 500 */
	uint8_t why;                /* enum why, of failure */
	struct timer timer;         /* for the surroundings: until the time limit of the module */
	const uint8_t *bytes;       /* of the head */
	const struct tux_request *head;
	const uint8_t *path;
	uint32_t path_len;
	const uint8_t *tls;         /* facts of the connection: tls/texts.h */
	uint32_t tls_len;           /* bytes; 0: it has no TLS */
	uint16_t client_port;
	uint8_t client_address[16];
	struct call_copy *copy;     /* malloc'ed; NULL: bytes, head and path are borrowed while handle() runs */
	struct buffer body;
	void *memory;               /* of tux_req_memory(); malloc'ed */
	uint8_t reply;              /* enum call_reply */
	uint8_t copied;             /* for the surroundings: enum call_reply of a reply that was copied at once, and is still to be freed */
	uint8_t added;              /* set of enum tux_reply_field_kind */
	uint16_t status;
	struct buffer type;         /* Content-Type; of a tunnel, its protocol */
	struct buffer fields;       /* lines, each ending in CRLF */
	struct buffer text;
	const void *data;           /* body of the reply */
	uint64_t len;
	uint64_t off;               /* in fd */
	int fd;
	void (*drop)(void *argument);
	void *argument;
	struct call_fetch *fetch;   /* the last one; NULL: the module has not fetched */
	struct module_fetch *fetching; /* for the surroundings: a fetch under way */
};

/*
 * Functions that calls need of their surroundings: the server's thread, or a process of an isolated module. The thread of the calls calls them,
 * except as said.
 */
struct call_ops {
	/* Gives a reply to the client while handle() runs. Returns false if there is no room: the reply stays in the call. */
	bool (*send)(struct tux_req *call);
	/* Starts the time limit of a call that the module keeps beyond handle() or resumed(), or that waits for the threads of a pool. */
	void (*keep)(struct tux_req *call);
	/* Ends the time limit and the wait, and forgets the file. Lets the request, if it is still there, forget a call that is put back. */
	void (*put)(struct tux_req *call);
	/*
	 * True if bytes of the file, which has them, can be read without a wait for the disk; reduces *len to those. False: waiter->ready() follows,
	 * unless residence_leave() ends the wait.
	 */
	bool (*find_file)(struct tux_req *call, struct read_waiter *waiter, uint64_t off, uint32_t *len);
	/* Copies up to len bytes of the file, which has them. Returns their number, or a negative errno. Any thread that has the call. */
	int (*read_file)(const struct tux_req *call, uint64_t off, void *to, uint32_t len);
	bool raw_paths; /* another process looks up files, and normalises their paths */
	/* Returns the number of an upstream in the configuration, or -ENOENT. Any thread. */
	int (*find_upstream)(const struct tux_req *call, const char *name);
};

/* The calls of a thread. */
struct calls {
	const struct call_ops *ops;
	struct thread *thread;          /* for the surroundings: the server's */
	struct inbox inbox;             /* calls that modules have given back in other threads */
	const void *gatherer;           /* atomic: identifies the thread between calls_gather() and calls_gathered(); else NULL */
	bool gathered;                  /* it has delivered one */
	struct tux_req *spare;          /* the longest unused first */
	struct tux_req **spare_last;
	unsigned spare_count;
	unsigned out;                   /* calls in use */
	struct deadlines deadlines;     /* for the surroundings: waits for a time */
	struct isolated_lines *lines;   /* for the surroundings: to the processes of isolated modules */
	struct source ready;            /* for the surroundings: an epoll of the descriptors that calls wait for; fd -1: none */
	bool more_ready;                /* for the surroundings: more of them are ready */
	const struct tux_loaded *running; /* atomic: the module whose function runs in the thread; NULL: none */
	uint64_t running_since_ms;      /* atomic: start of that function */
	uint64_t told_ms;               /* of calls_tell_hung(): start of the function that was told last */
	struct timers *limits;          /* for the surroundings; malloc'ed. Per module: calls that it has */
};

/*
 * True if the module has the call until it is delivered, also while a thread of the module is giving it back. The compiler must not read what
 * that thread sets before: the order of these loads matters.
 */
static inline bool call_is_kept(const struct tux_req *call)
{
	return __atomic_load_n(&call->kept, __ATOMIC_ACQUIRE);
}

/* True if the server's side has the call, and resumed() follows. The thread of the request, as the next one. */
static inline bool call_waits(const struct tux_req *call)
{
	return !call_is_kept(call) && call->result == CALL_WAITS;
}

/* True if the module has done all for the call. */
static inline bool call_is_returned(const struct tux_req *call)
{
	return !call_is_kept(call) && call->result != CALL_WAITS;
}

/* Prepares the calls of a thread. Returns false with errno on failure; calls_free() is due in any case. */
bool calls_open(struct calls *calls, const struct call_ops *ops);

/*
 * Frees the calls after the loop. Returns false if a module still has one: then calls stays valid, because a thread of the module may use
 * it at any time.
 */
bool calls_free(struct calls *calls);

/* Until calls_gathered(), the thread of the calls is not woken for those that it delivers itself. */
void calls_gather(struct calls *calls);

/* Returns what the inbox has, linked by next; NULL if the thread has delivered nothing. */
struct job *calls_gathered(struct calls *calls);

/* Returns a call, in which the caller sets the request; NULL if out of memory. */
struct tux_req *call_get(struct calls *calls, struct tux_loaded *loaded);

/* Frees a reply that was not given to the sink. */
void call_forget_reply(struct tux_req *call);

/* Frees what the call holds and puts it back. */
void call_put(struct tux_req *call);

/* Copies what the module sees of the request, for other threads. Returns false if out of memory. */
bool call_detach(struct tux_req *call);

/*
 * Runs handle(), or with call->again resumed(), in this thread. Returns its result, which is CALL_FAILED after a line in the error log if
 * it broke a rule. After CALL_KEPT the call is the module's.
 */
enum call_result call_run(struct tux_req *call);

/* Writes a line if handle() or resumed() of a module has not returned for a second, once. One thread at a time; not that of the calls. */
void calls_tell_hung(struct calls *calls, uint64_t now_ms);

/* Gives a call that is detached to the threads of the module. Its result is in call->result when it is delivered. */
void call_submit(struct tux_req *call);

/* Function of the threads of pools. */
void call_run_in_pool(struct tux_req *call);

/* Delivers a call that a pool has not run. */
void call_return_unrun(struct tux_req *call);

/*
 * Returns the reasons for which the call was delivered, a set of enum call_news; 0: it is not used, or it was put back meanwhile. The thread
 * of the request calls it once for each job of the inbox.
 */
unsigned call_take_news(struct tux_req *call);

/* Tells the module that the request, which the caller has separated, ends. The call is put back now, or when the module gives it back. */
void call_lose(struct tux_req *call);

/* Puts back a call that the module has given back after its request had ended: a module that has let it wait is told by gone(). */
void call_put_lost(struct tux_req *call);

/* Tells the module that its stream has room, if it waits for that. Thread of the request. */
void call_tell_room(struct tux_req *call);

/* Tells the module that its body or its tunnel has bytes or has ended, if it waits for that. Thread of the request. */
void call_tell_body(struct tux_req *call);

/* The parts of tux_suspend() and tux_resume() that concern the owner. The call is the module's. */
int call_suspend(struct tux_req *call);
int call_resume(struct tux_req *call);

/*
 * Takes the call from the module, which wants it to wait, for the calling thread alone. Returns 0: call_give_back() is due. Returns a negative
 * errno if the call may not wait.
 */
int call_take_back(struct tux_req *call, const char *function);

/* Gives the call, in which the caller has set the wait but for its kind, to the thread of the request. Returns what the module gets. */
int call_give_back(struct tux_req *call, enum call_until until);

/* Delivers the call, whose stream has changed, to the thread of the request, unless it will look at the stream anyway. Any thread that has it. */
void call_wake(struct tux_req *call);

/* True if the module has suspended the request. Any thread. */
bool call_is_suspended(const struct tux_req *call);

/*
 * Watches the descriptor that the call waits for, once, in calls->ready. Returns false if that fails: for a regular file, which is always ready,
 * or if out of memory. call_unwatch() ends that, and closes the descriptor, if there is one.
 */
bool call_watch(struct tux_req *call);
void call_unwatch(struct tux_req *call);

/* True if the request has ended without the module. Any thread. */
bool call_is_gone(const struct tux_req *call);

/* Gives back a suspended call of a module in another process, with its result. Thread of the request. */
void call_return(struct tux_req *call, enum call_result result);

/* True if the calling thread may use the call for the module. Otherwise writes a line to the error log. */
bool call_is_owned(const struct tux_req *call, const char *function);

/* True if the calling thread may use the memory of the module: also in gone() and writable(), while another thread gives the call back. */
bool call_has_memory(const struct tux_req *call, const char *function);

/* The functions that modules have. */
extern const struct tux_api calls_api;

#endif
