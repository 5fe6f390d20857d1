/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "response.h"

#include "../output.h"

enum { COPY_BYTES = 4096 }; /* bodies up to this size are sent together with their head */

struct object *response_lookup(struct request *req, const uint8_t *path, uint32_t len)
{
	return lookup(&req->conn->worker->files, &req->load, req->site, path, len);
}

struct tux_head response_head(struct request *req, uint16_t status)
{
	struct worker *worker = req->conn->worker;

	if (!req->head.keep_alive || (worker->leaving && !req->pipelined) || req->conn->linger)
		req->conn->close_after_response = true;
	return (struct tux_head){
		.status = status,
		.minor = req->head.minor,
		.keep_alive = !req->conn->close_after_response,
		.date = worker->date,
		.omit = req->fields->omit,
		.extra = tux_fields_added(req->fields, status),
	};
}

bool response_wants_body(const struct request *req)
{
	return req->head.method != TUX_HEAD;
}

uint32_t response_queue_head(struct request *req, const struct tux_head *head, uint64_t body)
{
	uint32_t room = 0, date_off, len;
	uint8_t *out = body < OUT_BYTES ? output_room_left(req->conn, &room) : NULL;

	if (out == NULL || room < body)
		return 0;
	len = tux_response_head(out, room - (uint32_t)body, head, &date_off);
	output_wrote(req->conn, len);
	return len;
}

uint32_t response_copied(const struct representation *rep, uint64_t body)
{
	return rep->memory != NULL && body <= COPY_BYTES ? (uint32_t)body : 0;
}

void response_queue_body(struct request *req, struct object *object, const struct representation *rep,
                       struct tux_range range)
{
	const uint8_t *memory = rep->memory != NULL ? rep->memory + range.first : NULL;

	if (range.len == 0 || (memory != NULL && range.len <= COPY_BYTES && output_copy(req->conn, memory, (uint32_t)range.len)))
		return;
	output_body(req->conn, object, rep->fd, (struct body_part){ .memory = memory, .off = range.first, .len = range.len });
}

void response_continue(struct request *req)
{
	uint32_t len;
	const char *text = tux_response_continue(&len);

	output_copy(req->conn, (const uint8_t *)text, len); /* without room the client sends its body after a timeout */
}
