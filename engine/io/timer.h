/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timeouts of connections and streams: one list for each kind of wait, in order of deadline since each kind lasts equally long. */
#ifndef TUX_ENGINE_IO_TIMER_H
#define TUX_ENGINE_IO_TIMER_H

#include <stdint.h>

enum timer_kind {
	TIMER_IDLE,
	TIMER_HEAD,
	TIMER_BODY,
	TIMER_SEND,
	TIMER_LINGER,
	TIMER_TUNNEL,   /* without a byte in either direction */
	/* of peers */
	TIMER_CONNECT,  /* until a connection stands */
	TIMER_REQUEST,  /* without progress in taking a request */
	TIMER_RESPONSE, /* without a byte of a response */
	TIMER_UNUSED,   /* between two requests */
	TIMER_KINDS
};

/* Embedded in what waits. Zeroed: not waiting. */
struct timer {
	struct timer *next;
	struct timer *prev;
	uint64_t deadline_ms; /* monotonic */
};

struct timers {
	struct timer list[TIMER_KINDS]; /* heads of rings */
	uint32_t duration_ms[TIMER_KINDS];
};

void timers_init(struct timers *timers);

/* Starts a wait of a kind, ending any other. */
void timer_start(struct timers *timers, struct timer *timer, enum timer_kind kind, uint64_t now_ms);

void timer_stop(struct timer *timer);

/* Takes out a timer that is past its deadline; NULL when there is none. */
struct timer *timer_expired(struct timers *timers, uint64_t now_ms);

/* Milliseconds to the first deadline, 0 if it is past, -1 when nothing waits. */
int timers_next(const struct timers *timers, uint64_t now_ms);

#endif
