/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn_return.h"

#include <errno.h>
#include <unistd.h>

#include "../io/transport.h"
#include "conn_state.h"
#include "conn_wait.h"
#include "h1.h"

bool conn_may_return(const struct conn *conn)
{
	const struct conns *conns = conn->conns;

	if (conn->state != CONN_READ || conn_request_state(conn) != REQUEST_RESPONDED || output_queued(&conn->output) || conn->in.len > 0 ||
	    conn->seen > 0 || conn->client_closed || conn->close_after_response || h1_is_decided(conn) || !transport_is_plain(&conn->channel))
		return false;
	if (conn->thread->draining)
		return conns->pass_again_ms == 0 && passing_permits(conns->passing, conn->client.listener);
	return conn->from_kernel && !conn->thread->leaving && (!conn->stays || conn->recalled);
}

void conn_give_back(struct conn *conn)
{
	timer_stop(&conn->timer);
	conn_set_state(conn, CONN_HAND_BACK);
	conn->thread->ops->release(conn->thread->loop, &conn->channel);
}

/* Gives a connection to the kernel engine, now or later: its next request waits in the socket, and maybe only the kernel engine has the module for it. */
static enum conn_pass give(struct conn *conn)
{
	if (conn->from_kernel && kernel_link_give(conn->conns->slots.kernel, &conn->channel.fd, conn->client.listener))
		return CONN_PASS_DONE;
	if (!conn->from_kernel || errno != EBUSY) { /* the kernel engine drains, or is out of memory */
		conn->from_kernel = false;
		return CONN_PASS_REFUSED;
	}
	if (conn->gives == 0) {
		conn->stays = true;
		return CONN_PASS_REFUSED;
	}
	conn->gives--;
	conn_wait_for(conn, WAIT_GIVE);
	return CONN_PASS_LATER;
}

/* Passes a connection to the process that took over. Returns false if that does not accept it now. */
static bool pass(const struct conn *conn)
{
	struct conns *conns = conn->conns;
	enum passing_result result;

	if (conns->pass_again_ms != 0 || !passing_permits(conns->passing, conn->client.listener))
		return false;
	result = passing_send(conns->passing, conn->channel.fd, conn->client.listener);
	if (result == PASSING_LATER)
		conns->pass_again_ms = conn->thread->now_ms + PASSING_AGAIN_MS;
	if (result == PASSING_DONE)
		close(conn->channel.fd);
	return result == PASSING_DONE;
}

enum conn_pass conn_pass_on(struct conn *conn)
{
	if (!conn->thread->draining)
		return give(conn);
	if (pass(conn))
		return CONN_PASS_DONE;
	conn->from_kernel = false;
	return CONN_PASS_REFUSED;
}

void conn_pass(struct conn *conn)
{
	if (conn->thread->draining && conn_may_return(conn))
		conn_give_back(conn);
}

void conns_pass_idle(struct conns *conns)
{
	for (struct conn *conn = conns->first; conn != NULL; conn = conn->next)
		conn_pass(conn);
}
