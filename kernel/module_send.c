// SPDX-License-Identifier: GPL-2.0-or-later
#include "module_send.h"

#include <linux/mm.h>
#include <linux/timekeeping.h>

#include "answer.h"
#include "log_ring.h"
#include "send.h"

/* True if a response with this status has content, and so a length. */
static bool has_content(u16 status)
{
	return status != 204 && status != 304;
}

/* Returns the field lines of the configuration, followed by those of the module. */
static struct tux_text join_lines(const struct conn *conn, struct scratch *scratch, const struct tux_req *call)
{
	const struct fields *fields = ktux_host_fields(conn->host, call->path, call->path_len);
	struct tux_text lines = ktux_fields_before(fields, call->status, call->fields, call->fields_len);
	u8 *room = scratch->module.lines;

	if (call->fields_len == 0)
		return lines;
	if (lines.len > 0)
		memcpy(room, lines.at, lines.len);
	return (struct tux_text){ (const char *)room, lines.len + ktux_fields_kept(fields, room + lines.len, call->fields, call->fields_len) };
}

/* Writes the head of a reply with len bytes of content. Returns its length; 0 if it is too long. */
static u32 make_head(const struct conn *conn, struct scratch *scratch, const struct tux_req *call, u64 len, const char *location)
{
	const struct tux_request *req = call->head;
	struct tux_head head = {
		.status = call->status,
		.minor = req->minor,
		.keep_alive = req->keep_alive,
		.has_length = has_content(call->status),
		.omit = ktux_host_fields(conn->host, call->path, call->path_len)->omit,
		.content_length = len,
		.date = ktux_answer_date(scratch, ktime_get_real_seconds()),
		.extra = join_lines(conn, scratch, call),
	};
	u32 date_off;

	if (location) {
		head.location = (const u8 *)location;
		head.location_len = (u32)strlen(location);
	} else {
		head.type = (struct tux_text){ call->type, call->type_len };
	}
	return tux_response_head(scratch->out, sizeof(scratch->out), &head, &date_off);
}

/* Counts a reply of so many bytes with its head, of which the socket has what result tells, and writes its access record. Returns 0 or -ENOMEM. */
static int note_sent(struct conn *conn, struct scratch *scratch, struct tux_req *call, u64 bytes, enum send_result result)
{
	if (result == SEND_NOTHING)
		return -ENOMEM;
	ktux_module_counters(conn->instance, call->number)->replied[call->status / 100 - 1]++;
	ktux_answer_begin(conn, scratch, call->buf, call->began_us, call->status, bytes);
	if (call->status >= 500 || call->status == 403)
		ktux_answer_note(conn, scratch, ktux_loaded_name(call->loaded));
	ktux_answer_sent(conn, scratch, result);
	conn->close_after_response = !call->head->keep_alive;
	call->result = result;
	call->reply = REPLY_SENT;
	return 0;
}

/* True if the content of a reply is sent, and not only counted. */
static bool sends_content(const struct tux_req *call)
{
	return has_content(call->status) && call->head->method != TUX_HEAD;
}

int ktux_module_send(struct tux_req *call, const void *data, u32 len, const char *location)
{
	struct scratch *scratch = ktux_scratch_get();
	struct conn *conn = call->conn;
	u32 head_len = make_head(conn, scratch, call, len, location);
	enum send_result result;

	if (head_len == 0)
		return -E2BIG;
	if (!sends_content(call))
		len = 0;
	result = ktux_send_start_bytes(conn, scratch->out, head_len, data, len);
	return note_sent(conn, scratch, call, (u64)head_len + len, result);
}

int ktux_module_send_kept(struct tux_req *call, struct conn *conn)
{
	struct scratch *scratch = ktux_scratch_get();
	struct own_body *body = call->body;
	u32 len = body ? body->len : 0;
	u32 head_len = make_head(conn, scratch, call, len, call->location);
	enum send_result result;

	if (head_len == 0)
		return -E2BIG;
	if (!sends_content(call))
		len = 0;
	if (len > PAGE_SIZE) {
		result = ktux_send_start_own(conn, scratch->out, head_len, body);
		if (result != SEND_NOTHING)
			call->body = NULL;
	} else {
		result = ktux_send_start_bytes(conn, scratch->out, head_len, len > 0 ? page_address(body->page[0]) : NULL, len);
	}
	scratch->request = *call->head; /* for the access record */
	return note_sent(conn, scratch, call, (u64)head_len + len, result);
}
