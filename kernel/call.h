/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modules of the kernel and their calls. A call is one request that a module has. Its owner changes under its lock, the innermost one.
 *
 * handle() runs in softirq under the socket's lock and RCU. After tux_suspend() the call has a copy of the request, and the connection is in
 * CONN_SUSPENDED. Then either tux_resume() returns the call, or the server takes it from the module: after that the module cannot reach the
 * connection, and the call stays until the module gives it back, or until its unload() has returned. Whoever ends the suspension while the
 * connection does not look queues the connection for a helper thread.
 *
 * A module stays loaded as long as it has a call, or runs. A call that waits for a helper thread does not keep it loaded, because the program may
 * be stopped: such a call uses struct tux_loaded alone, and blocking() is not called for it after the module was unregistered.
 */
#ifndef TUX_KERNEL_CALL_H
#define TUX_KERNEL_CALL_H

#include <linux/completion.h>
#include <linux/percpu-refcount.h>
#include <linux/ratelimit.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../include/tux/module.h"
#include "instance.h"

enum {
	CALL_MAX_TYPE = 255,   /* bytes of a Content-Type */
	TUX_LOADED_PREFIX = 12, /* bytes of "tux: module " */
};

/* A module that is registered, or was. */
struct tux_loaded {
	struct list_head all;        /* link in the list of module.c, under its lock; empty once it is unregistered */
	refcount_t users;            /* of the registration, and of each call with a copy: they use this structure */
	char label[TUX_LOADED_PREFIX + TUX_MAX_SETUP_MODULE_NAME + 1]; /* "tux: module NAME" */
	const struct tux_module *module; /* memory of the module, under RCU or with a reference of refs */
	enum tux_result (*blocking)(struct tux_req *req); /* the module's; NULL: it has none */
	struct tux_api api;          /* the functions that the module has */
	struct module_conf *conf;    /* its configuration; NULL: none yet. Under the lock of module.c */
	struct pid *owner;           /* a verified handler's: process that registered it; NULL: it responds for each program */
	u32 entries;                 /* entries that lead to it. Written under the lock of module.c */
	struct work_struct settle;   /* lets another configuration begin, after the last call of the former was given back */
	struct percpu_ref refs;      /* calls that the module has, and functions of it that run without RCU: it stays loaded */
	struct completion idle;      /* refs were killed, and none is left */
	spinlock_t lock;             /* guards the members below; interrupts off; outside of a call's lock */
	struct list_head suspended;  /* calls that the module has */
	struct list_head taken;      /* calls that the server has taken from the module */
	struct list_head abandoned;  /* calls that the module has not given back in time: they stay until its unload() has returned */
	unsigned long limit;         /* jiffies when the module should have given back all taken calls */
	struct ratelimit_state lines;
};

enum call_owner {
	CALL_SERVER,    /* the server: no function of the module interface may be called */
	CALL_RUNNING,   /* handle() or blocking(), which runs */
	CALL_SUSPENDED, /* the module */
	CALL_RETURNED,  /* the server: the module has called tux_resume() */
	CALL_TAKEN,     /* the server: the module has not yet called tux_resume() */
};

enum call_reply {
	REPLY_NONE,
	REPLY_SENT,     /* handle() has replied, and result tells how much was sent */
	REPLY_BODY,
	REPLY_REDIRECT, /* to location */
	REPLY_FILE,     /* chosen, or that of scratch while direct */
};

/* A copy of the request's head and path. */
struct call_copy {
	struct tux_request head;
	u8 bytes[]; /* of the head, followed by the path */
};

struct tux_req {
	/* The module's view of the request. */
	const u8 *buf;
	const struct tux_request *head;
	const u8 *path;
	u32 path_len;
	u32 number;             /* of the module in the set-up */
	struct call_copy *copy; /* kmalloc'ed, what the members above lead to; NULL: the call ends with handle() */
	void *memory;           /* kmalloc'ed, of tux_req_memory() */
	u16 port;
	u8 address[16];
	s64 began_us;           /* 0: no access records */

	struct tux_loaded *loaded;
	const struct module_conf *conf; /* of the set-up, as long as the connection; for verified handlers, which do not keep requests */
	struct mem_cgroup *memcg; /* for memory of the call; a reference once there is a copy */
	refcount_t refs;        /* of the connection, and of the module from tux_suspend() until it gives the request back */
	struct list_head all;   /* link in loaded->suspended or ->taken, under loaded->lock */
	unsigned long timeout;  /* jiffies; of the suspension, and then of the wait until the module gives a taken call back */

	/* Under lock. */
	u8 owner;               /* enum call_owner */
	bool running;           /* handle() or blocking() has not returned yet */
	u8 reason;              /* enum tux_reason: why the call was taken while the connection did not look */
	struct conn *conn;      /* NULL: the connection ends or continues without the call */

	/* The reply, of the owner. */
	bool direct;            /* a reply is sent at once */
	u8 reply;               /* enum call_reply */
	u8 added;               /* set of enum tux_reply_field_kind */
	u16 status;
	u32 fields_len;
	u8 *fields;             /* TUX_MAX_FIELD_LINES bytes: of scratch while direct, else kmalloc'ed; NULL: none */
	char *location;         /* kmalloc'ed */
	struct own_body *body;
	struct chosen *chosen;  /* kmalloc'ed; NULL: none */
	int result;             /* enum send_result, with REPLY_SENT */
	u32 type_len;

	/* Not cleared for the next request. */
	spinlock_t lock;
	char type[CALL_MAX_TYPE + 1];
};

/* Returns a cleared call without a connection, from this CPU's spare one if possible; NULL if out of memory. Bottom halves are off. */
struct tux_req *ktux_call_new(struct scratch *scratch, const struct instance *instance);

/* Ends a call that handle() alone has used. Bottom halves are off. */
void ktux_call_end(struct scratch *scratch, struct tux_req *call);

/* Copies what the call shows, and takes references to what it uses: it may outlive handle(), and its module. Returns 0 or -ENOMEM. */
int ktux_call_detach(struct tux_req *call);

/* Drops a reference to a call with a copy. Any context. */
void ktux_call_put(struct tux_req *call);

/* Drops a reference to the structure of a module. Any context. */
void ktux_loaded_put(struct tux_loaded *loaded);

/* tux_suspend() and tux_resume(). */
int ktux_call_suspend(struct tux_req *call);
int ktux_call_resume(struct tux_req *call);

/*
 * Ends a run of handle() or blocking(), under the socket's lock. Returns the owner. If it is CALL_SUSPENDED, the connection is in CONN_SUSPENDED and
 * has the call. wanted: the function has returned TUX_SUSPEND; else a suspended call is the server's again.
 */
enum call_owner ktux_call_ran(struct conn *conn, struct tux_req *call, bool wanted);

/*
 * Takes the suspended call of a connection from the module, and tells gone(). Then the connection has no call. Returns false if the call was not the module's
 * any more: then a helper thread is about to continue. Under the socket's lock.
 */
bool ktux_call_take(struct conn *conn);

/* Ends the call of a connection that closes, if it has one. No helper thread uses the connection. Under the socket's lock. */
void ktux_call_leave(struct conn *conn);

/* Takes all suspended calls from a module, for TUX_REASON_UNLOADED. Process context. */
void ktux_calls_take(struct tux_loaded *loaded);

/*
 * Ends the calls that the module has not given back, and returns their number. The module may still call functions for them, which fail, until
 * ktux_calls_forget(): its unload() ends the timers and the work that have them. Process context.
 */
u32 ktux_calls_abandon(struct tux_loaded *loaded);

/* Drops the module's references to these calls, after nothing of the module runs any more. Process context. */
void ktux_calls_forget(struct tux_loaded *loaded);

/* Writes a line about a module to the kernel log, at most 100 in a second. Any context. */
void ktux_call_complain(struct tux_loaded *loaded, const char *format, ...) __printf(2, 3);

/* Returns the name of a module. */
static inline const char *ktux_loaded_name(const struct tux_loaded *loaded)
{
	return loaded->label + TUX_LOADED_PREFIX;
}

#endif
