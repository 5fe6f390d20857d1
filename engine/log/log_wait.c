/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log_wait.h"

enum {
	LOG_WAIT_MS = 2000, /* wait of requests for a full log; then records are lost, and counted */
};

bool log_wait_permits(struct worker *worker)
{
	if (!worker->config->records || record_ring_room(&worker->records)) {
		worker->log_full_ms = 0;
		return true;
	}
	if (worker->log_full_ms == 0)
		worker->log_full_ms = worker->now_ms;
	return worker->now_ms - worker->log_full_ms >= LOG_WAIT_MS;
}

void log_wait_join(struct conn *conn)
{
	struct worker *worker = conn->worker;

	timer_stop(&conn->timer);
	conn_phase(conn, TUX_PHASE_WAITING);
	conn->log_waits = true;
	conn->next_waiting = NULL;
	*worker->log_end = conn;
	worker->log_end = &conn->next_waiting;
}

void log_wait_leave(struct conn *conn)
{
	struct worker *worker = conn->worker;
	struct conn **link = &worker->log_first;

	if (!conn->log_waits)
		return;
	while (*link != conn)
		link = &(*link)->next_waiting;
	*link = conn->next_waiting;
	if (*link == NULL)
		worker->log_end = link;
	conn->log_waits = false;
}
