/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * The ABI of /dev/tux, between the program and tux.ko.
 *
 * call            effect                                                    argument
 * ------------    ------------------------------------------------------    --------------------------
 * open(2)         creates an empty instance for the caller's network        -
 *                 namespace; needs CAP_NET_ADMIN there
 * TUX_HELLO       compares versions; first, once                            struct tux_hello, in and out
 * TUX_SETUP       sets hosts, their names, limits; second, once             struct tux_setup, in
 * mmap(2)         maps counters and access records                          length: the value of TUX_SIZE
 * TUX_LISTEN      serves a listening TCP socket                             struct tux_socket, in
 * TUX_RUN         makes the caller a helper thread until TUX_DRAIN;         -
 *                 EINTR after a signal, or to close files: call again
 * read(2)         returns connections that the kernel engine hands up       struct tux_handed_up, out,
 *                                                                           one or more
 * TUX_ADOPT       gives a connection and its descriptor to the kernel       struct tux_socket, in
 *                 engine; success closes the descriptor
 * TUX_DRAIN       stops accepting; closes idle connections, hands up the    -
 *                 others with their next request
 * TUX_RETIRE      like TUX_DRAIN, but hands up idle connections             -
 * TUX_ROOM        reports that a connection of the program has closed       -
 *                 while tux_shared.full was set; accepting resumes
 * TUX_STATUS      returns the counters of an instance of the namespace;     struct tux_status, in and out
 *                 any time after TUX_HELLO
 * close(2)        ends everything: listening, connections, cache
 *
 * Errors of all calls: EINVAL for an invalid argument (a debug message in the kernel log says which), EBADMSG for a call out of
 * order, EPROTO for another version, EPERM without the capability. TUX_ADOPT fails with EBUSY if another descriptor, an epoll
 * item, O_ASYNC or a running call can reach the socket. read(2) keeps a connection for the next call if it cannot return it:
 * EMFILE, ENFILE, ENOMEM, EFAULT, EMSGSIZE if its structure is longer than the room. During TUX_ADOPT the descriptor is out of the
 * table, and its number reserved: after a failure it is there again, and after success the number is free.
 */
#ifndef _UAPI_TUX_H
#define _UAPI_TUX_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TUX_ABI 16u /* version of this file; program and module must have the same */

#define TUX_MAX_INDEX 8
#define TUX_MAX_INDEX_LEN 255

struct tux_hello {
	__u32 abi;         /* in: the program's; out: the module's; EPROTO if they differ */
	__u32 record_size; /* in: size of struct tux_access_record; EPROTO if the module's differs */
	char version[32];  /* out: the module's version, for people; NUL-terminated */
};

#define TUX_SETUP_RECORDS (1u << 0) /* write access records */
#define TUX_SETUP_FLAGS   ((1u << 1) - 1)

#define TUX_MAX_SETUP (1u << 26) /* maximum bytes at all addresses of a set-up */

struct tux_setup {
	__u32 size;            /* bytes of this structure */
	__u32 flags;           /* TUX_SETUP_... */
	__s32 event_fd;        /* eventfd signalled for access records while tux_shared.sleeps is set; -1: none */
	__u32 max_connections; /* for both engines together, 1 to 2^24; accepting pauses at the limit */
	__u32 max_objects;     /* cached open files of all hosts together, 1 to 2^20 */
	__u32 head_timeout_ms; /* from the first byte of a request head to its end */
	__u32 send_timeout_ms; /* without progress in sending a response */
	__u32 idle_timeout_ms; /* between requests. All three: 1 to 86,400,000 */
	__u32 handover_port;   /* port of a server on this machine, 1 to 65535; 0: none */
	__u32 host_count;      /* number of hosts, 1 to TUX_MAX_HOSTS */
	/* The names that select a request's host: the tux_host_names of core/host.h. */
	__u32 name_count;      /* slots */
	__u32 name_text_len;   /* bytes */
	__u32 listener_count;  /* number of fallbacks, 1 to TUX_MAX_HOST_LISTENERS */
	__u32 module_count;    /* number of modules, at most TUX_MAX_SETUP_MODULES; the argument of a route to a module is below */
	/* Addresses. The module copies the data. */
	__u64 hosts;           /* array of struct tux_setup_host */
	__u64 names;           /* array of struct tux_host_name: the slots of the table of core/host.h */
	__u64 name_text;
	__u64 fallbacks;       /* array of __u32, one for each listener */
	__u64 modules;         /* array of struct tux_setup_module */
	__u8 etag_key[16];
};

/* Limits of verified handlers, which bound their time in softirq: the program and tux-bpf.ko check them. */
#define TUX_MAX_BPF_VERIFIED 65536 /* instructions that the kernel's verifier follows */
#define TUX_MAX_BPF_KEY      256   /* bytes of a map's key */
#define TUX_MAX_BPF_VALUE    1024  /* bytes of a map's value */

#define TUX_MAX_SETUP_MODULES     256
#define TUX_MAX_SETUP_MODULE_NAME 64       /* bytes */
#define TUX_MAX_SETUP_VALUES      256      /* per module */
#define TUX_MAX_SETUP_MODULE_TEXT (1u << 20) /* bytes */

#define TUX_SETUP_MODULE_KERNEL   (1u << 0) /* a module of this name that a .ko has registered responds */
#define TUX_SETUP_MODULE_VERIFIED (1u << 1) /* a verified handler of this name that the program has attached responds */
#define TUX_SETUP_MODULE_FLAGS    ((1u << 2) - 1)

/* A module that routes name. */
struct tux_setup_module {
	__u32 flags;       /* TUX_SETUP_MODULE_...; 0: only the program responds */
	__u32 timeout_ms;  /* for a request that the module has suspended, 1 to 86,400,000; then 504 */
	__u32 value_count; /* values of its configuration, at most TUX_MAX_SETUP_VALUES */
	__u32 text_len;    /* bytes, at most TUX_MAX_SETUP_MODULE_TEXT */
	__u64 text;        /* address: the name, then key and text of each value, each followed by NUL */
};

/* The header fields of responses. */
struct tux_setup_fields {
	__u64 lines; /* address of the fields added below 400, each "Name: value" and CRLF */
	__u64 error_lines; /* like lines, but for a status of 400 or more, which only modules give */
	__u32 len;   /* bytes of lines, at most TUX_MAX_FIELD_LINES */
	__u32 error_len; /* bytes of error_lines, at most TUX_MAX_FIELD_LINES */
	__u32 omit;  /* enum tux_omission of core/response.h, or-ed: omitted fields */
	__u32 removed_len; /* bytes of removed, at most TUX_MAX_FIELD_LINES */
	__u64 removed; /* address of the names of fields that a module cannot add, in lower case, each followed by NUL */
	/* The media types of files: the tux_media_types of core/media_types.h. Addresses. The module copies the data. */
	__u64 types;         /* array of struct tux_media_type_of */
	__u64 type_text;
	__u32 type_count;    /* number of types, at most TUX_MAX_MEDIA_TYPES */
	__u32 type_text_len; /* bytes, at most TUX_MAX_MEDIA_TYPE_TEXT */
	__u16 every_off, every_len;       /* media type of every file, in type_text; len 0: not set */
	__u16 fallback_off, fallback_len; /* media type of files with an unknown suffix */
};

#define TUX_HOST_DOT_FILES (1u << 0) /* serve names that start with a dot */
#define TUX_HOST_FLAGS     ((1u << 1) - 1)

struct tux_setup_host {
	__u32 flags;           /* TUX_HOST_... */
	__s32 root_fd;         /* document root: a directory, also opened with O_PATH; the module keeps a reference. -1: missing */
	__u16 mode_allowed;    /* a served file has one of these bits; 0: not checked */
	__u16 mode_forbidden;  /* a served file has none of these bits. Both: at most 07777 */
	__u16 index_count;     /* number of names in index, at most TUX_MAX_INDEX */
	__u16 index_len;       /* bytes of index */
	__u32 route_count;     /* number of routes, at most TUX_MAX_ROUTES */
	__u32 route_text_len;  /* bytes, at most TUX_MAX_ROUTE_TEXT */
	/*
	 * Addresses. The module copies the data. A host shares the copy of the host before it if address and length are the same.
	 */
	__u64 index;           /* names without '/' of at most TUX_MAX_INDEX_LEN bytes, each followed by NUL */
	__u64 routes;          /* array of struct tux_route (core/route.h), in its order */
	__u64 route_text;
	__u64 file_types;      /* array of struct tux_file_type (core/file_handler.h) */
	__u32 file_type_count; /* at most TUX_MAX_FILE_TYPES */
	__u16 mode_cgi;        /* a file with one of these mode bits is a CGI program */
	__u16 mode_module;     /* a file with one of these is a module; the user engine runs both. Both: at most 07777 */
	__u64 route_fields;    /* array of struct tux_setup_fields, one per route, in place of the host's; 0: not set */
	struct tux_setup_fields fields;
};

/* A listening socket, or a connection. */
struct tux_socket {
	__s32 fd;       /* descriptor */
	__u32 listener; /* number of the listener, or of the listener that accepted it; below tux_setup.listener_count */
};

/* The reason for handing up a connection. The request is unread, as far as it has arrived. */
enum tux_reason {
	TUX_REASON_NONE,
	TUX_REASON_REFUSED, /* malformed request head, or urgent data (MSG_OOB) in the queue */
	TUX_REASON_METHOD,  /* neither GET nor HEAD */
	TUX_REASON_BODY,    /* the request has a body, or expects 100 Continue */
	TUX_REASON_TARGET,  /* invalid path, or the name of a dot file */
	TUX_REASON_MISSING, /* no file under this path */
	TUX_REASON_ABSENT,  /* no file that the kernel engine may serve: a directory, a link, ... */
	TUX_REASON_ANSWER,  /* a response that the kernel engine does not make: several ranges, 412, 416 */
	TUX_REASON_TIMEOUT, /* the request head did not arrive in time */
	TUX_REASON_RECORDS, /* no room for access records */
	TUX_REASON_MEMORY,
	TUX_REASON_DRAIN,
	TUX_REASON_PREFIX,  /* a path of the other server; only as a reason for handover */
	TUX_REASON_ROUTE,   /* the kernel engine does not serve the path's route */
	TUX_REASON_BACKEND, /* the other server does not listen, or its accept queue is full: respond with 503 */
	TUX_REASON_MODULE,  /* a route to a module that the kernel does not have now */
	TUX_REASON_FAILED,  /* the module in the kernel failed: respond with 500 */
	TUX_REASON_UNLOADED, /* the module was unloaded while it had the request: respond with 503 */
	TUX_REASON_LATE,    /* the module has kept the request longer than its time limit: respond with 504 */
	TUX_REASONS
};

/* A part of a reason: the module of the request's route has declined it in the kernel, so the program does not call its own build. */
enum { TUX_REASON_DECLINED = 1 << 16 };

#define TUX_MAX_CHOSEN 12288u /* bytes of a target and of field lines that a module in the kernel has chosen */

/* The next structure of a read(2) begins at the next multiple of 4 after the text. */
struct tux_handed_up {
	__s32 fd;         /* new descriptor, O_CLOEXEC; the caller owns it */
	__u32 reason;     /* enum tux_reason, and TUX_REASON_DECLINED */
	__u32 listener;   /* number of the listener that accepted it */
	__u16 target_len; /* bytes of a target in text, with which the module of the request's route has replied in the kernel; 0: none */
	__u16 fields_len; /* bytes of field lines after it, which the module has added. Both together: at most TUX_MAX_CHOSEN */
	__u8 text[];
};

/* The bytes from one structure, whose text has so many bytes, to the next. */
#define TUX_HANDED_UP_BYTES(text_bytes) ((sizeof(struct tux_handed_up) + (text_bytes) + 3u) & ~(__u64)3)

/* Sums since the instance was opened, per CPU. The program adds them up. */
struct tux_cpu_counters {
	__u64 requests;
	__u64 sent_bytes;
	__u64 errors;     /* responses cut short */
	__u64 accepted;
	__u64 adopted;
	__u64 closed;     /* closed by the kernel engine */
	__u64 hits;       /* responses from the cache, without a helper thread */
	__u64 handed_up[TUX_REASONS];
	__u64 handed_over[TUX_REASONS]; /* moved into the other server's accept queue */
};

/*
 * Counters of a module in the kernel for an instance, per CPU. Each request that it does not have any more counts under one outcome.
 */
struct tux_setup_module_counters {
	__u64 requests;   /* for which it was called */
	__u64 replied[5]; /* replies by the first digit of their status, 1 to 5 */
	__u64 files;      /* replies with a file of the host, whose status is not the module's */
	__u64 declined;
	__u64 failed;     /* 500: an error, or no reply */
	__u64 unloaded;   /* 503: unloaded while it had the request */
	__u64 timeouts;   /* 504: kept longer than the time limit */
	__u64 gone;       /* the client disconnected before the reply */
};

/* The current state of an instance in the caller's network namespace. ENOENT if index is too large. */
struct tux_status {
	__u32 index;       /* in: number of the instance, from 0; instances without set-up do not count */
	__u32 pid;         /* out: process that opened it, in the caller's PID namespace; 0: not visible there */
	__u32 connections; /* out: open connections */
	__u32 objects;     /* out: cached objects */
	struct tux_cpu_counters counters; /* out: sums of all CPUs */
};

/* One CPU's part of the shared memory. The module alone writes head and data, the program alone tail. */
struct tux_cpu_shared {
	struct tux_cpu_counters counters;
	__u64 head __attribute__((aligned(64))); /* bytes written since the start; access records, whole ones */
	__u64 tail __attribute__((aligned(64))); /* bytes read since the start */
	__u8 data[] __attribute__((aligned(64))); /* tux_shared.ring_bytes, followed by a tux_setup_module_counters for each module */
};

/* The handler that responds in the kernel now for a module of a set-up. */
enum tux_presence {
	TUX_PRESENCE_NONE,     /* the program responds */
	TUX_PRESENCE_MODULE,   /* a module of a .ko */
	TUX_PRESENCE_VERIFIED, /* a verified handler */
	TUX_PRESENCE_SLOW,     /* the program responds, because a verified handler was too slow */
};

/* The start of the shared memory. CPU i's part begins at first + i * stride. */
struct tux_shared {
	__u32 cpus;
	__u32 first;      /* bytes from the start of the shared memory */
	__u32 stride;     /* bytes */
	__u32 ring_bytes; /* size of tux_cpu_shared.data, a power of two */
	__u64 bytes;      /* size of the shared memory */
	__u8 modules[TUX_MAX_SETUP_MODULES]; /* written by the module: enum tux_presence of each module */
	__u32 sleeps __attribute__((aligned(64))); /* written by the program: nonzero if it waits for event_fd */
	/*
	 * Open connections of both engines, changed atomically. Each engine adds the connections that it accepts, and subtracts
	 * those that it closes. The program also adds a connection that it gives by TUX_ADOPT, until the call has succeeded. A
	 * handed-up connection is already counted.
	 */
	__u32 connections __attribute__((aligned(64)));
	__u32 full; /* written by the module: nonzero while it waits for room */
};

#define TUX_HELLO  _IOWR('T', 0xd0, struct tux_hello)
#define TUX_SETUP  _IOW('T', 0xd1, struct tux_setup)
#define TUX_LISTEN _IOW('T', 0xd2, struct tux_socket)
#define TUX_RUN    _IO('T', 0xd3)
#define TUX_ADOPT  _IOW('T', 0xd4, struct tux_socket)
#define TUX_DRAIN  _IO('T', 0xd5)
#define TUX_STATUS _IOWR('T', 0xd7, struct tux_status)
#define TUX_RETIRE _IO('T', 0xd8)
#define TUX_ROOM   _IO('T', 0xd9)
#define TUX_SIZE   _IOR('T', 0xd6, __u64) /* bytes to map; after TUX_SETUP */

#endif
