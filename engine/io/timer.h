/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timeouts of connections and streams. Each kind of wait has one list. It is in order of deadline, because all waits of a kind
 * last equally long.
 */
#ifndef TUX_ENGINE_IO_TIMER_H
#define TUX_ENGINE_IO_TIMER_H

#include <stdint.h>

enum timer_kind {
	TIMER_IDLE,
	TIMER_HEAD,
	TIMER_HANDSHAKE, /* of TLS */
	TIMER_BODY,
	TIMER_SEND,
	TIMER_LINGER,
	TIMER_TUNNEL,   /* without a byte in either direction */
	TIMER_GIVE,     /* between two attempts to give a connection to the kernel engine */
	/* backends */
	TIMER_CONNECT,  /* until a connection is established */
	TIMER_REQUEST,  /* without progress in sending a request */
	TIMER_RESPONSE, /* without a byte of a response */
	TIMER_UNUSED,   /* between two requests */
	TIMER_KINDS
};

/* Embedded in the object that waits. Zeroed: not waiting. */
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

/* Starts a wait of a kind and ends any other. */
void timer_start(struct timers *timers, struct timer *timer, enum timer_kind kind, uint64_t now_ms);

void timer_stop(struct timer *timer);

/* Removes and returns a timer that is past its deadline, or NULL. */
struct timer *timer_expired(struct timers *timers, uint64_t now_ms);

/* Returns milliseconds until the first deadline: 0 if it is past, -1 without timers. */
int timers_next(const struct timers *timers, uint64_t now_ms);

#endif
