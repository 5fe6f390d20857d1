/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * The ABI of /dev/tux, between the program and tux.ko.
 *
 * call            what it does                                              argument
 * ------------    ------------------------------------------------------    --------------------------
 * open(2)         a new, empty instance; CAP_NET_ADMIN in the caller's      -
 *                 network namespace, which the instance serves
 * TUX_HELLO       compares versions; first, once                            struct tux_hello, in and out
 * TUX_SETUP       sites, their hosts, limits; second, once                  struct tux_setup, in
 * mmap(2)         counters and access records                               as many bytes as TUX_SIZE says
 * TUX_LISTEN      serves a listening TCP socket                             struct tux_socket, in
 * TUX_RUN         lends the calling thread until TUX_DRAIN; EINTR after a   -
 *                 signal, or to close files: the program calls again
 * read(2)         takes connections that the kernel engine does not serve   struct tux_handed_up, out
 * TUX_ADOPT       gives a connection and its descriptor to the kernel       struct tux_socket, in and out
 *                 engine: success closes the descriptor
 * TUX_DRAIN       no longer accepts; idle connections are closed, others    -
 *                 handed up with their next request
 * TUX_RETIRE      the same, but idle connections are handed up, not closed   -
 * TUX_ROOM        a connection of the program's has ended while             -
 *                 tux_shared.full was set: accepting goes on
 * TUX_STATUS      what another instance of the namespace has done;          struct tux_status, in and out
 *                 any time behind TUX_HELLO
 * close(2)        ends everything: listening, connections, cache
 *
 * Errors of all calls: EINVAL for what is not as described here (a line in the kernel log at debug level says what),
 * EBADMSG for calls out of their order, EPROTO for another version, EPERM without the capability. TUX_ADOPT fails with EBUSY for a
 * socket that another descriptor, an epoll item, O_ASYNC or a call under way can reach. TUX_ADOPT closes the number, not the file: if
 * another thread replaces that number by dup2() during the call, the module closes the wrong file. The program must not do this.
 */
#ifndef _UAPI_TUX_H
#define _UAPI_TUX_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TUX_ABI 8u /* of this file; program and module must have the same */

#define TUX_MAX_INDEX 8
#define TUX_MAX_INDEX_LEN 255

struct tux_hello {
	__u32 abi;         /* in: the program's; out: the module's. EPROTO when they differ */
	__u32 record_size; /* in: of struct tux_record; EPROTO likewise */
	char version[32];  /* out: of the module, for people; ends in NUL */
};

#define TUX_SETUP_RECORDS (1u << 0) /* make access records */
#define TUX_SETUP_FLAGS   ((1u << 1) - 1)

#define TUX_MAX_SETUP (1u << 26) /* bytes of all that the addresses of a set-up lead to */

struct tux_setup {
	__u32 size;            /* of this structure */
	__u32 flags;           /* TUX_SETUP_... */
	__s32 event_fd;        /* an eventfd told of access records when tux_shared.sleeps is set; -1: none */
	__u32 max_connections; /* of both engines together, 1 to 2^24; at the limit accepting pauses */
	__u32 max_objects;     /* open files kept, of all sites together, 1 to 2^20 */
	__u32 head_timeout_ms; /* from the first byte of a head to its end */
	__u32 send_timeout_ms; /* without progress in sending */
	__u32 idle_timeout_ms; /* between requests. All three: 1 to 86,400,000 */
	__u32 handover_port;   /* of a server on this machine, 1 to 65535; 0: none */
	__u32 site_count;      /* of sites, 1 to TUX_MAX_SITES */
	/* Which site a request is for: the tux_hosts of core/host.h. */
	__u32 host_count;
	__u32 host_text_len;   /* bytes */
	__u32 listener_count;  /* of fallbacks, 1 to TUX_MAX_HOST_LISTENERS */
	__u32 unused;          /* 0 */
	/* Addresses; what lies there is copied. */
	__u64 sites;           /* of struct tux_setup_site */
	__u64 hosts;           /* of struct tux_host, in its order */
	__u64 host_text;
	__u64 fallbacks;       /* of a __u16 for each listener */
	__u8 etag_key[16];
};

/* The fields of answers below 400. */
struct tux_setup_fields {
	__u64 lines; /* address of "Name: value" and CRLF, as often as there are fields: they are added */
	__u32 len;   /* bytes, at most TUX_MAX_FIELD_LINES */
	__u32 omit;  /* enum tux_omission of core/response.h, or-ed: what is left out */
	/* Media types of files, the tux_media_types of core/media_types.h. Addresses; what lies there is copied. */
	__u64 types;         /* of struct tux_media_type_of */
	__u64 type_text;
	__u32 type_count;    /* of types, at most TUX_MAX_MEDIA_TYPES */
	__u32 type_text_len; /* bytes, at most TUX_MAX_MEDIA_TYPE_TEXT */
	__u16 every_off, every_len;       /* the media type of every file, in type_text; len 0: not set */
	__u16 fallback_off, fallback_len; /* of files whose names are unknown */
};

#define TUX_SITE_DOT_FILES (1u << 0) /* serve names that start with a dot */
#define TUX_SITE_FLAGS     ((1u << 1) - 1)

struct tux_setup_site {
	__u32 flags;           /* TUX_SITE_... */
	__s32 root_fd;         /* the document root, a directory, of O_PATH too; a reference is kept. -1: it is not there */
	__u16 mode_allowed;    /* a file is served that has one of these bits; 0: it need not */
	__u16 mode_forbidden;  /* and has none of these. Both: at most 07777 */
	__u32 index_count;     /* of index, at most TUX_MAX_INDEX */
	char index[TUX_MAX_INDEX][TUX_MAX_INDEX_LEN + 1]; /* names without '/', each ending in NUL */
	__u32 route_count;     /* of routes, at most TUX_MAX_ROUTES */
	__u32 route_text_len;  /* bytes, at most TUX_MAX_ROUTE_TEXT */
	/* Addresses; what lies there is copied. */
	__u64 routes;          /* of struct tux_route, core/route.h, in its order */
	__u64 route_text;
	__u64 file_types;      /* of struct tux_file_type, core/selection.h */
	__u32 file_type_count; /* at most TUX_MAX_FILE_TYPES */
	__u16 mode_cgi;        /* files with one of these mode bits are programs, */
	__u16 mode_module;     /* or modules: like those of the types the user engine's, never sent. Both: at most 07777 */
	__u64 route_fields;    /* of a struct tux_setup_fields for each route, in place of the site's; 0: none has its own */
	struct tux_setup_fields fields;
};

/* A listening socket, or a connection. */
struct tux_socket {
	__s32 fd;       /* TUX_ADOPT that fails: its number from then on; another one if the program's threads race for it, -1: closed */
	__u32 listener; /* its number, or that of the one it came in at: below tux_setup.listener_count */
};

/* Why a connection comes up. Its request is unread, as far as it has arrived. */
enum tux_reason {
	TUX_REASON_NONE,
	TUX_REASON_REFUSED, /* a malformed head, or urgent data (MSG_OOB) in the queue */
	TUX_REASON_METHOD,  /* neither GET nor HEAD */
	TUX_REASON_BODY,    /* the request has a body, or expects 100 Continue */
	TUX_REASON_TARGET,  /* the path does not normalise, or names a dot file */
	TUX_REASON_MISSING, /* the path leads to nothing */
	TUX_REASON_ABSENT,  /* there is no file that the kernel engine may serve: a directory, a link, ... */
	TUX_REASON_ANSWER,  /* an answer that it does not make: several ranges, 412, 416 */
	TUX_REASON_TIMEOUT, /* the head did not arrive in time */
	TUX_REASON_RECORDS, /* there is no room for access records */
	TUX_REASON_MEMORY,
	TUX_REASON_DRAIN,
	TUX_REASON_PREFIX,  /* the path is the other server's; only as a reason of handing over */
	TUX_REASON_ROUTE,   /* the path's route is one that the kernel engine does not serve */
	TUX_REASON_BACKEND, /* the other server does not listen, or its accept queue is full: answer 503 */
	TUX_REASONS
};

struct tux_handed_up {
	__s32 fd;       /* new, O_CLOEXEC, the caller's */
	__u32 reason;   /* enum tux_reason */
	__u32 listener; /* the number of the one that it came in at */
};

/* Sums since the instance began; the program adds up the CPUs'. */
struct tux_cpu_counters {
	__u64 requests;
	__u64 sent_bytes;
	__u64 errors;     /* answers cut short */
	__u64 accepted;
	__u64 adopted;
	__u64 closed;     /* by the kernel engine */
	__u64 hits;       /* answered from the cache at once */
	__u64 handed_up[TUX_REASONS];
	__u64 handed_over[TUX_REASONS]; /* into the other server's accept queue */
};

/* An instance of the caller's network namespace, as it is now. ENOENT when there are not that many. */
struct tux_status {
	__u32 index;       /* in: which one, from 0; those that are not set up do not count */
	__u32 pid;         /* out: who opened it, in the caller's namespace; 0: nobody that can be seen there */
	__u32 connections; /* out: open now */
	__u32 objects;     /* out: in the cache */
	struct tux_cpu_counters counters; /* out: of all CPUs */
};

/* One CPU's part of the shared memory. Only the module writes head and data, only the program tail. */
struct tux_cpu_shared {
	struct tux_cpu_counters counters;
	__u64 head __attribute__((aligned(64))); /* bytes written since the beginning; access records, whole ones */
	__u64 tail __attribute__((aligned(64))); /* bytes read */
	__u8 data[] __attribute__((aligned(64)));
};

/* The start of the shared memory. CPU i's part begins at first + i * stride. */
struct tux_shared {
	__u32 cpus;
	__u32 first;      /* bytes from the start */
	__u32 stride;     /* bytes */
	__u32 ring_bytes; /* of tux_cpu_shared.data, a power of two */
	__u64 bytes;      /* of all */
	__u32 sleeps __attribute__((aligned(64))); /* the program's: set when it wants to be told of records */
	/*
	 * Those of both engines, changed atomically: each adds what it accepts, and the program what it gives by TUX_ADOPT until
	 * the call has succeeded; each takes off what it closes. One that is handed up has been added.
	 */
	__u32 connections __attribute__((aligned(64)));
	__u32 full; /* the module's: set when it waits for room */
};

#define TUX_HELLO  _IOWR('T', 0xd0, struct tux_hello)
#define TUX_SETUP  _IOW('T', 0xd1, struct tux_setup)
#define TUX_LISTEN _IOW('T', 0xd2, struct tux_socket)
#define TUX_RUN    _IO('T', 0xd3)
#define TUX_ADOPT  _IOWR('T', 0xd4, struct tux_socket)
#define TUX_DRAIN  _IO('T', 0xd5)
#define TUX_STATUS _IOWR('T', 0xd7, struct tux_status)
#define TUX_RETIRE _IO('T', 0xd8)
#define TUX_ROOM   _IO('T', 0xd9)
#define TUX_SIZE   _IOR('T', 0xd6, __u64) /* bytes to mmap; after TUX_SETUP */

#endif
