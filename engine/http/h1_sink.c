/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses to bytes of HTTP/1: the functions of struct sink. */
#include "h1.h"

#include <string.h>

#include "../../core/field_line.h"
#include "../../core/forward.h"
#include "../io/transport.h"

enum {
	RESPONSE_HEAD_ROOM = 1024,           /* upper limit of the growth of a backend's head */
	STREAM_HEAD_ROOM = 64,               /* growth of the head of a stream */
	MAX_STREAM_LINES = 4 * TUX_MAX_FIELD_LINES, /* bytes of the field lines of a stream */
	CHUNK_ROOM = TUX_MAX_CHUNK_HEAD + 2, /* the head of a chunk, and the CRLF after its content */
};

/* True if the connection closes after the response, unless the framing of the response decides so. */
static bool closes_after(const struct request *req)
{
	return req->conn->close_after_response || !req->head.keep_alive || req->unread || (req->thread->leaving && !req->pipelined);
}

void h1_count_unsent(struct request *req)
{
	struct conn *conn = req->conn;

	if (conn->unsent++ == 0)
		conn->unsent_us = req->began_us;
}

/* Returns the bytes of a body that are copied after their head; 0 for a longer body. */
static uint32_t copied(const struct request *req, uint64_t len)
{
	return req->head.method != TUX_HEAD && len <= SINK_COPY_BYTES ? (uint32_t)len : 0;
}

enum sink_result h1_head(struct request *req, struct tux_head *head)
{
	struct output *output = &req->conn->output;
	const bool closes = closes_after(req);
	const uint32_t body = head->has_length ? copied(req, head->content_length) : 0;
	uint32_t room, date_off, len = 0;
	uint8_t *out = output_room_left(output, &room);

	if (out == NULL)
		return SINK_FAILED;
	head->minor = req->head.minor;
	head->keep_alive = !closes;
	head->date = req->thread->date;
	if (room > body)
		len = tux_response_head(out, room - body, head, &date_off);
	if (len == 0)
		return output_queued(output) ? SINK_WAITS : SINK_UNFIT;
	output_wrote(output, len);
	req->conn->close_after_response = closes;
	req->sent_bytes = len;
	h1_count_unsent(req);
	return SINK_DONE;
}

enum sink_result h1_file_head(struct request *req, const struct representation *rep)
{
	struct output *output = &req->conn->output;
	const uint32_t room = rep->head_len + (rep->in_memory ? copied(req, rep->stamp.size) : 0);
	uint8_t *out;

	if (req->thread->leaving || req->unread || req->conn->close_after_response) /* the prebuilt head says keep-alive */
		return SINK_UNFIT;
	out = output_room(output, room);
	if (out == NULL || tux_response_stamped(out, room, representation_head(rep), rep->head_len, rep->date_off, req->thread->date) == 0)
		return SINK_WAITS;
	output_wrote(output, rep->head_len);
	req->sent_bytes = rep->head_len;
	h1_count_unsent(req);
	return SINK_DONE;
}

enum sink_result h1_body(struct request *req, const struct body_source *body)
{
	struct output *output = &req->conn->output;
	const struct body_part *part = &body->one;

	if (part->memory != NULL && part->len <= SINK_COPY_BYTES && body->text == NULL && body->page == NULL && body->owner == NULL &&
	    output_copy(output, part->memory, (uint32_t)part->len)) {
		req->sent_bytes += part->len;
		return SINK_DONE;
	}
	if (body->object == NULL && body->text == NULL && body->page == NULL && body->owner == NULL) /* nobody owns the memory */
		return SINK_FAILED;
	output_body(output, body);
	req->sent_bytes += output_left(output);
	req->by_reference = true;
	return SINK_DONE;
}

/* Describes the head of a final response. Sets whether its content is sent in chunks. */
static struct tux_forwarding_response describe(struct request *req, const struct tux_response *res, bool *closes)
{
	const struct tux_text extra = tux_fields_added(req->fields, res->status, req->client->secure);
	const bool measured = res->framing == TUX_FRAMING_LENGTH || res->framing == TUX_FRAMING_NONE;
	const bool old_client = req->head.minor == 0; /* HTTP/1.0 has no chunks */

	req->chunked = !measured && !old_client;
	*closes = closes_after(req) || (!measured && old_client) || res->status == 101;
	return (struct tux_forwarding_response){
		.date = req->thread->date,
		.extra = { (const uint8_t *)extra.at, extra.len },
		.removed = req->fields->removed,
		.removed_count = req->fields->removed_count,
		.content_length = res->content_length,
		.framing = measured ? res->framing : req->chunked ? TUX_FRAMING_CHUNKED : TUX_FRAMING_CLOSE,
		.minor = req->head.minor,
		.keep_alive = !*closes,
		.upgrade = res->status == 101,
	};
}

bool h1_backend_head(struct request *req, const uint8_t *buf, const struct tux_response *res)
{
	struct tux_forwarding_response how = { .framing = TUX_FRAMING_NONE, .minor = 1, .keep_alive = true };
	const bool interim = res->status < 200 && res->status != 101;
	uint32_t room, len;
	uint8_t *out;
	bool closes = false;

	if (interim && (res->status == 100 || req->head.minor == 0)) /* TUX sends its own 100, and HTTP/1.0 has no interim responses */
		return true;
	if (!interim)
		how = describe(req, res, &closes);
	room = res->head_len + how.extra.len + RESPONSE_HEAD_ROOM;
	out = buffer_room(&req->ready, room);
	len = out != NULL ? tux_forward_response(out, room, buf, res, &how) : 0;
	if (len == 0)
		return false;
	req->ready.len += len;
	if (interim)
		return true;
	req->conn->close_after_response = closes;
	h1_count_unsent(req);
	return true;
}

/* Field lines, copied to memory of the caller. */
struct lines {
	uint8_t *at; /* NULL: they did not fit */
	uint32_t cap;
	uint32_t len;
};

/* Copies the lines of a head to room. */
static struct lines copy_lines(struct tux_text text, uint8_t *room, uint32_t cap)
{
	if (text.len > cap)
		return (struct lines){ NULL, 0, 0 };
	if (text.len > 0)
		memcpy(room, text.at, text.len);
	return (struct lines){ room, cap, text.len };
}

static void add_line(struct lines *lines, const char *name, struct tux_octets value)
{
	const struct tux_octets octets = { (const uint8_t *)name, (uint32_t)strlen(name) };
	const uint32_t len = lines->at != NULL ? tux_field_line(lines->at + lines->len, lines->cap - lines->len, octets, value) : 0;

	lines->len += len;
	if (len == 0)
		lines->at = NULL;
}

static struct tux_octets octets_of(const char *text)
{
	return (struct tux_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

/* Makes the lines those of a head. Returns false if they did not fit. */
static bool use_lines(const struct lines *lines, struct tux_head *head)
{
	head->extra = (struct tux_text){ (const char *)lines->at, lines->len };
	return lines->at != NULL;
}

/* Writes the head of a response whose content follows. Returns false if out of memory, or if it is too long. */
static bool put_head(struct request *req, struct tux_head *head)
{
	const uint32_t cap = TUX_MAX_RESPONSE_HEAD + head->type.len + head->extra.len + STREAM_HEAD_ROOM;
	uint32_t date_off, len;
	uint8_t *out;

	head->minor = req->head.minor;
	head->date = req->thread->date;
	out = buffer_room(&req->ready, cap);
	len = out != NULL ? tux_response_head(out, cap, head, &date_off) : 0;
	req->ready.len += len;
	return len > 0;
}

bool h1_stream_head(struct request *req, struct tux_head *head)
{
	const bool has_content = head->status != 204 && head->status != 304 && req->head.method != TUX_HEAD;
	const bool endless = has_content && !head->has_length && req->head.minor == 0; /* HTTP/1.0 has no chunks */
	const bool closes = closes_after(req) || endless;
	uint8_t room[MAX_STREAM_LINES];

	req->chunked = has_content && !head->has_length && !endless;
	if (req->chunked) {
		struct lines lines = copy_lines(head->extra, room, sizeof(room));

		add_line(&lines, "Transfer-Encoding", octets_of("chunked"));
		if (!use_lines(&lines, head))
			return false;
	}
	head->keep_alive = !closes;
	if (!put_head(req, head))
		return false;
	req->conn->close_after_response = closes;
	h1_count_unsent(req);
	return true;
}

bool h1_tunnel_head(struct request *req, struct tux_head *head, struct tux_octets protocol)
{
	uint8_t room[MAX_STREAM_LINES];
	struct lines lines = copy_lines(head->extra, room, sizeof(room));

	add_line(&lines, "Connection", octets_of("upgrade"));
	add_line(&lines, "Upgrade", protocol);
	req->chunked = false;
	head->keep_alive = true; /* Connection is written already */
	if (!use_lines(&lines, head) || !put_head(req, head))
		return false;
	req->conn->close_after_response = true;
	h1_count_unsent(req);
	return true;
}

/* Ends a chunk whose content was spliced. Returns false if out of memory. */
static bool close_chunk(struct request *req)
{
	const bool open = req->chunk_open;

	req->chunk_open = false;
	return !open || buffer_keep(&req->ready, (const uint8_t *)TUX_CHUNK_END, sizeof(TUX_CHUNK_END) - 1);
}

bool h1_content(struct request *req, const uint8_t *data, uint32_t len)
{
	uint8_t *out;
	uint32_t chunk;

	if (!req->chunked)
		return buffer_keep(&req->ready, data, len);
	if (!close_chunk(req))
		return false;
	out = buffer_room(&req->ready, len + CHUNK_ROOM);
	chunk = out != NULL ? tux_forward_chunk(out, len + CHUNK_ROOM, data, len) : 0;
	req->ready.len += chunk;
	return chunk > 0;
}

bool h1_content_file(struct request *req, const struct body_source *body)
{
	const uint32_t len = (uint32_t)body->one.len;
	struct output *output = &req->conn->output;
	uint8_t head[TUX_MAX_CHUNK_HEAD];

	if (req->chunked) {
		if (!close_chunk(req) || !buffer_keep(&req->ready, head, tux_chunk_head(head, len)))
			return false;
		req->chunk_open = true;
	}
	if (!output_copy(output, req->ready.data, req->ready.len))
		return false;
	output_body(output, body);
	req->sent_bytes += req->ready.len + len;
	req->ready.len = 0;
	return true;
}

bool h1_content_pipe(struct request *req, int fd, uint32_t len)
{
	const struct body_source body = { .fd = fd, .pipe = true, .count = 1, .one = { .len = len } };

	return h1_content_file(req, &body);
}

void h1_go_on(struct request *req)
{
	uint32_t len;
	const char *text = tux_response_continue(&len);

	output_copy(&req->conn->output, (const uint8_t *)text, len); /* without room the client sends its body after a timeout */
}

bool h1_content_end(struct request *req, const uint8_t *buf, uint32_t len)
{
	const uint32_t room = len + sizeof(TUX_LAST_CHUNK);
	struct tux_field_lines lines;
	uint8_t refusal = TUX_ACCEPTED;
	uint32_t pos = 0, written;
	uint8_t *out;

	if (!req->chunked)
		return true;
	out = close_chunk(req) ? buffer_room(&req->ready, room) : NULL;
	if (out == NULL)
		return false;
	tux_fields_clear(&lines);
	if (len > 2 && tux_fields_parse(buf, len, &pos, false, &lines, &refusal) != TUX_PARSED)
		tux_fields_clear(&lines);
	written = tux_forward_trailer(out, room, buf, &lines);
	if (written == 0) { /* retry without trailer fields */
		tux_fields_clear(&lines);
		written = tux_forward_trailer(out, room, buf, &lines);
	}
	req->ready.len += written;
	return written > 0;
}

void h1_end_output(struct request *req)
{
	transport_end_output(&req->conn->channel, true);
}

void h1_end(struct request *req, bool complete)
{
	struct conn *conn = req->conn;

	if (!complete)
		conn->truncated = true;
	if (!complete || req->unread) { /* the client may be sending still: a body, or further requests */
		conn->close_after_response = true;
		conn->linger = true;
	}
}

void h1_send_content(struct conn *conn)
{
	struct buffer *ready = &conn->request->ready;
	const struct body_source body = { .fd = -1, .count = 1, .one = { .memory = ready->data, .len = ready->len }, .text = ready->data };

	output_body(&conn->output, &body);
	conn->request->sent_bytes += ready->len;
	*ready = (struct buffer){ NULL, 0, 0 };
}
