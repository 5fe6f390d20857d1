/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request_body.h"

#include <errno.h>

#include "../../core/forward.h"
#include "../../core/piece.h"

enum {
	PIECE_BYTES = 16 * 1024, /* bytes of a spooled body, copied at a time */
};

bool request_body_takes(const struct request_body *upload, const struct peer_stream *to)
{
	return !upload->deaf && upload->splicing.filled == 0 && peer_stream_unsent(to) < PEER_STREAM_ROOM;
}

uint64_t request_body_unsent(const struct request_body *upload, const struct peer_stream *to)
{
	return peer_stream_unsent(to) + upload->splicing.filled + (upload->deaf ? 0 : spool_left(&upload->spool));
}

/* Queues content, framed for the backend. Returns false if out of memory. */
static bool put_content(struct request_body *upload, struct peer_stream *to, const uint8_t *data, uint32_t len)
{
	uint8_t head[TUX_MAX_CHUNK_HEAD];

	if (len == 0)
		return true;
	upload->begun = true;
	if (!upload->chunked)
		return peer_stream_send(to, data, len);
	return peer_stream_send(to, head, tux_chunk_head(head, len)) && peer_stream_send(to, data, len) &&
	       peer_stream_send(to, (const uint8_t *)TUX_CHUNK_END, sizeof(TUX_CHUNK_END) - 1);
}

enum tux_verdict request_body_read(struct request_body *upload, struct peer_stream *to, struct tux_body *body, uint64_t max,
                                   const uint8_t *buf, uint32_t len, uint32_t *used, enum tux_refusal *refusal)
{
	enum tux_verdict verdict = TUX_MORE;

	*used = 0;
	*refusal = TUX_ACCEPTED;
	while (*used < len && verdict == TUX_MORE) {
		const uint8_t *at = buf + *used;
		struct tux_span content;
		uint32_t consumed;

		verdict = tux_body_read(body, at, len - *used, &consumed, &content);
		if (body->total > max)
			*refusal = TUX_REFUSED_BODY_LONG;
		else if (verdict == TUX_REFUSED)
			*refusal = (enum tux_refusal)body->refusal;
		if (*refusal != TUX_ACCEPTED || !put_content(upload, to, at + content.off, content.len))
			return TUX_REFUSED;
		*used += consumed;
	}
	if (verdict != TUX_PARSED || !upload->chunked)
		return verdict;
	upload->begun = true; /* also for an empty body: the last chunk is not repeated, so the request must not be repeated */
	if (!peer_stream_send(to, (const uint8_t *)TUX_LAST_CHUNK, sizeof(TUX_LAST_CHUNK) - 1))
		return TUX_REFUSED;
	return verdict;
}

enum tux_verdict request_body_keep(struct request_body *upload, const struct spool_limits *limits, struct tux_body *body, uint64_t max,
                                   const uint8_t *buf, uint32_t len, uint32_t *used, enum tux_refusal *refusal, int *error)
{
	enum tux_verdict verdict = TUX_MORE;

	*used = 0;
	*error = 0;
	*refusal = TUX_ACCEPTED;
	while (*used < len && verdict == TUX_MORE) {
		const uint8_t *at = buf + *used;
		struct tux_span content;
		uint32_t consumed;

		verdict = tux_body_read(body, at, len - *used, &consumed, &content);
		if (body->total > max)
			*refusal = TUX_REFUSED_BODY_LONG;
		else if (verdict == TUX_REFUSED)
			*refusal = (enum tux_refusal)body->refusal;
		else
			*error = spool_add(&upload->spool, limits, at + content.off, content.len);
		if (*refusal != TUX_ACCEPTED || *error != 0)
			return TUX_REFUSED;
		*used += consumed;
	}
	return verdict;
}

int64_t request_body_feed(struct request_body *upload, struct peer_stream *to)
{
	uint8_t piece[PIECE_BYTES];
	int64_t fed = 0;

	while (!upload->deaf && spool_left(&upload->spool) > 0 && peer_stream_unsent(to) < PEER_STREAM_ROOM) {
		const int64_t n = spool_take(&upload->spool, piece, sizeof(piece));

		if (n < 0)
			return n;
		if (!peer_stream_send(to, piece, (uint32_t)n))
			return -ENOMEM;
		fed += n;
	}
	return fed;
}

static enum request_body_next wait_for_room(struct request_body *upload, const struct peer_streams *streams, struct peer_stream *to)
{
	upload->blocked = true;
	streams->ops->wait_writable(streams->loop, &to->channel);
	return REQUEST_BODY_WAITS;
}

enum request_body_next request_body_draw(struct request_body *upload, const struct peer_streams *streams, struct peer_stream *to,
                                         struct channel *source, struct tux_body *body, uint64_t *moved)
{
	struct splice *splicing = &upload->splicing;

	while (!upload->blocked && peer_stream_unsent(to) == 0) {
		const uint64_t ahead = body != NULL ? tux_body_ahead(body) : PIPE_BYTES;
		int64_t n;

		if (splicing->filled > 0) {
			n = splice_move(streams->ops, splicing->pipe->fd[0], to->channel.fd, &to->channel, splicing->filled);
			if (n == -EAGAIN)
				return wait_for_room(upload, streams, to);
			if (n <= 0)
				return n == -EPIPE || n == -ECONNRESET ? REQUEST_BODY_DEAF : REQUEST_BODY_FAILED;
			splicing->filled = tux_bytes_remaining(splicing->filled, (uint32_t)n);
			continue;
		}
		if (ahead == 0)
			return REQUEST_BODY_WHOLE;
		n = to->channel.pipe ? splice_pour(splicing, streams->ops, streams->loop, source, to->channel.fd, ahead) :
		                       splice_fill(splicing, streams->ops, streams->loop, source, ahead);
		switch (n) {
		case SPLICE_AGAIN:
			return REQUEST_BODY_WAITS;
		case SPLICE_FULL:
			return wait_for_room(upload, streams, to);
		case SPLICE_CLOSED:
			return REQUEST_BODY_DEAF;
		case SPLICE_ENDED:
		case SPLICE_FAILED:
			return REQUEST_BODY_ENDED;
		}
		upload->begun = true;
		*moved += (uint64_t)n;
		if (body != NULL)
			tux_body_pass(body, (uint64_t)n);
	}
	return REQUEST_BODY_WAITS;
}
