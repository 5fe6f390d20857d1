/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "response_body.h"

void response_body_start(struct response_body *relay, const struct tux_response *res)
{
	relay->bodiless = res->framing == TUX_FRAMING_NONE;
	tux_body_start(&relay->body, (enum tux_framing)res->framing, res->content_length);
}

enum tux_verdict response_body_read(struct response_body *relay, struct request *req, const uint8_t *data, uint32_t len, uint32_t *used)
{
	enum tux_verdict verdict = TUX_MORE;

	*used = 0;
	while (*used < len && verdict == TUX_MORE) {
		const uint8_t *at = data + *used;
		struct tux_span content, trailer;
		uint32_t consumed;

		verdict = tux_body_read_trailer(&relay->body, at, len - *used, &consumed, &content, &trailer);
		if (verdict == TUX_REFUSED || !buffer_keep(&relay->trailer, at + trailer.off, trailer.len))
			return TUX_REFUSED;
		if (content.len > 0 && !relay->bodiless && !req->sink->content(req, at + content.off, content.len))
			return TUX_REFUSED;
		*used += consumed;
	}
	return verdict;
}

void response_body_free(struct response_body *relay)
{
	buffer_forget(&relay->trailer);
}
