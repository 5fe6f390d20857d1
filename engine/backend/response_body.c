/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "response_body.h"

enum {
	RESPONSE_HEAD_ROOM = 1024, /* upper limit of the growth of a rewritten head */
};

bool response_body_head(struct response_body *relay, const uint8_t *buf, const struct tux_response *res, const struct tux_forwarding_response *how)
{
	const uint32_t room = res->head_len + how->extra.len + RESPONSE_HEAD_ROOM;
	uint8_t *out = buffer_room(&relay->ready, room);
	uint32_t len;

	if (out == NULL)
		return false;
	len = tux_forward_response(out, room, buf, res, how);
	relay->ready.len += len;
	return len > 0;
}

void response_body_start(struct response_body *relay, const struct tux_response *res, bool chunked)
{
	relay->bodiless = res->framing == TUX_FRAMING_NONE;
	relay->chunked = chunked;
	tux_body_start(&relay->body, (enum tux_framing)res->framing, res->content_length);
}

/* Ends a chunk whose content was spliced. Returns false if out of memory. */
static bool close_chunk(struct response_body *relay)
{
	const bool open = relay->chunk_open;

	relay->chunk_open = false;
	return !open || buffer_keep(&relay->ready, (const uint8_t *)TUX_CHUNK_END, sizeof(TUX_CHUNK_END) - 1);
}

/* Adds content to ready, framed for the client. Returns false if out of memory. */
static bool put_content(struct response_body *relay, const uint8_t *data, uint32_t len)
{
	uint8_t *out;
	uint32_t chunk;

	if (len == 0 || relay->bodiless)
		return true;
	if (!relay->chunked)
		return buffer_keep(&relay->ready, data, len);
	if (!close_chunk(relay))
		return false;
	out = buffer_room(&relay->ready, len + CHUNK_ROOM);
	chunk = out != NULL ? tux_forward_chunk(out, len + CHUNK_ROOM, data, len) : 0;
	relay->ready.len += chunk;
	return chunk > 0;
}

enum tux_verdict response_body_read(struct response_body *relay, const uint8_t *data, uint32_t len, uint32_t *used)
{
	enum tux_verdict verdict = TUX_MORE;

	*used = 0;
	while (*used < len && verdict == TUX_MORE) {
		const uint8_t *at = data + *used;
		struct tux_span content, trailer;
		uint32_t consumed;

		verdict = tux_body_read_trailer(&relay->body, at, len - *used, &consumed, &content, &trailer);
		if (verdict == TUX_REFUSED || !put_content(relay, at + content.off, content.len) ||
		    !buffer_keep(&relay->trailer, at + trailer.off, trailer.len))
			return TUX_REFUSED;
		*used += consumed;
	}
	return verdict;
}

enum tux_verdict response_body_pass(struct response_body *relay, uint32_t len)
{
	const enum tux_verdict verdict = tux_body_pass(&relay->body, len);
	uint8_t head[TUX_MAX_CHUNK_HEAD];

	if (!relay->chunked)
		return verdict;
	if (!close_chunk(relay) || !buffer_keep(&relay->ready, head, tux_chunk_head(head, len)))
		return TUX_REFUSED;
	relay->chunk_open = true;
	return verdict;
}

bool response_body_end(struct response_body *relay, struct tux_field_lines *lines)
{
	const uint32_t room = relay->trailer.len + sizeof(TUX_LAST_CHUNK);
	uint8_t refusal = TUX_ACCEPTED;
	uint32_t pos = 0, len;
	uint8_t *out;

	if (!relay->chunked)
		return true;
	out = close_chunk(relay) ? buffer_room(&relay->ready, room) : NULL;
	if (out == NULL)
		return false;
	tux_fields_clear(lines);
	if (relay->trailer.len > 2 &&
	    tux_fields_parse(relay->trailer.data, relay->trailer.len, &pos, false, lines, &refusal) != TUX_PARSED)
		tux_fields_clear(lines);
	len = tux_forward_trailer(out, room, relay->trailer.data, lines);
	if (len == 0) { /* retry without trailer fields */
		tux_fields_clear(lines);
		len = tux_forward_trailer(out, room, relay->trailer.data, lines);
	}
	relay->ready.len += len;
	return len > 0;
}

void response_body_free(struct response_body *relay)
{
	buffer_forget(&relay->ready);
	buffer_forget(&relay->trailer);
}
