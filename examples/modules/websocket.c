/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An echo for WebSockets: each piece of a message goes back as it comes. In a page: new WebSocket("ws://host/websocket") */
#include <errno.h>

#include <tux/module.h>

#include "websocket.h"

struct session {
	struct ws ws;
	bool closed; /* nothing is written after out */
	uint32_t in_len, out_at, out_len;
	uint8_t in[1900], out[2000];
};

static void put_close(struct session *s, uint16_t reason)
{
	s->out_len = ws_write_close(s->out, reason);
	s->closed = true;
}

/* Answers the next piece in in. Returns false if more bytes are needed. */
static bool answer(struct session *s)
{
	struct ws_piece piece;
	const uint32_t used = ws_take(&s->ws, s->in, s->in_len, &piece);

	if (piece.opcode == WS_CLOSE)
		put_close(s, piece.reason);
	else if (piece.opcode != WS_PONG)
		s->out_len = ws_write(s->out, piece.fin, piece.opcode == WS_PING ? WS_PONG : piece.opcode, piece.at, piece.len);
	memmove(s->in, s->in + used, s->in_len -= used);
	return used > 0;
}

static enum tux_result resumed(struct tux_req *req)
{
	struct session *s = tux_req_memory(req);

	for (;;) {
		int n = tux_stream_write(req, s->out + s->out_at, s->out_len - s->out_at);

		if (n < 0)
			return (enum tux_result)n;
		s->out_at += (uint32_t)n;
		if (s->out_at < s->out_len)
			return (enum tux_result)tux_resume_on_room(req);
		if (s->closed)
			return (enum tux_result)tux_stream_end(req);
		s->out_at = s->out_len = 0;
		if (answer(s))
			continue;
		n = tux_req_body_read(req, s->in + s->in_len, (uint32_t)sizeof(s->in) - s->in_len);
		if (n == -EAGAIN)
			return (enum tux_result)tux_resume_on_body(req);
		if (n == -ESHUTDOWN) /* a reload, or the server stops: the page connects again */
			put_close(s, WS_GOING_AWAY);
		else if (n <= 0)
			return (enum tux_result)tux_stream_cut(req);
		else
			s->in_len += (uint32_t)n;
	}
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str key = tux_req_field(req, "Sec-WebSocket-Key"), version = tux_req_field(req, "Sec-WebSocket-Version");
	char accept[29];

	if (tux_req_memory(req) != NULL && version.len == 2 && memcmp(version.at, "13", 2) == 0 && ws_accept(key.at, key.len, accept) &&
	    tux_add_field(req, "Sec-WebSocket-Accept", accept) == 0 && tux_upgrade(req, "websocket") == 0)
		return resumed(req);
	tux_remove_fields(req);
	tux_add_field(req, "Sec-WebSocket-Version", "13");
	return (enum tux_result)tux_reply(req, 400, "text/plain", "This is a WebSocket.\n", 21);
}

TUX_MODULE(websocket, .handle = handle, .resumed = resumed, .request_bytes = sizeof(struct session));
