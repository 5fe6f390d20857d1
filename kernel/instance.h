/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the kernel engine share: an instance, which is all that hangs on one open /dev/tux, and a
 * connection of it.
 *
 * Locks, outer first: the socket's own, instance->lock, cache->lock. A connection is guarded by its socket's lock: callbacks
 * of the socket run under it, in softirq or in whoever releases the socket.
 */
#ifndef TUX_KERNEL_INSTANCE_H
#define TUX_KERNEL_INSTANCE_H

#include <linux/eventfd.h>
#include <linux/list.h>
#include <linux/net.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "../core/record.h"
#include "../include/uapi/tux.h"
#include "object.h"
#include "site.h"

/* What waits for a lent thread. Under instance->lock. */
struct work {
	struct list_head link;
	void (*run)(struct work *work); /* on a lent thread, with nothing held */
	bool queued;
};

/* What a connection needs a lent thread for, or is done with. */
enum conn_need {
	NEED_NOTHING,
	NEED_OBJECT,  /* the request at hand is for a path that is not cached, or has changed */
	NEED_PAGES,   /* pages of the body are not in memory */
	NEED_TURN,    /* it has used up its turn in softirq */
	NEED_HAND_UP,
	NEED_HAND_OVER,
	NEED_CLOSE,   /* after what was sent; lingers if the peer still sends */
};

/* A connection's turn: then others run, in softirq those of the interrupted process as well. */
enum {
	TURN_BYTES = 4 << 20,
	TURN_RESPONSES = 8, /* each counts as its part of the bytes */
};

/* What is being sent. The head is copied only when it did not go out at once. */
struct answer {
	struct object *object; /* the reference that keeps the file; NULL: there is no body (any more) */
	u8 *head;              /* kmalloc'ed rest of a head */
	u32 head_len;
	u32 head_at;
	struct file *file;     /* of object */
	u64 off;
	u64 left;
};

struct conn {
	struct work work;
	struct instance *instance;
	struct list_head all;   /* instance->conns or ->handed_up, or none; under instance->lock */
	struct socket *sock;
	struct file *file;      /* of an adopted one; then it keeps sock */
	struct timer_list timer;
	unsigned long deadline; /* jiffies; the timer may run earlier and then looks again */
	/* The socket's own, to be put back. */
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
	gfp_t allocation;
	bool use_task_frag;
	u8 need;                /* enum conn_need */
	u8 reason;              /* enum tux_reason, with NEED_HAND_UP and NEED_HAND_OVER */
	bool working;           /* a lent thread has it, or is to get it: callbacks leave it alone */
	bool advancing;         /* in advance(), which does not call itself */
	bool sending;
	bool failed;            /* the answer was cut short; only its record is still to be written */
	bool lingering;
	bool last;              /* close when the answer is sent */
	bool passing;           /* to be handed over once all that was sent is acknowledged */
	bool missed;            /* an event came while the socket was in use: the timer catches up */
	bool greedy;            /* used up a turn, and has more: threads go on with it */
	u32 turn;               /* bytes that may still be sent in this turn */
	u32 drained;            /* instance->drains when ktux_conns_drain() last had it looked at */
	u32 seen;               /* bytes that are known to be an incomplete head */
	u16 port;
	u8 listener;            /* that it came in at: its number */
	u8 address[16];
	struct answer answer;
	const struct site *site; /* of the request at hand */
	u8 *key;                /* kmalloc'ed: the path that NEED_OBJECT is about, of that site */
	u32 key_len;
	u32 acked;              /* the client's acknowledgements when the send timeout last looked */
	struct object *loaded;  /* what NEED_OBJECT brought: for the next look at the request alone */
	struct tux_record *record; /* of an answer that takes time, its texts behind it */
};

struct listener {
	struct work work;
	struct instance *instance;
	u8 number;
	struct list_head all;
	struct file *file;
	struct socket *sock;
	wait_queue_head_t *head; /* where entry stands */
	wait_queue_entry_t entry;
};

struct instance {
	struct list_head everyone; /* of device.c */
	struct pid *owner;         /* who opened it */
	struct mem_cgroup *memcg;  /* of that; NULL: without memory cgroups */
	struct net *net;
	struct sites sites;
	struct eventfd_ctx *event;
	bool set_up, records;
	bool greeted;
	bool draining;
	bool retiring; /* draining, but idle connections go up */
	u32 max_connections;
	unsigned long head_timeout, send_timeout, idle_timeout; /* jiffies */
	u16 handover_port;       /* 0: none */
	u8 etag_key[16];
	struct cache cache;
	struct tux_shared *shared; /* vmalloc'ed; mapped by the program */
	u32 stride;
	struct mutex setup_lock; /* of the calls that change what the instance is */
	spinlock_t lock;         /* with interrupts off; of what follows */
	struct list_head work;
	struct list_head conns;
	u32 drains;              /* how often ktux_conns_drain() was called */
	struct list_head handed_up;
	struct list_head listeners;
	u32 socket_count;        /* of listeners */
	atomic_t turn;           /* which of them is served first when there is room again */
	u32 conn_count;
	wait_queue_head_t workers;
	wait_queue_head_t readers;
};

/* A CPU's scratch memory, used with bottom halves off. */
struct scratch {
	struct tux_request request;
	struct tux_plan plan;
	s64 date_s;
	u8 date[TUX_DATE_LEN];
	u8 head[TUX_MAX_HEAD]; /* a head that does not lie in one piece */
	u8 path[TUX_MAX_TARGET];
	u8 out[TUX_MAX_RESPONSE_HEAD + TUX_MAX_FIELD_LINES];
	struct bio_vec page[256];
	struct folio *folio[256]; /* what holds them */
	struct {
		struct tux_record fixed;
		u8 text[TUX_RECORD_MAX - sizeof(struct tux_record)];
	} record;
};

int ktux_scratch_init(void);
void ktux_scratch_exit(void);
struct scratch *ktux_scratch_get(void); /* bottom halves are off */

#endif
