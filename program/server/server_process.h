/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that serves one configuration, as the supervisor sees it. */
#ifndef TUX_PROGRAM_SERVER_SERVER_PROCESS_H
#define TUX_PROGRAM_SERVER_SERVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../engine/config.h"
#include "supervisor_msg.h"

enum tux_generation_state {
	TUX_GENERATION_STARTING, /* it may still find that it cannot serve */
	TUX_GENERATION_SERVING,
	TUX_GENERATION_RETIRING, /* another serves; it may still accept */
	TUX_GENERATION_RETIRED,  /* it has those who were connected, and accepts no more */
	TUX_GENERATION_STOPPING,
};

struct tux_generation {
	pid_t pid;
	int fd; /* orders go, and word that it has done so comes, over it */
	enum tux_generation_state state;
	uint64_t since_ms; /* when the state began */
	uint32_t drain_ms; /* what it takes at most to stop */
};

/*
 * Forks. In the new process, whose end of the socket is then the only one that is open, returns 0; else 1, or -1 with errno.
 * The socket is closed on exec.
 */
int tux_generation_fork(struct tux_generation *generation);

/* Orders it to retire, and tells which of its listeners the process that took over has, too. */
void tux_generation_retire(struct tux_generation *generation, const bool stays[TUX_MAX_LISTENERS]);

/* Gives an order, and the state that it leads to. One that is gone does not mind. */
void tux_generation_order(struct tux_generation *generation, enum tux_order order);

/* Whether word has come that it serves, or that it accepts no more; never waits. */
bool tux_generation_done(const struct tux_generation *generation);

void tux_generation_enter(struct tux_generation *generation, enum tux_generation_state state);

/* How long it has been in its state. */
uint64_t tux_generation_age_ms(const struct tux_generation *generation);

/* The clock of since_ms: monotonic. */
uint64_t tux_generation_now_ms(void);

#endif
