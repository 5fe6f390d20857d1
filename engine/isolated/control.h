/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages on the socket between the server and a process of an isolated module (SOCK_SEQPACKET), which is its standard input. The server
 * sends first a hello with the shared memory, then the pipes of all threads in groups, and the names of upstreams, each ending in NUL, in
 * pieces. The process sends one message, struct control_ready, after load() and start(). It ends when the socket closes.
 */
#ifndef TUX_ENGINE_ISOLATED_CONTROL_H
#define TUX_ENGINE_ISOLATED_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CONTROL_GROUP = 64,   /* threads in one message, with two descriptors each */
	CONTROL_PIECE = 4096, /* bytes of names in one message */
	CONTROL_NAMES = 1 << 17, /* bytes of names */
};

struct control_hello {
	uint32_t version; /* WIRE_VERSION */
	uint32_t threads;
	uint64_t bytes;   /* of the shared memory */
	uint64_t names;   /* bytes of the names of upstreams */
};

struct control_threads {
	uint32_t first;
	uint32_t count;
};

/* The report of a process: its sandbox, and its module. */
struct control_ready {
	uint32_t landlock;   /* ABI of the rules for files; 0: the kernel has none */
	uint32_t seccomp;    /* 1: a filter of system calls is in force; 0: the kernel has none */
	uint32_t unconfined; /* 1: neither was wanted */
	uint32_t flags;      /* of the module: set of enum tux_module_flag */
};

/* Sends a message with descriptors. Never blocks. Returns false with errno. */
bool control_send(int fd, const void *message, size_t len, const int *fds, unsigned count);

/* Receives a message, with at most most descriptors. Returns its bytes; 0 at the end, -1 with errno. *count is the number of descriptors. */
int control_receive(int fd, void *message, size_t size, int *fds, unsigned most, unsigned *count);

#endif
