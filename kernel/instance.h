/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The structures shared by the files of the kernel engine. An instance holds everything that belongs to one open /dev/tux. A
 * connection belongs to one instance.
 *
 * Locks, outer first: the socket's own, those of modules and calls (call.h), instance->lock, cache->lock. The socket's lock guards a connection. Socket callbacks run
 * under it, in softirq or in the thread that releases the socket.
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

#include "../core/access_record.h"
#include "../include/uapi/tux.h"
#include "object.h"
#include "host.h"
#include "module_table.h"

/* Work for a helper thread. instance->lock guards it. */
struct work {
	struct list_head link;
	void (*run)(struct work *work); /* runs on a helper thread, without locks */
	bool queued;
};

/*
 * The state of a connection names its owner and the next step. ktux_conn_set_state() alone changes it, under the socket's lock.
 *
 * READ_HEAD -> WRITE -> READ_HEAD ... is a persistent connection that needs no helper thread. A response that is sent at once
 * leaves out WRITE. READ_HEAD and WRITE leave for a helper thread, which brings them back. The last response leads to SHUT_DOWN.
 */
enum conn_state {
	/* The socket's callbacks and the timer own the connection. */
	CONN_READ_HEAD,  /* waits for a request */
	CONN_WRITE,      /* waits for room in the socket for the rest of a response */
	CONN_LOG,        /* waits for room in the ring for the access record of a response that is complete or cut short */
	CONN_FLUSH,      /* waits until the client has acknowledged everything sent, for the handover that follows */
	CONN_LINGER,     /* discards input until the client closes */
	CONN_SUSPENDED,  /* a module has the request. A helper thread owns the connection as soon as the call is not the module's any more */
	/* A helper thread owns it, from the time when it is queued. Callbacks do nothing. */
	CONN_OPEN_FILE,  /* the current request's path is not cached, or its file has changed */
	CONN_READ_PAGES, /* pages of the response body are not in memory */
	CONN_NEXT_TURN,  /* the turn in softirq is used up */
	CONN_BLOCKING,   /* blocking() of a module handles the request */
	CONN_HAND_OVER,  /* passes the socket to the other server */
	CONN_SHUT_DOWN,  /* everything is sent: closes, or lingers first if the client still sends */
	CONN_CLOSE,
	/* The program owns it as soon as it reads from the device. */
	CONN_HANDED_UP,
	/* Detached from its socket. */
	CONN_CLOSED,
};

/* Limits of a connection's turn. After it, other connections run; in softirq the interrupted process, too. */
enum {
	TURN_BYTES = 4 << 20,
	TURN_RESPONSES = 8, /* each response uses at least its share of the bytes */
};

/* Bytes of a module, in pages of the kernel engine. */
struct own_body {
	u32 len;    /* bytes */
	u32 count;  /* pages */
	u32 forced; /* pages beyond the cgroup's limit */
	struct page *page[];
};

/* A target of the host with which a module has replied, in place of the request's. */
struct chosen {
	u16 target_len; /* bytes */
	u16 fields_len; /* bytes of the field lines that the module has added */
	u8 text[];      /* the target, followed by the lines */
};

/* The response being sent. The head is copied only if it could not be sent at once. */
struct answer {
	struct object *object; /* reference that keeps the file open; NULL: no body (left), or own */
	u8 *head;              /* kmalloc'ed: unsent rest of the head */
	u32 head_len;
	u32 head_at;
	struct file *file;     /* file of object */
	struct own_body *own;  /* body without a file; NULL: the body is of file */
	u64 off;               /* in the file, or in own */
	u64 left;
};

struct conn {
	struct work work;
	struct instance *instance;
	struct list_head all;   /* link in instance->conns or ->handed_up, or in no list; under instance->lock */
	struct socket *sock;
	struct file *file;      /* file of an adopted socket, which keeps sock; NULL: accepted by the module */
	struct timer_list timer;
	unsigned long deadline; /* jiffies; the timer may run earlier and then checks this */
	/* The socket's original callbacks and settings, to be restored. */
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
	gfp_t allocation;
	bool use_task_frag;
	u8 state;               /* enum conn_state */
	u8 reason;              /* enum tux_reason; valid in CONN_FLUSH, CONN_HAND_OVER and CONN_HANDED_UP */
	/* Facts that hold in several states. */
	bool close_after_response; /* the request said so, or its response was cut short */
	bool advancing;         /* advance() is running; it does not nest */
	bool missed;            /* an event came while the socket was in use: the timer handles it */
	bool greedy;            /* the turn was used up with requests left: helper threads continue */
	bool declined;          /* the module of the route has declined the current request */
	u32 turn;               /* bytes that may still be sent in this turn */
	u32 drained;            /* instance->drains when ktux_conns_drain() last set the timer */
	u32 seen;               /* bytes at the start of the queue that are an incomplete head */
	u16 port;
	u8 listener;            /* number of the listener that accepted the connection */
	u8 address[16];
	struct answer answer;
	const struct host *host; /* host of the current request */
	u8 *key;                /* kmalloc'ed: path for CONN_OPEN_FILE, within host */
	u32 key_len;
	u32 acked;              /* first unacknowledged sequence number at the last check of the send timeout */
	struct object *loaded;  /* object loaded in CONN_OPEN_FILE, for the next parse of the same request only */
	struct tux_req *call;   /* call of a module, in CONN_SUSPENDED and CONN_BLOCKING; else NULL */
	struct chosen *chosen;  /* kmalloc'ed: reply of the module of the current request, until the response; NULL: none */
	struct tux_access_record *record; /* access record of an unfinished response, followed by its texts */
};

struct listener {
	struct work work;
	struct instance *instance;
	u8 number;
	struct list_head all;
	struct file *file;
	struct socket *sock;
	wait_queue_head_t *head; /* wait queue that entry is on */
	wait_queue_entry_t entry;
	struct timer_list retry; /* runs after an accept() without memory */
};

struct instance {
	struct list_head everyone; /* link in the list of all instances (device.c) */
	struct pid *owner;         /* process that opened the device */
	struct pid *parent;        /* its parent at that time: the supervisor of the program */
	struct mem_cgroup *memcg;  /* memory cgroup of owner; NULL: no memory cgroups */
	struct net *net;
	struct hosts hosts;
	struct module_table modules;
	struct eventfd_ctx *event;
	bool set_up, records;
	bool greeted;
	bool of_root; /* the process that opened the device has CAP_NET_ADMIN in the first user namespace, not only in a container's */
	bool draining;
	bool retiring; /* draining, but idle connections are handed up, not closed */
	u32 max_connections;
	unsigned long head_timeout, send_timeout, idle_timeout; /* jiffies */
	u16 handover_port;       /* 0: no handover */
	u8 etag_key[16];
	struct cache cache;
	struct tux_shared *shared; /* vmalloc'ed; the program maps it */
	u32 stride;
	struct mutex setup_lock; /* serializes the calls that set up or change the instance */
	spinlock_t lock;         /* guards the members below; interrupts off */
	struct list_head work;
	struct list_head conns;
	u32 drains;              /* number of calls of ktux_conns_drain() */
	struct list_head handed_up;
	struct list_head listeners;
	u32 socket_count;        /* number of listeners */
	atomic_t turn;           /* selects the listener that is served first when there is room again */
	u32 conn_count;
	wait_queue_head_t workers;
	wait_queue_head_t readers;
};

/* The reply of a module that responds at once. */
struct module_scratch {
	struct tux_req *spare; /* call that the next request may use; NULL: none. Changed by xchg() */
	u8 fields[TUX_MAX_FIELD_LINES]; /* field lines that the module has added */
	u8 lines[2 * TUX_MAX_FIELD_LINES]; /* those of the configuration, followed by those of the module */
	u8 chosen[sizeof(struct chosen) + TUX_MAX_CHOSEN] __aligned(__alignof__(struct chosen)); /* chosen.c */
	const char *name;           /* of the module that has replied with the file; NULL: none has */
	const struct fields *of_route; /* fields of its route, in place of those of the file's path; NULL: those of the path */
};

/* Per-CPU scratch memory, used with bottom halves off. */
struct scratch {
	struct tux_request request;
	struct tux_plan plan;
	s64 date_s;
	u8 date[TUX_DATE_LEN];
	u8 head[TUX_MAX_HEAD]; /* copy of a head that is not contiguous in the receive queue */
	u8 path[TUX_MAX_TARGET];
	u8 out[TUX_MAX_RESPONSE_HEAD + 2 * TUX_MAX_FIELD_LINES + TUX_MAX_TARGET]; /* a head; that of a module has its fields, and Location */
	struct module_scratch module;
	struct bio_vec page[256];
	struct folio *folio[256]; /* folios that hold the pages of page[] */
	struct {
		struct tux_access_record fixed;
		u8 text[TUX_ACCESS_RECORD_MAX - sizeof(struct tux_access_record)];
	} record;
};

int ktux_scratch_init(void);
void ktux_scratch_exit(void);
void ktux_scratch_trim(void); /* Frees what an instance that has ended may have left, because that is charged to its cgroup. Process context. */
struct scratch *ktux_scratch_get(void); /* Bottom halves are off. */

#endif
