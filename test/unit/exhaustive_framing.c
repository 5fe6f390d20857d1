/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares the parser with a model of RFC 9112 6, for every ordered selection of up to five field lines, repeats included, in
 * HTTP/1.0 and 1.1. The refusal and the body length must be equal.
 */
#include <stdio.h>
#include <string.h>

#include "request.h"
#include "sanitizer.h"

enum {
#ifdef SANITIZED
	LONGEST = 4, /* lines; fewer, because sanitizers are slow */
#else
	LONGEST = 5,
#endif
};

enum kind { HOST, LENGTH, CODING, CONNECTION, EXPECT, OTHER, KINDS };

/* A line and its own meaning. */
struct line {
	const char *text;
	enum kind kind;
	enum tux_refusal fault; /* TUX_ACCEPTED = none */
	uint32_t number;        /* HOST: octets of the value; LENGTH: the length; CODING: occurrences of chunked */
	bool close, keep_alive;
};

static const struct line lines[] = {
	{ "Host: a", HOST, .number = 1 },
	{ "HOST:", HOST, .number = 0 },
	{ "Host: a b", HOST, TUX_REFUSED_HOST },
	{ "Content-Length: 5", LENGTH, .number = 5 },
	{ "content-length:\t6 ", LENGTH, .number = 6 },
	{ "Content-Length: 005", LENGTH, .number = 5 },
	{ "Content-Length: 0", LENGTH, .number = 0 },
	{ "Content-Length: 5, 5", LENGTH, TUX_REFUSED_LENGTH },
	{ "Content-Length: +5", LENGTH, TUX_REFUSED_LENGTH },
	{ "Content-Length:", LENGTH, TUX_REFUSED_LENGTH },
	{ "Content-Length: 18446744073709551621", LENGTH, TUX_REFUSED_LENGTH }, /* 2^64 + 5 */
	{ "Transfer-Encoding: chunked", CODING, .number = 1 },
	{ "transfer-encoding: , CHUNKED,", CODING, .number = 1 },
	{ "Transfer-Encoding: chunked, chunked", CODING, TUX_REFUSED_CODING_ORDER, 2 },
	{ "Transfer-Encoding: chunked;a=b", CODING, TUX_REFUSED_CODING_ORDER, 1 },
	{ "Transfer-Encoding: gzip, chunked", CODING, TUX_REFUSED_CODING, 1 },
	{ "Transfer-Encoding: identity", CODING, TUX_REFUSED_CODING },
	{ "Transfer-Encoding:", CODING },
	{ "Connection: close, content-length", CONNECTION, .close = true },
	{ "Connection: keep-alive", CONNECTION, .keep_alive = true },
	{ "Expect: 100-Continue", EXPECT },
	{ "Expect: 200-ok", EXPECT, TUX_REFUSED_EXPECT },
	{ "X-Content-Length: 7, chunked", OTHER },
};

enum { LINES = sizeof(lines) / sizeof(lines[0]) };

/* Every head is followed by a whole chunked body, which is longer than each Content-Length above. */
static const char body_text[] = "5\r\nabcde\r\n0\r\n\r\n";

/* The combined meaning of the lines. With several faults their order decides which one is reported. */
struct outcome {
	uint32_t faults; /* one bit for each permitted enum tux_refusal; 0 = accepted */
	enum tux_framing framing;
	uint64_t content_length;
	uint32_t host_len;
	bool keep_alive, expect_continue;
	uint32_t body_bytes; /* bytes of body_text that are body */
};

static uint32_t fault(enum tux_refusal refusal)
{
	return refusal == TUX_ACCEPTED ? 0 : UINT32_C(1) << refusal;
}

/* RFC 9112 3.2 (Host), 6.1 and 6.3 (Transfer-Encoding and Content-Length), 9.3; RFC 9110 10.1.1 (Expect). */
static struct outcome model(const uint8_t *chosen, uint32_t count, uint8_t minor)
{
	struct outcome outcome = { .framing = TUX_FRAMING_NONE, .keep_alive = minor == 1 };
	uint32_t of[KINDS] = { 0 }, chunked = 0;
	bool close = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct line *line = &lines[chosen[i]];

		of[line->kind]++;
		if (line->kind != EXPECT || minor == 1)
			outcome.faults |= fault(line->fault);
		if (line->kind == HOST)
			outcome.host_len = line->number;
		if (line->kind == LENGTH)
			outcome.content_length = line->number;
		if (line->kind == CODING)
			chunked += line->number;
		if (line->kind == EXPECT && minor == 1)
			outcome.expect_continue = true;
		outcome.keep_alive = outcome.keep_alive || line->keep_alive;
		close = close || line->close;
	}
	if (close)
		outcome.keep_alive = false;
	if (of[HOST] == 0 && minor == 1)
		outcome.faults |= fault(TUX_REFUSED_HOST_MISSING);
	if (of[HOST] > 1)
		outcome.faults |= fault(TUX_REFUSED_HOST_TWICE);
	if (of[LENGTH] > 1) /* even if they are equal */
		outcome.faults |= fault(TUX_REFUSED_LENGTH);
	if (of[LENGTH] > 0 && of[CODING] > 0)
		outcome.faults |= fault(TUX_REFUSED_LENGTH_AND_CODING);
	if (of[CODING] > 0 && minor == 0)
		outcome.faults |= fault(TUX_REFUSED_CODING_VERSION);
	if (of[CODING] > 0 && chunked != 1)
		outcome.faults |= fault(TUX_REFUSED_CODING_ORDER);
	/* An unknown coding may follow chunked, where the order is the fault. */
	if ((outcome.faults & fault(TUX_REFUSED_CODING)) != 0 && of[CODING] > 1)
		outcome.faults |= fault(TUX_REFUSED_CODING_ORDER);
	if (of[LENGTH] > 0)
		outcome.framing = TUX_FRAMING_LENGTH;
	if (of[CODING] > 0)
		outcome.framing = TUX_FRAMING_CHUNKED;
	outcome.body_bytes = of[CODING] > 0 ? (uint32_t)strlen(body_text) : (uint32_t)outcome.content_length;
	return outcome;
}

static uint32_t put(uint8_t *buf, uint32_t len, const char *text)
{
	uint32_t text_len = (uint32_t)strlen(text);

	memcpy(buf + len, text, text_len);
	return len + text_len;
}

/* Returns the bytes of body_text that are body. */
static uint32_t read_body(const struct tux_request *req, const uint8_t *buf)
{
	uint32_t used = 0, consumed;
	enum tux_verdict verdict;
	struct tux_span content;
	struct tux_body body;

	tux_body_start(&body, (enum tux_framing)req->framing, req->content_length);
	do {
		verdict = tux_body_read(&body, buf + used, (uint32_t)strlen(body_text) - used, &consumed, &content);
		used += consumed;
	} while (verdict == TUX_MORE && consumed > 0);
	return verdict == TUX_PARSED ? used : UINT32_MAX;
}

static bool agrees(const uint8_t *chosen, uint32_t count, uint8_t minor, const struct outcome *expected)
{
	static struct tux_request req;
	uint8_t buf[LONGEST * 48 + 64];
	uint32_t len = put(buf, 0, minor == 1 ? "POST /a HTTP/1.1\r\n" : "POST /a HTTP/1.0\r\n"), head_len;
	enum tux_verdict verdict;

	for (uint32_t i = 0; i < count; i++)
		len = put(buf, put(buf, len, lines[chosen[i]].text), "\r\n");
	head_len = put(buf, len, "\r\n");
	len = put(buf, head_len, body_text);
	forget(&req, sizeof(req));
	verdict = tux_request_parse(buf, len, 0, &req);
	if (expected->faults != 0)
		return verdict == TUX_REFUSED && (expected->faults & fault((enum tux_refusal)req.refusal)) != 0;
	return verdict == TUX_PARSED && req.head_len == head_len && req.fields.count == count && req.minor == minor &&
	       req.framing == expected->framing && req.content_length == expected->content_length &&
	       req.host.len == expected->host_len && req.keep_alive == expected->keep_alive &&
	       req.expect_continue == expected->expect_continue && read_body(&req, buf + head_len) == expected->body_bytes;
}

/* Sets the next selection with lines in the order of the table. The first one has only the first line. */
static bool next_selection(uint8_t *selection, uint32_t count)
{
	uint32_t i = count;

	while (i > 0 && selection[i - 1] == LINES - 1)
		i--;
	if (i == 0)
		return false;
	memset(selection + i - 1, selection[i - 1] + 1, count - i + 1);
	return true;
}

static void swap(uint8_t *one, uint8_t *other)
{
	uint8_t kept = *one;

	*one = *other;
	*other = kept;
}

/* Sets the next order of distinct lines (lexicographic), starting with the order of the table. */
static bool next_order(uint8_t *order, uint32_t count)
{
	uint32_t i = count, k = count;

	while (i > 1 && order[i - 2] >= order[i - 1])
		i--;
	if (i <= 1)
		return false;
	while (order[k - 1] <= order[i - 2])
		k--;
	swap(&order[i - 2], &order[k - 1]);
	for (k = count; i < k; i++, k--)
		swap(&order[i - 1], &order[k - 1]);
	return true;
}

static void complain(const uint8_t *order, uint32_t count, uint8_t minor, const struct outcome *expected)
{
	fprintf(stderr, "HTTP/1.%d, %s expected:", minor, expected->faults != 0 ? "refusal" : "acceptance");
	for (uint32_t i = 0; i < count; i++)
		fprintf(stderr, " [%s]", lines[order[i]].text);
	fputc('\n', stderr);
}

int main(void)
{
	unsigned long heads = 0, accepted[3] = { 0 }, wrong = 0, words = 1, all = 0;

	for (uint32_t count = 0; count <= LONGEST; count++, words *= LINES) {
		uint8_t selection[LONGEST] = { 0 };

		all += 2 * words;
		do {
			for (uint8_t minor = 0; minor <= 1; minor++) {
				struct outcome expected = model(selection, count, minor);
				uint8_t order[LONGEST];

				memcpy(order, selection, sizeof(order));
				do {
					heads++;
					accepted[expected.framing] += expected.faults == 0;
					if (agrees(order, count, minor, &expected))
						continue;
					complain(order, count, minor, &expected);
					if (++wrong == 20)
						return 1;
				} while (next_order(order, count));
			}
		} while (next_selection(selection, count));
	}
	printf("%lu heads of up to %d of %d lines%s: accepted %lu without a body, %lu with a length, %lu chunked; %lu wrong\n",
	       heads, LONGEST, LINES, LONGEST < 5 ? " (5 without sanitizers)" : "", accepted[TUX_FRAMING_NONE],
	       accepted[TUX_FRAMING_LENGTH], accepted[TUX_FRAMING_CHUNKED], wrong);
	/* The orders of all selections are all words over the lines; a smaller sum means that some were missed. */
	return wrong != 0 || heads != all || accepted[TUX_FRAMING_NONE] == 0 || accepted[TUX_FRAMING_LENGTH] == 0 ||
	       accepted[TUX_FRAMING_CHUNKED] == 0;
}
