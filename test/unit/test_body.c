/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads every body whole, octet by octet, and in every two pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "body.h"
#include "sanitizer.h"

static struct tux_body body;
static char content[65536];
static size_t content_len;

static void start(enum tux_framing framing, uint64_t length)
{
	content_len = 0;
	forget(&body, sizeof(body));
	tux_body_start(&body, framing, length);
}

/* Reads a piece to its end or to the verdict. *used is the number of bytes of the body. */
static enum tux_verdict read_piece(const char *text, size_t len, size_t *used)
{
	enum tux_verdict verdict;

	*used = 0;
	do {
		uint32_t consumed, rest = (uint32_t)(len - *used);
		uint8_t *copy = malloc((size_t)rest + 1);
		struct tux_span span;

		assert_non_null(copy);
		memcpy(copy + 1, text + *used, rest);
		verdict = tux_body_read(&body, copy + 1, rest, &consumed, &span);
		assert_true(consumed <= rest && span.off <= consumed && span.len <= consumed - span.off);
		assert_true(consumed > 0 || rest == 0 || verdict != TUX_MORE);
		memcpy(content + content_len, copy + 1 + span.off, span.len);
		content_len += span.len;
		free(copy);
		*used += consumed;
	} while (verdict == TUX_MORE && *used < len);
	return verdict;
}

/* Reads text cut in pieces of step octets. */
static enum tux_verdict read_steps(const char *text, size_t len, size_t step, size_t *used)
{
	enum tux_verdict verdict = TUX_MORE;
	size_t piece;

	*used = 0;
	while (verdict == TUX_MORE && *used < len) {
		size_t want = len - *used < step ? len - *used : step;

		verdict = read_piece(text + *used, want, &piece);
		*used += piece;
	}
	return verdict;
}

struct chunked {
	const char *why;
	const char *text;
	const char *content;
};

static const struct chunked good[] = {
	{ "no content", "0\r\n\r\n", "" },
	{ "RFC 9112 7.1: chunks", "5\r\nhello\r\n1\r\n,\r\n0006\r\n world\r\n0\r\n\r\n", "hello, world" },
	{ "sizes are hexadecimal, in both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n00\r\n\r\n",
	  "01234567890123456789a" },
	{ "content is anything", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n" },
	{ "RFC 9112 7.1.1: extensions are passed over", "1;a=b;c=\"d e\"\r\nx\r\n0;z\r\n\r\n", "x" },
	{ "white space in front of an extension", "1 \t;a\r\nx\r\n0\r\n\r\n", "x" },
	{ "RFC 9112 7.1.2: trailers are dropped", "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x" },
	{ "sixteen digits", "0000000000000001\r\nx\r\n0\r\n\r\n", "x" },
};

static void test_chunked(void **state)
{
	size_t i, step, used;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t len = strlen(good[i].text);
		char text[256];

		snprintf(text, sizeof(text), "%sGET /next", good[i].text);
		for (step = 1; step <= strlen(text); step++) {
			enum tux_verdict verdict;

			start(TUX_FRAMING_CHUNKED, 0);
			verdict = read_steps(text, strlen(text), step, &used);
			if (verdict != TUX_PARSED || used != len)
				fail_msg("%s: verdict %d (%s), %zu of %zu", good[i].why, (int)verdict,
				         tux_refusal_text(body.refusal), used, len);
			assert_int_equal(content_len, strlen(good[i].content));
			assert_memory_equal(content, good[i].content, content_len);
			assert_int_equal(body.total, content_len);
			assert_int_equal(read_piece("GET", 3, &used), TUX_PARSED);
			assert_int_equal(used, 0);
		}
		for (step = 0; step < len; step++) {
			start(TUX_FRAMING_CHUNKED, 0);
			assert_int_equal(read_piece(text, step, &used), TUX_MORE);
			assert_int_equal(used, step);
		}
	}
}

struct broken {
	const char *why;
	const char *text;
	enum tux_refusal refusal;
};

static const struct broken broken[] = {
	{ "no size", "\r\n", TUX_REFUSED_CHUNK },
	{ "a size that is none", "g\r\n", TUX_REFUSED_CHUNK },
	{ "a sign", "+1\r\nx\r\n", TUX_REFUSED_CHUNK },
	{ "a prefix", "0x1\r\nx\r\n", TUX_REFUSED_CHUNK },
	{ "white space in front", " 1\r\nx\r\n", TUX_REFUSED_CHUNK },
	{ "white space behind", "1 \r\nx\r\n", TUX_REFUSED_CHUNK },
	{ "white space within", "1 1\r\nx\r\n", TUX_REFUSED_CHUNK },
	{ "an extension alone", ";a\r\n", TUX_REFUSED_CHUNK },
	{ "LF behind the size", "1\nx\r\n", TUX_REFUSED_CHUNK },
	{ "LF in an extension", "1;a\nx\r\n", TUX_REFUSED_CHUNK },
	{ "CR in an extension", "1;a\rb\r\nx\r\n", TUX_REFUSED_CHUNK },
	{ "LF in a quoted extension", "1;a=\"\n\"\r\nx\r\n", TUX_REFUSED_CHUNK },
	{ "CR behind the size", "1\rx\r\n", TUX_REFUSED_CHUNK },
	{ "more content than said", "1\r\nxy\r\n", TUX_REFUSED_CHUNK },
	{ "LF behind the content", "1\r\nx\n", TUX_REFUSED_CHUNK },
	{ "CR CR behind the content", "1\r\nx\r\r", TUX_REFUSED_CHUNK },
	{ "seventeen digits", "00000000000000001\r\nx", TUX_REFUSED_CHUNK },
	{ "2^63", "8000000000000000\r\nx", TUX_REFUSED_CHUNK },
	{ "2^64 and one", "10000000000000001\r\nx", TUX_REFUSED_CHUNK },
	{ "all chunks together 2^63", "1\r\nx\r\n7fffffffffffffff\r\nx", TUX_REFUSED_CHUNK },
	{ "a trailer without name", "0\r\n: x\r\n", TUX_REFUSED_FIELD_NAME },
	{ "a trailer with space before the colon", "0\r\nA : x\r\n", TUX_REFUSED_FIELD_NAME },
	{ "a trailer without colon", "0\r\nA\r\n", TUX_REFUSED_FIELD_NAME },
	{ "a folded trailer", "0\r\nA: x\r\n y\r\n", TUX_REFUSED_FOLD },
	{ "a control in a trailer", "0\r\nA: \x01\r\n", TUX_REFUSED_FIELD_VALUE },
	{ "LF behind a trailer", "0\r\nA: x\n", TUX_REFUSED_LINE_END },
	{ "CR behind a trailer", "0\r\nA: x\ry", TUX_REFUSED_LINE_END },
	{ "LF ends the trailers", "0\r\n\n", TUX_REFUSED_LINE_END },
	{ "CR ends the trailers", "0\r\n\rx", TUX_REFUSED_LINE_END },
};

static void test_broken(void **state)
{
	size_t i, step, used;

	(void)state;
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		size_t len = strlen(broken[i].text);

		for (step = 1; step <= len; step++) {
			enum tux_verdict verdict;

			start(TUX_FRAMING_CHUNKED, 0);
			verdict = read_steps(broken[i].text, len, step, &used);
			if (verdict != TUX_REFUSED || body.refusal != broken[i].refusal)
				fail_msg("%s: verdict %d, %s", broken[i].why, (int)verdict, tux_refusal_text(body.refusal));
			assert_int_equal(read_piece("0\r\n\r\n", 5, &used), TUX_REFUSED);
		}
	}
}

static char big[65536];

/* "1;aaa" CR LF with a size line of line_len octets before the CR. */
static void test_chunk_line_limit(void **state)
{
	size_t used;

	(void)state;
	memset(big, 'a', sizeof(big));
	memcpy(big, "1;", 2);
	memcpy(big + TUX_MAX_CHUNK_LINE - 2, "\r\nx\r\n0\r\n\r\n", 10);
	start(TUX_FRAMING_CHUNKED, 0);
	assert_int_equal(read_piece(big, TUX_MAX_CHUNK_LINE + 8, &used), TUX_PARSED);
	memcpy(big + TUX_MAX_CHUNK_LINE - 2, "a\r\nx\r\n0\r\n\r\n", 11);
	start(TUX_FRAMING_CHUNKED, 0);
	assert_int_equal(read_piece(big, TUX_MAX_CHUNK_LINE + 9, &used), TUX_REFUSED);
	assert_int_equal(body.refusal, TUX_REFUSED_CHUNK);
}

static void test_trailer_limit(void **state)
{
	size_t used;

	(void)state;
	memset(big, 'a', sizeof(big));
	memcpy(big, "0\r\na:", 5);
	memcpy(big + 3 + TUX_MAX_TRAILER - 4, "\r\n\r\n", 4);
	start(TUX_FRAMING_CHUNKED, 0);
	assert_int_equal(read_piece(big, 3 + TUX_MAX_TRAILER, &used), TUX_PARSED);
	memcpy(big + 3 + TUX_MAX_TRAILER - 4, "a\r\n\r\n", 5);
	start(TUX_FRAMING_CHUNKED, 0);
	assert_int_equal(read_piece(big, 3 + TUX_MAX_TRAILER + 1, &used), TUX_REFUSED);
	assert_int_equal(body.refusal, TUX_REFUSED_TRAILER_LONG);
	assert_int_equal(tux_refusal_status(body.refusal), 431);
}

static void test_length(void **state)
{
	size_t step, used;

	(void)state;
	for (step = 1; step <= 8; step++) {
		start(TUX_FRAMING_LENGTH, 5);
		assert_int_equal(read_steps("helloGET", 8, step, &used), TUX_PARSED);
		assert_int_equal(used, 5);
		assert_int_equal(content_len, 5);
		assert_memory_equal(content, "hello", 5);
		assert_int_equal(body.total, 5);
	}
	start(TUX_FRAMING_LENGTH, 5);
	assert_int_equal(read_piece("hell", 4, &used), TUX_MORE);
	assert_int_equal(body.left, 1);
	start(TUX_FRAMING_LENGTH, 0x7fffffffffffffff);
	assert_int_equal(read_piece("x", 1, &used), TUX_MORE);
	assert_true(body.left == 0x7ffffffffffffffe);
}

static void test_no_body(void **state)
{
	size_t used;

	(void)state;
	start(TUX_FRAMING_NONE, 0);
	assert_int_equal(read_piece("GET", 3, &used), TUX_PARSED);
	assert_int_equal(used, 0);
	assert_int_equal(read_piece("", 0, &used), TUX_PARSED);
	start(TUX_FRAMING_LENGTH, 0);
	assert_int_equal(read_piece("GET", 3, &used), TUX_PARSED);
	assert_int_equal(used, 0);
	assert_int_equal(content_len, 0);
}

/* RFC 9112 6.3: a body until close has no other end. */
static void test_close(void **state)
{
	size_t used;

	(void)state;
	start(TUX_FRAMING_CLOSE, 0);
	assert_int_equal(read_piece("0\r\n\r\n", 5, &used), TUX_MORE);
	assert_int_equal(used, 5);
	assert_int_equal(content_len, 5);
	assert_int_equal(body.total, 5);
	assert_int_equal(read_piece("", 0, &used), TUX_MORE);
}

/* RFC 9112 7.1.2: the trailer section is returned as sent, including its empty line, in any segmentation. */
static void test_trailer(void **state)
{
	static const char text[] = "3\r\nabc\r\n0;x=y\r\nA: b\r\nC:d\r\n\r\nGET";
	static const char section[] = "A: b\r\nC:d\r\n\r\n";
	const uint32_t end = (uint32_t)strlen(text) - 3;

	(void)state;
	for (uint32_t step = 1; step <= strlen(text); step++) {
		enum tux_verdict verdict = TUX_MORE;
		uint32_t used = 0, len = 0, consumed;
		struct tux_span span, trailer;
		char taken[64];

		start(TUX_FRAMING_CHUNKED, 0);
		while (verdict == TUX_MORE) {
			uint32_t rest = (uint32_t)strlen(text) - used;

			forget(&trailer, sizeof(trailer));
			verdict = tux_body_read_trailer(&body, (const uint8_t *)text + used, rest < step ? rest : step, &consumed,
			                                &span, &trailer);
			assert_true(trailer.off <= consumed && trailer.len <= consumed - trailer.off);
			assert_true(trailer.len == 0 || span.len == 0);
			memcpy(taken + len, text + used + trailer.off, trailer.len);
			len += trailer.len;
			used += consumed;
		}
		assert_int_equal(verdict, TUX_PARSED);
		assert_int_equal(used, end);
		assert_int_equal(body.total, 3);
		assert_int_equal(len, strlen(section));
		assert_memory_equal(taken, section, len);
		assert_int_equal(tux_body_read_trailer(&body, (const uint8_t *)"GET", 3, &consumed, &span, &trailer), TUX_PARSED);
		assert_int_equal(consumed + span.len + trailer.len, 0);
	}
}

/* Content skipped by tux_body_pass() leaves the same state as content that was read. */
static void test_passed(void **state)
{
	static const char chunked[] = "5\r\nhello\r\n0\r\n\r\n";
	size_t used;

	(void)state;
	start(TUX_FRAMING_LENGTH, UINT64_C(1) << 40);
	assert_int_equal(tux_body_ahead(&body), UINT64_C(1) << 40);
	assert_int_equal(tux_body_pass(&body, (UINT64_C(1) << 40) - 2), TUX_MORE);
	assert_int_equal(tux_body_ahead(&body), 2);
	assert_int_equal(read_piece("abGET", 5, &used), TUX_PARSED);
	assert_int_equal(used, 2);
	assert_int_equal(body.total, UINT64_C(1) << 40);
	assert_int_equal(tux_body_ahead(&body), 0);
	start(TUX_FRAMING_LENGTH, 3);
	assert_int_equal(tux_body_pass(&body, 3), TUX_PARSED);
	start(TUX_FRAMING_NONE, 0);
	assert_int_equal(tux_body_ahead(&body), 0);
	start(TUX_FRAMING_CHUNKED, 0);
	assert_int_equal(tux_body_ahead(&body), 0); /* before a chunk size */
	assert_int_equal(read_piece(chunked, 4, &used), TUX_MORE);
	assert_int_equal(tux_body_ahead(&body), 4);
	assert_int_equal(tux_body_pass(&body, 4), TUX_MORE);
	assert_int_equal(tux_body_ahead(&body), 0); /* after the chunk, before its CR LF */
	assert_int_equal(read_piece(chunked + 8, sizeof(chunked) - 9, &used), TUX_PARSED);
	assert_int_equal(body.total, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chunked),          cmocka_unit_test(test_broken),
		cmocka_unit_test(test_chunk_line_limit), cmocka_unit_test(test_trailer_limit),
		cmocka_unit_test(test_length),           cmocka_unit_test(test_no_body),
		cmocka_unit_test(test_close),            cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
