/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn_state.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef TUX_CHECK_REQUESTS
#define BIT(state) (1u << (state))

/* The states that can follow each state. test/model/test_models.py compares the table with the model. */
static const unsigned followers[] = {
	[CONN_PARKED] = BIT(CONN_READ),
	[CONN_READ] = BIT(CONN_WRITE) | BIT(CONN_LOG_WAIT) | BIT(CONN_LINGER) | BIT(CONN_HAND_BACK) | BIT(CONN_BROKEN) | BIT(CONN_CLOSED),
	[CONN_WRITE] = BIT(CONN_READ) | BIT(CONN_BROKEN) | BIT(CONN_CLOSED),
	[CONN_LOG_WAIT] = BIT(CONN_READ) | BIT(CONN_CLOSED),
	[CONN_LINGER] = BIT(CONN_CLOSED),
	[CONN_HAND_BACK] = BIT(CONN_READ) | BIT(CONN_CLOSED),
	[CONN_BROKEN] = BIT(CONN_CLOSED),
	[CONN_CLOSED] = 0,
};

void conn_check_state(const struct conn *conn, enum conn_state state)
{
	if (followers[conn->state] & BIT(state))
		return;
	fprintf(stderr, "tux: connection: state %u cannot follow %u; see followers[] in engine/http/conn_state.c\n", state, conn->state);
	abort();
}
#endif
