/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn_wait.h"

static const struct {
	uint8_t phase; /* enum tux_phase */
	uint8_t timer; /* enum timer_kind; TIMER_KINDS: no limit */
} waits[] = {
	[WAIT_HANDSHAKE] = { TUX_PHASE_READING, TIMER_HANDSHAKE },
	[WAIT_IDLE] = { TUX_PHASE_IDLE, TIMER_IDLE },
	[WAIT_HEAD] = { TUX_PHASE_READING, TIMER_HEAD },
	[WAIT_BODY] = { TUX_PHASE_READING, TIMER_BODY },
	[WAIT_SEND] = { TUX_PHASE_SENDING, TIMER_SEND },
	[WAIT_READ] = { TUX_PHASE_WAITING, TIMER_SEND },
	[WAIT_LOAD] = { TUX_PHASE_WAITING, TIMER_SEND },
	[WAIT_LINGER] = { TUX_PHASE_CLOSING, TIMER_LINGER },
	[WAIT_TUNNEL] = { TUX_PHASE_WAITING, TIMER_TUNNEL },
	[WAIT_GIVE] = { TUX_PHASE_WAITING, TIMER_GIVE },
	[WAIT_SERVER] = { TUX_PHASE_WAITING, TIMER_KINDS },
};

/* Sets the phase of a connection, and updates the counters of both phases. */
static void set_phase(struct conn *conn, uint8_t phase)
{
	uint64_t *phases = conn->thread->counters.phase;

	if (conn->phase == phase)
		return;
	count(&phases[conn->phase], UINT64_MAX);
	count(&phases[phase], 1);
	conn->phase = phase;
}

void conn_wait_for(struct conn *conn, enum conn_wait wait)
{
	set_phase(conn, waits[wait].phase);
	if (waits[wait].timer == TIMER_KINDS)
		timer_stop(&conn->timer);
	else
		timer_start(&conn->thread->timers, &conn->timer, (enum timer_kind)waits[wait].timer, conn->thread->now_ms);
}

void conn_wait_on(struct conn *conn, enum conn_wait wait)
{
	if (conn->timer.next == NULL)
		conn_wait_for(conn, wait);
}
