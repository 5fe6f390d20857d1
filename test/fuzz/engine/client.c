/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a connection as its client does: requests and responses in order. A malformed response, a response without a request, one
 * after the last one, or an incomplete one on an open connection ends the program.
 */
#include <string.h>

#include "../../../core/request.h"
#include "../../../core/response_parse.h"
#include "sim.h"

/* A request that the client has sent. */
struct sent_request {
	bool began;     /* at least one octet was sent */
	bool complete;  /* with its body */
	bool refused;   /* malformed: only an error can follow, and the end */
	bool head;
	bool tunnel;    /* asks for another protocol */
	uint32_t bytes; /* of it */
};

static struct sent_request next_request(const uint8_t *buf, uint32_t len)
{
	static struct tux_request head;
	struct sent_request req = { .began = len > 0, .bytes = len };
	enum tux_verdict verdict;
	struct tux_body body;

	verdict = tux_request_parse(buf, len, 0, &head);
	req.refused = verdict == TUX_REFUSED;
	req.head = verdict == TUX_PARSED && head.method == TUX_HEAD;
	req.tunnel = verdict == TUX_PARSED && head.upgrade;
	if (verdict != TUX_PARSED)
		return req;
	req.bytes = head.head_len;
	tux_body_start(&body, (enum tux_framing)head.framing, head.content_length);
	while (head.framing != TUX_FRAMING_NONE) {
		struct tux_span content;
		uint32_t consumed;

		verdict = tux_body_read(&body, buf + req.bytes, len - req.bytes, &consumed, &content);
		req.bytes += consumed;
		req.refused = verdict == TUX_REFUSED;
		if (verdict == TUX_PARSED)
			break;
		if (verdict == TUX_REFUSED || req.bytes == len)
			return req;
	}
	req.complete = true;
	return req;
}

/* Skips the body of a response. Returns false if it is incomplete. */
static bool skip_body(const struct tux_response *res, const uint8_t *buf, uint32_t len, uint32_t *pos)
{
	struct tux_body body;
	enum tux_verdict verdict = TUX_MORE;

	if (res->framing == TUX_FRAMING_NONE)
		return true;
	if (res->framing == TUX_FRAMING_CLOSE) {
		*pos = len;
		return true;
	}
	tux_body_start(&body, (enum tux_framing)res->framing, res->content_length);
	if (res->framing == TUX_FRAMING_LENGTH && res->content_length == 0)
		return true;
	while (verdict == TUX_MORE && *pos < len) {
		struct tux_span content;
		uint32_t consumed;

		verdict = tux_body_read(&body, buf + *pos, len - *pos, &consumed, &content);
		require(verdict != TUX_REFUSED);
		*pos += consumed;
	}
	return verdict == TUX_PARSED;
}

/* Reads the next final response. Returns its status; 0 if it is not complete. */
static uint16_t next_response(const struct client_view *view, uint32_t *pos, bool head, struct tux_response *res)
{
	for (;;) {
		const enum tux_verdict verdict =
			tux_response_parse(view->got + *pos, view->got_len - *pos, 0, TUX_MAX_RECEIVED_HEAD, head, res);

		require(verdict != TUX_REFUSED);
		if (verdict == TUX_MORE)
			return 0;
		*pos += res->head_len;
		if (res->status >= 200 || res->status == 101)
			break;
	}
	return skip_body(res, view->got, view->got_len, pos) ? res->status : 0;
}

struct client_result client_check(const struct client_view *view)
{
	static struct tux_response res;
	struct client_result result = { 0 };
	uint32_t in = 0, out = 0;

	while (!result.over) {
		const struct sent_request req = next_request(view->sent + in, view->sent_len - in);
		const bool more = out < view->got_len;
		uint16_t status;

		if (req.complete)
			result.requests++;
		if (!more) {
			if (!req.complete || req.bytes == 0)
				break;
			in += req.bytes; /* counts the requests without a response */
			continue;
		}
		require(req.began); /* or a response has no request */
		status = next_response(view, &out, req.head, &res);
		result.responses += status != 0;
		if (status == 0 || res.framing == TUX_FRAMING_CLOSE) {
			result.over = true;
			result.open = status != 0 && res.framing == TUX_FRAMING_CLOSE ? OPEN_UNTIL_CLOSE : OPEN_INCOMPLETE;
			return result;
		}
		if (status == 101) {
			require(req.tunnel);
			result.over = true;
			return result;
		}
		in += req.bytes;
		result.over = !res.keep_alive || !req.complete; /* the end of an incomplete request is unknown */
		if (result.over)
			require(out == view->got_len);
	}
	return result;
}
