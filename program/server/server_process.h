/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server process, as the supervisor sees it. */
#ifndef TUX_PROGRAM_SERVER_SERVER_PROCESS_H
#define TUX_PROGRAM_SERVER_SERVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../engine/config.h"
#include "supervisor_msg.h"

enum tux_generation_state {
	TUX_GENERATION_STARTING, /* may still fail to start */
	TUX_GENERATION_SERVING,
	TUX_GENERATION_RETIRING, /* another process serves; this one may still accept */
	TUX_GENERATION_RETIRED,  /* serves its open connections, accepts no new ones */
	TUX_GENERATION_STOPPING,
};

struct tux_generation {
	pid_t pid;
	int fd; /* socket for orders to the process, and for its acknowledgements */
	int keys_pidfd; /* of the process that holds its keys of TLS; -1: none */
	enum tux_generation_state state;
	uint64_t since_ms; /* time when the state began, of clock_ms() */
	uint32_t drain_ms; /* longest time that stopping takes */
};

/*
 * Forks a server process. Returns 0 in the child, which has only its own end of the socket open. Returns 1 in the parent, or -1
 * with errno. The socket is closed on exec.
 */
int tux_generation_fork(struct tux_generation *generation);

/* Sends TUX_ORDER_RETIRE, with stays[i] set for each listener that the new process also has. */
void tux_generation_retire(struct tux_generation *generation, const bool stays[TUX_MAX_LISTENERS]);

/* Sends an order and enters the resulting state. A process that has ended is no error. */
void tux_generation_order(struct tux_generation *generation, enum tux_order order);

/* Returns the next report of the process. Never blocks. */
enum tux_report tux_generation_report(struct tux_generation *generation);

/* Kills the process that holds the keys, if there is one. */
void tux_generation_kill_keys(struct tux_generation *generation);

/* Closes the descriptors, in a process that has no use for them. */
void tux_generation_leave(const struct tux_generation *generation);

void tux_generation_enter(struct tux_generation *generation, enum tux_generation_state state);

/* Returns the time since the process entered its state. */
uint64_t tux_generation_age_ms(const struct tux_generation *generation);

#endif
