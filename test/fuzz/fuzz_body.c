/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bodies: read in one piece and in pieces, the verdict, the content and the end must be the same. The
 * first octet is the size of the pieces, the second the framing.
 */
#include <string.h>

#include "request.h"
#include "fuzz.h"

struct outcome {
	enum tux_verdict verdict;
	uint8_t refusal;
	uint32_t used;
	uint64_t hash; /* of the content */
	uint64_t total;
};

/* All members count, whatever the verdict. */
static void require_state(const struct tux_body *body)
{
	REQUIRE_WRITTEN(body->left);
	REQUIRE_WRITTEN(body->total);
	REQUIRE_WRITTEN(body->line_bytes);
	REQUIRE_WRITTEN(body->state);
	REQUIRE_WRITTEN(body->refusal);
}

/* Hands the piece to tux_body_read() until it wants no more of it. */
static void read_piece(struct tux_body *body, const uint8_t *buf, uint32_t len, struct outcome *outcome)
{
	uint32_t used = 0, i;

	do {
		struct tux_span content;
		uint32_t consumed;

		outcome->verdict = tux_body_read(body, buf + used, len - used, &consumed, &content);
		REQUIRE_WRITTEN(outcome->verdict);
		REQUIRE_WRITTEN(consumed);
		REQUIRE_WRITTEN(content);
		require_state(body);
		require(consumed <= len - used);
		require(content.off <= consumed && content.len <= consumed - content.off);
		require(consumed > 0 || len == used || outcome->verdict != TUX_MORE);
		for (i = 0; i < content.len; i++)
			outcome->hash = (outcome->hash ^ buf[used + content.off + i]) * 0x100000001b3u;
		outcome->total += content.len;
		used += consumed;
	} while (outcome->verdict == TUX_MORE && used < len);
	outcome->used += used;
	require(body->total == outcome->total);
}

static struct outcome read_body(const struct tux_request *req, const uint8_t *data, uint32_t len, uint32_t step)
{
	struct outcome outcome = { TUX_MORE, 0, 0, 0, 0 };
	struct tux_body body;

	forget(&body, sizeof(body));
	tux_body_start(&body, (enum tux_framing)req->framing, req->content_length);
	require_state(&body);
	while (outcome.verdict == TUX_MORE && outcome.used < len) {
		uint32_t piece = len - outcome.used < step ? len - outcome.used : step;
		uint8_t *copy = allocated(piece);

		memcpy(copy, data + outcome.used, piece);
		read_piece(&body, copy, piece, &outcome);
		free(copy);
	}
	outcome.refusal = body.refusal;
	require((outcome.verdict == TUX_REFUSED) == (body.refusal != TUX_ACCEPTED));
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tux_request req;
	struct outcome whole, pieces;
	uint32_t len;

	if (size < 3)
		return 0;
	len = (uint32_t)size - 2;
	req.framing = data[1] == 0 ? TUX_FRAMING_LENGTH : TUX_FRAMING_CHUNKED;
	req.content_length = data[1] == 0 ? data[2] : 0;
	whole = read_body(&req, data + 2, len, len);
	pieces = read_body(&req, data + 2, len, data[0] + 1u);
	require(whole.verdict == pieces.verdict && whole.refusal == pieces.refusal && whole.used == pieces.used);
	require(whole.total == pieces.total && whole.hash == pieces.hash);
	return 0;
}
