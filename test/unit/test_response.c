/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "parsed.h"
#include "access_record.h"
#include "response.h"

static const uint8_t date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
static uint8_t out[4096];

static const char *written(const struct tux_head *head)
{
	uint32_t date_off;
	uint32_t len = tux_response_head(out, sizeof(out) - 1, head, &date_off);

	assert_in_range(len, 1, sizeof(out) - 1);
	assert_memory_equal(out + date_off, date, TUX_DATE_LEN);
	out[len] = '\0';
	for (uint32_t cap = 0; cap < len; cap++) { /* a head that does not fit is not written */
		uint8_t *small = malloc(cap + 1);

		assert_non_null(small);
		assert_int_equal(tux_response_head(small, cap, head, &date_off), 0);
		free(small);
	}
	return (const char *)out;
}

/* RFC 9112 4, RFC 9110 8 */
static void test_head(void **state)
{
	struct tux_head head = { .status = 206, .minor = 1, .keep_alive = true, .date = date, .has_length = true };

	(void)state;
	head.content_length = 18446744073709551615u;
	head.type = TUX_TEXT("text/css");
	head.etag = (const uint8_t *)"\"x\"";
	head.etag_len = 3;
	head.coding = TUX_CODING_ZSTD;
	head.accept_ranges = head.vary_encoding = true;
	head.has_last_modified = true;
	head.last_modified = 0;
	head.content_range = TUX_CONTENT_RANGE_ONE;
	head.range = (struct tux_range){ 5, 10 };
	head.size = 100;
	assert_string_equal(written(&head), "HTTP/1.1 206 Partial Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	                                    "Server: tux\r\nContent-Type: text/css\r\n"
	                                    "Content-Length: 18446744073709551615\r\n"
	                                    "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nETag: \"x\"\r\n"
	                                    "Content-Encoding: zstd\r\nAccept-Ranges: bytes\r\n"
	                                    "Content-Range: bytes 5-14/100\r\nVary: Accept-Encoding\r\n\r\n");
}

/* RFC 9110 15.5.17, 15.5.6; RFC 9112 9.3 */
static void test_other_heads(void **state)
{
	struct tux_head head = { .status = 416, .minor = 0, .keep_alive = true, .date = date };

	(void)state;
	head.content_range = TUX_CONTENT_RANGE_UNSATISFIED;
	head.size = 7;
	assert_non_null(strstr(written(&head), "Content-Range: bytes */7\r\n"));
	assert_non_null(strstr(written(&head), "Connection: keep-alive\r\n"));
	head.keep_alive = false;
	head.allow = true;
	assert_non_null(strstr(written(&head), "Connection: close\r\n"));
	assert_non_null(strstr(written(&head), "Allow: GET, HEAD, OPTIONS\r\n"));
}

/* A page about the server: its fields follow the additional fields, and the nonce permits only styles and scripts. */
static void test_nonce(void **state)
{
	struct tux_head head = { .status = 200, .minor = 1, .keep_alive = true, .date = date };

	(void)state;
	head.extra = TUX_TEXT("A: b\r\n");
	assert_null(strstr(written(&head), "Content-Security-Policy"));
	head.nonce = TUX_TEXT("0123");
	assert_non_null(strstr(written(&head), "A: b\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
	                                       "Content-Security-Policy: default-src 'none'; style-src 'nonce-0123'; script-src 'nonce-0123'; "
	                                       "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\r\n"));
}

/* A prebuilt head is sent with the current date, or not at all. */
static void test_stamped(void **state)
{
	static const uint8_t now[] = "Mon, 07 Nov 1994 08:49:37 GMT";
	struct tux_head head = { .status = 200, .minor = 1, .keep_alive = true, .date = date };
	uint32_t date_off, len = tux_response_head(out, sizeof(out), &head, &date_off);
	uint8_t *kept = malloc(len), *stamped = malloc(len);

	(void)state;
	assert_true(kept != NULL && stamped != NULL);
	memcpy(kept, out, len);
	assert_int_equal(tux_response_stamped(stamped, len, kept, len, date_off, now), len);
	assert_memory_equal(stamped + date_off, now, TUX_DATE_LEN);
	memcpy(stamped + date_off, date, TUX_DATE_LEN);
	assert_memory_equal(stamped, kept, len);
	assert_int_equal(tux_response_stamped(stamped, len - 1, kept, len, date_off, now), 0);
	assert_int_equal(tux_response_stamped(stamped, len, kept, len, len - TUX_DATE_LEN + 1, now), 0);
	assert_int_equal(tux_response_stamped(stamped, len, kept, TUX_DATE_LEN - 1, 0, now), 0);
	free(kept);
	free(stamped);
}

/* No CR or LF of a request appears in a head. */
static void test_no_injection(void **state)
{
	struct tux_head head = { .status = 301, .minor = 1, .keep_alive = true, .date = date };

	(void)state;
	head.location = (const uint8_t *)"/a/";
	head.location_len = 3;
	head.location_query = (const uint8_t *)"x\r\nSet-Cookie: y";
	head.location_query_len = 16;
	assert_non_null(strstr(written(&head), "Location: /a/?xSet-Cookie:y\r\n\r\n"));
}

static void test_parts(void **state)
{
	struct tux_head head = { .boundary = (const uint8_t *)"b", .boundary_len = 1, .size = 9 };
	struct tux_range range = { 1, 2 };

	(void)state;
	head.type = TUX_TEXT("a/b");
	out[tux_response_part_head(out, sizeof(out), &head, &range)] = '\0';
	assert_string_equal((char *)out, "\r\n--b\r\nContent-Type: a/b\r\nContent-Range: bytes 1-2/9\r\n\r\n");
	out[tux_response_part_head(out, sizeof(out), &head, NULL)] = '\0';
	assert_string_equal((char *)out, "\r\n--b--\r\n");
	assert_int_equal(tux_response_part_head(out, 5, &head, NULL), 0);
}

/* Every status that TUX sends has its phrase, and its page fits into the engine's buffer. */
static void test_pages(void **state)
{
	(void)state;
	for (int refusal = TUX_REFUSED_METHOD; refusal < TUX_REFUSALS; refusal++) {
		uint16_t status = tux_refusal_status((enum tux_refusal)refusal);

		assert_string_not_equal(tux_response_reason(status).at, "Unknown");
		assert_in_range(tux_response_error_body(out, TUX_MAX_ERROR_BODY, status,
		                                        tux_refusal_text((enum tux_refusal)refusal)),
		                1, TUX_MAX_ERROR_BODY);
	}
	assert_int_equal(tux_response_error_body(out, 20, 404, NULL), 0);
}

static uint16_t decided(const char *method, const char *fields, uint32_t *count)
{
	struct tux_facts facts = { .size = 100, .validators = { (const uint8_t *)"\"e\"", 3, 784111777, 1784000000 } };
	struct parsed *parsed = parse_request(method, fields);
	struct tux_plan plan;

	tux_respond_decide(parsed->buf, &parsed->req, &facts, &plan);
	*count = plan.range_count;
	return plan.status;
}

/* RFC 9110 13.2.2, 14.2 */
static void test_decide(void **state)
{
	uint32_t count;

	(void)state;
	assert_int_equal(decided("GET", "", &count), 200);
	assert_int_equal(decided("GET", "Range: bytes=0-1,5-6\r\n", &count), 206);
	assert_int_equal(count, 2);
	assert_int_equal(decided("HEAD", "Range: bytes=0-1\r\n", &count), 200);
	assert_int_equal(decided("GET", "Range: bytes=0-1\r\nRange: bytes=3-4\r\n", &count), 200);
	assert_int_equal(decided("GET", "Range: bytes=100-\r\n", &count), 416);
	assert_int_equal(decided("GET", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n", &count), 200);
	assert_int_equal(decided("GET", "Range: bytes=0-1\r\nIf-None-Match: \"e\"\r\n", &count), 304);
	assert_int_equal(decided("GET", "Range: bytes=0-1\r\nIf-Match: \"x\"\r\n", &count), 412);
}

static struct tux_range planned(struct tux_head *head, uint16_t status, uint32_t count)
{
	static const uint8_t tag[] = "\"e\"";
	const struct tux_facts facts = tux_facts_told(10, tag, 3, 784111777, 784111777);
	const struct tux_plan plan = { .status = status, .range_count = count, .range = { { 2, 4 } } };

	*head = (struct tux_head){ .status = status, .minor = 1, .keep_alive = true, .date = date };
	tux_head_describe(head, &facts, TUX_CODING_GZIP, 1u << TUX_CODING_IDENTITY | 1u << TUX_CODING_GZIP,
	                  TUX_TEXT("text/css"));
	return tux_head_plan(head, &plan);
}

/* RFC 9110 15.3.1, 15.3.7, 15.4.5: the whole, a part, and nothing. */
static void test_planned_heads(void **state)
{
	const char *const told = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"e\"\r\n";
	struct tux_range body;
	struct tux_head head;

	(void)state;
	body = planned(&head, 200, 0);
	assert_true(body.first == 0 && body.len == 10);
	assert_non_null(strstr(written(&head), told));
	assert_non_null(strstr(written(&head), "Content-Type: text/css\r\nContent-Length: 10\r\n"));
	assert_non_null(strstr(written(&head), "Content-Encoding: gzip\r\nAccept-Ranges: bytes\r\nVary: Accept-Encoding\r\n"));
	body = planned(&head, 206, 1);
	assert_true(body.first == 2 && body.len == 4);
	assert_non_null(strstr(written(&head), "Content-Length: 4\r\n"));
	assert_non_null(strstr(written(&head), "Content-Range: bytes 2-5/10\r\n"));
	body = planned(&head, 304, 0);
	assert_int_equal(body.len, 0);
	assert_non_null(strstr(written(&head), told));
	assert_null(strstr(written(&head), "Content-"));
}

/* RFC 9110 8.8.2.1: Last-Modified is not later than Date. */
static void test_facts(void **state)
{
	(void)state;
	assert_int_equal(tux_facts_told(1, NULL, 0, 99, 100).validators.last_modified, 99);
	assert_int_equal(tux_facts_told(1, NULL, 0, 100, 100).validators.last_modified, 100);
	assert_int_equal(tux_facts_told(1, NULL, 0, 101, 100).validators.last_modified, -1);
	assert_int_equal(tux_facts_told(1, NULL, 0, -1, 100).validators.last_modified, -1);
}

/* A prebuilt head needs HTTP/1.1, a persistent connection, the whole file, and a known time. */
static void test_prebuilt(void **state)
{
	const struct tux_plan all = { .status = 200 };
	const struct tux_plan part = { .status = 206, .range_count = 1 };

	(void)state;
	assert_true(tux_respond_prebuilt(&(struct tux_request){ .minor = 1, .keep_alive = true }, &all, 5, 5));
	assert_true(tux_respond_prebuilt(&(struct tux_request){ .minor = 1, .keep_alive = true }, &all, -1, 5));
	assert_false(tux_respond_prebuilt(&(struct tux_request){ .minor = 1, .keep_alive = true }, &all, 6, 5));
	assert_false(tux_respond_prebuilt(&(struct tux_request){ .minor = 1, .keep_alive = true }, &part, 5, 5));
	assert_false(tux_respond_prebuilt(&(struct tux_request){ .minor = 0, .keep_alive = true }, &all, 5, 5));
	assert_false(tux_respond_prebuilt(&(struct tux_request){ .minor = 1, .keep_alive = false }, &all, 5, 5));
}

/* RFC 9110 9.1, 15.5.6, 15.6.2 */
static void test_methods(void **state)
{
	(void)state;
	assert_int_equal(tux_respond_method(&parse_request("GET", "")->req), 0);
	assert_int_equal(tux_respond_method(&parse_request("HEAD", "")->req), 0);
	assert_int_equal(tux_respond_method(&parse_request("OPTIONS", "")->req), 204);
	assert_int_equal(tux_respond_method(&parse_request("DELETE", "")->req), 405);
	assert_int_equal(tux_respond_method(&parse_request("BREW", "")->req), 501);
}

static void test_record(void **state)
{
	static uint8_t text[TUX_ACCESS_RECORD_MAX - sizeof(struct tux_access_record)];
	static char fields[3000];
	struct parsed *parsed = parse_request("GET", "Referer: r\r\nUser-Agent: agent\r\n");
	struct tux_access_record record = { .status = 200 };

	(void)state;
	assert_int_equal(tux_access_record_fill(&record, parsed->buf, &parsed->req, text), 3 + 4 + 1 + 1 + 5);
	assert_int_equal(record.size, sizeof(record) + 14);
	assert_memory_equal(text, "GET/a?bxragent", 14);
	memset(fields, 'u', sizeof(fields));
	memcpy(fields, "User-Agent: ", 12);
	memcpy(fields + 2500, "\r\n", 3);
	parsed = parse_request("GET", fields);
	assert_int_equal(tux_access_record_fill(&record, parsed->buf, &parsed->req, text), 3 + 4 + 1 + TUX_ACCESS_RECORD_TEXT_MAX);
	assert_int_equal(record.user_agent_len, TUX_ACCESS_RECORD_TEXT_MAX);
}

/* A host's settings of fields: some are omitted, others precede Connection. */
static void test_extra(void **state)
{
	struct tux_head head = { .status = 200, .date = date, .has_last_modified = true, .accept_ranges = true };

	(void)state;
	head.etag = (const uint8_t *)"\"x\"";
	head.etag_len = 3;
	head.extra = TUX_TEXT("X-A: 1\r\nX-B: 2\r\n");
	assert_string_equal(written(&head), "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: tux\r\n"
	                                    "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nETag: \"x\"\r\nAccept-Ranges: bytes\r\n"
	                                    "X-A: 1\r\nX-B: 2\r\nConnection: close\r\n\r\n");
	head.omit = TUX_OMIT_SERVER | TUX_OMIT_ETAG | TUX_OMIT_LAST_MODIFIED | TUX_OMIT_ACCEPT_RANGES;
	assert_string_equal(written(&head), "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-A: 1\r\nX-B: 2\r\n"
	                                    "Connection: close\r\n\r\n");
}

static bool lines_valid(const char *lines, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	bool valid;

	assert_non_null(copy);
	memcpy(copy + 1, lines, len); /* at the end of its memory, so that a sanitizer detects reads beyond it */
	valid = tux_field_lines_valid(copy + 1, (uint32_t)len);
	free(copy);
	return valid;
}

/* Additional lines from outside the kernel cannot be anything but field lines. */
static void test_lines(void **state)
{
	static const char *const good[] = { "A: 1\r\n", "A: 1\r\nB:\t~ \r\n" };
	static const char *const bad[] = { "A: 1", "A: 1\r", "A: 1\n", "\r\n", "A: 1\r\n\r\n", "\r\nA: 1\r\n", "A: 1\r\nB: 2", "A: 1\n\r\n",
		                           "A: 1\r\r\n", "A: \x01\r\n", "A: \x7f\r\n", "A: \x80\r\n", "A\r: 1\r\n", "A\n: 1\r\n" };

	(void)state;
	assert_true(lines_valid("", 0));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(lines_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (lines_valid(bad[i], strlen(bad[i])))
			fail_msg("number %zu is taken", i);
	assert_false(lines_valid("A: \0\r\n", 6));
	/* Every octet at every position of a line. */
	for (size_t at = 0; at < 6; at++) {
		for (unsigned octet = 0; octet < 256; octet++) {
			char line[] = "A: b\r\n";
			bool same = octet == (unsigned char)line[at];

			line[at] = (char)octet;
			assert_int_equal(lines_valid(line, 6), same || (at < 4 && (octet == '\t' || (octet >= 0x20 && octet < 0x7f))));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head), cmocka_unit_test(test_extra),   cmocka_unit_test(test_other_heads), cmocka_unit_test(test_no_injection),
		cmocka_unit_test(test_planned_heads), cmocka_unit_test(test_facts), cmocka_unit_test(test_prebuilt),
		cmocka_unit_test(test_parts),  cmocka_unit_test(test_pages),       cmocka_unit_test(test_decide),
		cmocka_unit_test(test_methods), cmocka_unit_test(test_record), cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nonce),   cmocka_unit_test(test_stamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
