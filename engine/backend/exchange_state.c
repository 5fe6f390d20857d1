/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange_state.h"

#include "cgi.h"

/* True if the exchange waits for the client, not for the backend. */
static bool waits_for_client(const struct exchange *exchange)
{
	if (exchange->paused || exchange->down.state == SPLICE_READY)
		return true;
	if (exchange->to != NULL && request_body_unsent(&exchange->upload, exchange->to) > 0)
		return false;
	return (!exchange->upload.done && !exchange->upload.deaf && !exchange->upload.blocked) || exchange->state == EXCHANGE_TUNNEL;
}

void exchange_wait(struct exchange *exchange)
{
	if (exchange->program != NULL)
		cgi_hold(exchange->program, waits_for_client(exchange));
	if (exchange->upstream == NULL || exchange->from == NULL || exchange->state == EXCHANGE_CONNECTING)
		return; /* the spawner times programs, and connecting has its own timer */
	if (waits_for_client(exchange))
		peer_stream_wait_end(exchange->from);
	else if (exchange->to != NULL && request_body_unsent(&exchange->upload, exchange->to) > 0)
		peer_stream_wait(exchange->from, TIMER_REQUEST);
	else
		peer_stream_wait(exchange->from, TIMER_RESPONSE);
}

void exchange_end_input(struct exchange *exchange)
{
	/*
	 * Close only after all bytes are written. If a write fails, the program must end, or it would treat a partial body as
	 * complete.
	 */
	if (exchange->upstream == NULL && exchange->to != NULL && peer_stream_unsent(exchange->to) == 0) {
		peer_stream_close(exchange->to);
		exchange->to = NULL;
	}
}

void exchange_deafen(struct exchange *exchange)
{
	exchange->upload.deaf = true;
	exchange->keep_alive = false;
}
