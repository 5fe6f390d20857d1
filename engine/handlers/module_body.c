/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_body.h"

#include <errno.h>

bool module_body_permits_handle(const struct tux_req *call)
{
	return call->body_done || call->reads;
}

bool module_body_asks(struct request *req, struct tux_req *call)
{
	if (!call->reads || !req->head.expect_continue || call->continued || call->body_done || req->body.total > 0 ||
	    req->module_stream != MODULE_STREAM_NONE || !body_queue_is_wanted(&call->queue))
		return false;
	call->continued = true;
	req->sink->go_on(req);
	return true;
}

bool module_body_takes(const struct request *req)
{
	struct tux_req *call = req->call;

	if (call == NULL)
		return false;
	if (call->tunnel)
		return body_queue_room(&call->queue) > 0;
	if (call->body_done)
		return false;
	return call->reads ? !call->body_failed && body_queue_room(&call->queue) > 0 : !call->no_memory;
}

/* A module that does something else is not to blame the client for being late. */
bool module_body_is_awaited(const struct request *req)
{
	const struct tux_req *call = req->call;

	if (call == NULL || call->tunnel)
		return false;
	if (!call->reads)
		return module_body_takes(req);
	if (call->body_done || call->body_failed)
		return false;
	return call->awaits_input || (call_waits(call) && call->wait.until == UNTIL_BODY);
}

bool module_body_has_ended(const struct request *req)
{
	return req->call == NULL || req->call->body_done;
}

/* Like module_body_receive(), for a module that gets the body whole. */
static uint32_t receive_whole(struct request *req, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal)
{
	struct tux_req *call = req->call;
	uint32_t used = 0;

	*refusal = TUX_ACCEPTED;
	while (used < len && !call->body_done) {
		struct tux_span content;
		uint32_t consumed;
		const enum tux_verdict verdict = tux_body_read(&req->body, buf + used, len - used, &consumed, &content);

		if (verdict == TUX_REFUSED)
			*refusal = (enum tux_refusal)req->body.refusal;
		else if (req->body.total > req->max_body_bytes)
			*refusal = TUX_REFUSED_BODY_LONG;
		else
			call->no_memory = !buffer_keep(&call->body, buf + used + content.off, content.len);
		if (*refusal != TUX_ACCEPTED || call->no_memory)
			return len;
		used += consumed;
		call->body_done = verdict == TUX_PARSED;
	}
	return used;
}

/* Reads some bytes for the queue. Returns 0, or the error that the module gets. */
static int receive_some(struct request *req, const uint8_t *buf, uint32_t len, uint32_t *used)
{
	struct tux_req *call = req->call;
	struct tux_span content;
	const enum tux_verdict verdict = tux_body_read(&req->body, buf, len, used, &content);

	if (verdict == TUX_REFUSED)
		return -EBADMSG;
	if (req->body.total > req->max_body_bytes)
		return -EFBIG;
	if (!body_queue_add(&call->queue, buf + content.off, content.len))
		return -ENOMEM;
	call->body_done = verdict == TUX_PARSED;
	return 0;
}

/* Like module_body_receive(), for a module that reads the body in pieces. After an error the rest is dropped, and the module may reply. */
static uint32_t receive_pieces(struct request *req, const uint8_t *buf, uint32_t len)
{
	struct tux_req *call = req->call;
	uint32_t used = 0, room = 1;
	int error = 0;

	while (used < len && error == 0 && !call->body_done && (room = body_queue_room(&call->queue)) > 0) {
		uint32_t some;

		error = receive_some(req, buf + used, len - used < room ? len - used : room, &some);
		used += error == 0 ? some : 0;
	}
	if (error != 0 || call->body_done)
		body_queue_end(&call->queue, error);
	call->body_failed = error != 0;
	return error != 0 ? len : used;
}

/* Like module_body_receive(), for a tunnel. */
static uint32_t receive_raw(struct request *req, const uint8_t *buf, uint32_t len)
{
	struct tux_req *call = req->call;
	const uint32_t room = body_queue_room(&call->queue), used = len < room ? len : room;

	if (!body_queue_add(&call->queue, buf, used))
		body_queue_end(&call->queue, -ENOMEM);
	call->moved = true;
	req->tunnel_bytes += used;
	return used;
}

uint32_t module_body_receive(struct request *req, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal)
{
	struct tux_req *call = req->call;
	uint32_t used;

	*refusal = TUX_ACCEPTED;
	if (!call->tunnel && !call->reads)
		return receive_whole(req, buf, len, refusal);
	used = call->tunnel ? receive_raw(req, buf, len) : receive_pieces(req, buf, len);
	call_tell_body(call);
	return used;
}
