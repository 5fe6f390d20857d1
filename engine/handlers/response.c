/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "response.h"

#include "../output.h"

enum { COPY_BYTES = 4096 }; /* bodies up to this size are sent together with their head */

struct tux_head response_head(struct conn *conn, uint16_t status)
{
	struct worker *worker = conn->worker;

	if (!worker->request.keep_alive || (worker->leaving && !conn->pipelined) || conn->linger)
		conn->close_after_response = true;
	return (struct tux_head){
		.status = status,
		.minor = worker->request.minor,
		.keep_alive = !conn->close_after_response,
		.date = worker->date,
		.omit = conn->fields->omit,
		.extra = tux_fields_added(conn->fields, status),
	};
}

bool response_wants_body(const struct worker *worker)
{
	return worker->request.method != TUX_HEAD;
}

uint32_t response_queue_head(struct conn *conn, const struct tux_head *head, uint64_t body)
{
	uint32_t room = 0, date_off, len;
	uint8_t *out = body < OUT_BYTES ? output_room_left(conn, &room) : NULL;

	if (out == NULL || room < body)
		return 0;
	len = tux_response_head(out, room - (uint32_t)body, head, &date_off);
	output_wrote(conn, len);
	return len;
}

uint32_t response_copied(const struct representation *rep, uint64_t body)
{
	return rep->memory != NULL && body <= COPY_BYTES ? (uint32_t)body : 0;
}

void response_queue_body(struct conn *conn, struct object *object, const struct representation *rep,
                       struct tux_range range)
{
	const uint8_t *memory = rep->memory != NULL ? rep->memory + range.first : NULL;

	if (range.len == 0 || (memory != NULL && range.len <= COPY_BYTES && output_copy(conn, memory, (uint32_t)range.len)))
		return;
	output_body(conn, object, rep->fd, (struct body_part){ .memory = memory, .off = range.first, .len = range.len });
}

void response_continue(struct conn *conn)
{
	uint32_t len;
	const char *text = tux_response_continue(&len);

	output_copy(conn, (const uint8_t *)text, len); /* without room the client sends its body after a timeout */
}
