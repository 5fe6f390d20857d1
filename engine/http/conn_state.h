/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets a connection's state. A test build aborts at a change that followers[] in conn_state.c does not permit. */
#ifndef TUX_ENGINE_HTTP_CONN_STATE_H
#define TUX_ENGINE_HTTP_CONN_STATE_H

#include "conn.h"

#ifdef TUX_CHECK_REQUESTS
/* Ends the program unless the state can follow the connection's. */
void conn_check_state(const struct conn *conn, enum conn_state state);
#else
static inline void conn_check_state(const struct conn *conn, enum conn_state state)
{
	(void)conn;
	(void)state;
}
#endif

static inline void conn_set_state(struct conn *conn, enum conn_state state)
{
	conn_check_state(conn, state);
	conn->state = (uint8_t)state;
}

#endif
