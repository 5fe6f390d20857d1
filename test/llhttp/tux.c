/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What TUX makes of requests: one side of the comparison with llhttp. Reads inputs, each a 32-bit length in
 * little endian and its bytes, from standard input to its end; writes a line of tab-separated answers for each:
 * head, body, reason, head end, message end, minor version, framing, bytes of content, method, target, fields.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/request.h"

/* In the order of enum tux_verdict. */
static const char *const verdicts[] = { "more", "refused", "accepted" };

/* How the body of a parsed head ends. */
struct message {
	enum tux_verdict verdict;
	enum tux_refusal refusal;
	uint32_t end; /* offset behind it */
	uint64_t content_bytes;
};

static void print_hex(const uint8_t *buf, struct tux_span span)
{
	uint32_t i;

	for (i = 0; i < span.len; i++)
		printf("%02x", buf[span.off + i]);
}

static struct message read_body(const uint8_t *buf, uint32_t len, const struct tux_request *req)
{
	struct message message = { TUX_MORE, TUX_ACCEPTED, req->head_len, 0 };
	struct tux_body body;

	tux_body_start(&body, (enum tux_framing)req->framing, req->content_length);
	do {
		struct tux_span content;
		uint32_t consumed;

		message.verdict = tux_body_read(&body, buf + message.end, len - message.end, &consumed, &content);
		message.end += consumed;
		message.content_bytes += content.len;
	} while (message.verdict == TUX_MORE && message.end < len);
	message.refusal = (enum tux_refusal)body.refusal;
	return message;
}

static void print_framing(const struct tux_request *req)
{
	if (req->framing == TUX_FRAMING_CHUNKED)
		printf("\tchunked");
	else
		printf("\tlength %" PRIu64, req->content_length);
}

static void answer_parsed(const uint8_t *buf, uint32_t len, const struct tux_request *req)
{
	struct message message = read_body(buf, len, req);
	uint32_t i;

	printf("accepted\t%s\t%s\t%u\t%u\t%u", verdicts[message.verdict], tux_refusal_text(message.refusal),
	       req->head_len, message.end, req->minor);
	print_framing(req);
	printf("\t%" PRIu64 "\t", message.content_bytes);
	print_hex(buf, req->method_text);
	printf("\t");
	print_hex(buf, req->target);
	printf("\t");
	for (i = 0; i < req->fields.count; i++) {
		print_hex(buf, req->fields.line[i].name);
		printf(":");
		print_hex(buf, req->fields.line[i].value);
		printf(",");
	}
	printf("\n");
}

static void answer(const uint8_t *buf, uint32_t len)
{
	static struct tux_request req;
	enum tux_verdict verdict = tux_request_parse(buf, len, 0, &req);

	if (verdict == TUX_PARSED)
		answer_parsed(buf, len, &req);
	else
		printf("%s\t\t%s\n", verdicts[verdict],
		       verdict == TUX_REFUSED ? tux_refusal_text((enum tux_refusal)req.refusal) : "");
}

int main(void)
{
	uint8_t size[4];

	while (fread(size, 1, sizeof(size), stdin) == sizeof(size)) {
		uint32_t len = size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
		/* Of its exact size, so that a sanitizer sees a read behind its end. */
		uint8_t *buf = malloc(len > 0 ? len : 1);

		if (buf == NULL || fread(buf, 1, len, stdin) != len)
			return EXIT_FAILURE;
		answer(buf, len);
		free(buf);
	}
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
