/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "historic_two.h"
#include "libtux/response.h"

static const size_t layout[HISTORIC_OFFSETS] = {
	offsetof(user_req_t, http_method), offsetof(user_req_t, sock), offsetof(user_req_t, event), offsetof(user_req_t, error),
	offsetof(user_req_t, objectlen), offsetof(user_req_t, id), offsetof(user_req_t, priv), offsetof(user_req_t, object_addr),
	offsetof(user_req_t, query), offsetof(user_req_t, objectname), offsetof(user_req_t, cookies), offsetof(user_req_t, content_type),
	offsetof(user_req_t, referer), offsetof(user_req_t, new_date), sizeof(user_req_t),
};

static void test_layout_of_version_3(void **state)
{
	static const size_t documented[HISTORIC_OFFSETS] = { 16, 24, 28, 32, 48, 64, 72, 80, 88, 344, 600, 728, 1368, 1432, 1464 };

	(void)state;
	assert_memory_equal(layout, documented, sizeof(documented));
	assert_int_equal(offsetof(user_req_t, http_version), 12);
	assert_int_equal(offsetof(user_req_t, http_status), 20);
	assert_int_equal(offsetof(user_req_t, thread_nr), 36);
	assert_int_equal(offsetof(user_req_t, bytes_sent), 40);
	assert_int_equal(offsetof(user_req_t, client_host), 44);
	assert_int_equal(offsetof(user_req_t, module_index), 52);
	assert_int_equal(offsetof(user_req_t, keep_alive), 56);
	assert_int_equal(offsetof(user_req_t, cookies_len), 60);
	assert_int_equal(offsetof(user_req_t, user_agent), 792);
	assert_int_equal(offsetof(user_req_t, pragma), 1304);
}

static void test_layout_of_version_2_is_the_same(void **state)
{
	(void)state;
	assert_memory_equal(layout, historic_two, sizeof(layout)); /* post_data follows the structure of version 3 */
}

static void test_source_of_version_2_uses_pointers(void **state)
{
	user_req_t req = { .client_host = htonl(INADDR_LOOPBACK) };

	(void)state;
	assert_string_equal(historic_two_uses(&req), "text");
	assert_int_equal(req.error, (uint32_t)-ENOENT);
}

/* Reads a response in pieces of step bytes. Returns its body; NULL if it is broken or not whole. */
static const char *read_all(struct response *response, const char *text, size_t len, size_t step, bool is_head)
{
	static char body[4096];
	size_t body_len = 0;

	response_start(response, is_head);
	for (size_t off = 0; off < len;) {
		const size_t piece = len - off < step ? len - off : step;
		size_t here = 0;
		const size_t used = response_read(response, text + off, piece, &here);

		if (response->state == RESPONSE_BROKEN)
			return NULL;
		assert_true(used + here <= piece && used + here > 0);
		memcpy(body + body_len, text + off + used, here);
		body_len += here;
		off += used + here;
	}
	body[body_len] = '\0';
	return response_finish(response) ? body : NULL;
}

/* Checks that a response has this body, and these numbers, in pieces of each size; body NULL: it is refused. */
static void check(const char *text, const char *body, unsigned status, int64_t length, unsigned fields)
{
	struct response response = { 0 };

	for (size_t step = 1; step <= strlen(text); step++) {
		const char *const found = read_all(&response, text, strlen(text), step, false);

		if (body == NULL) {
			assert_null(found);
			assert_non_null(response.wrong);
			continue;
		}
		assert_non_null(found);
		assert_string_equal(found, body);
		assert_int_equal(response.status, status);
		assert_int_equal(response.length, length);
		assert_int_equal(response.field_count, fields);
	}
	response_forget(&response);
}

static void test_responses(void **state)
{
	(void)state;
	check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello", "hello", 200, 5, 1);
	check("HTTP/1.0 404 Not Found\nContent-Type: text/html\n\nbody", "body", 404, -1, 0);
	check("HTTP/1.1 200\r\n\r\n", "", 200, -1, 0);
	check("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: x\r\nServer: y\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab", "ab", 200, 2, 0);
	check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", "ab", 200, 2, 0);
	check("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nX:1\r\n\r\nz", "z", 201, -1, 1);
	check("HTTP/1.1 204 No Content\r\n\r\nexcess", "", 204, -1, 0);
	check("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "", 304, 7, 0);
}

static void test_chunked_responses(void **state)
{
	(void)state;
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA ;x=y\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", 200, -1, 0);
	check("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3;a-long-extension=xxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nabc\r\n0\r\nT: 1\r\nU: 2\r\n\r\nmore",
	      "abc", 200, -1, 0);
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", NULL, 0, 0, 0);
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", NULL, 0, 0, 0);
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n", NULL, 0, 0, 0);
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0000000000000000003\r\nabc\r\n0\r\n\r\n", NULL, 0, 0, 0);
	check("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", NULL, 0, 0, 0);
}

static void test_garbage_is_no_response(void **state)
{
	static const char *const garbage[] = {
		"hello", "<html></html>\n\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 600 x\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 200OK\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", "HTTP/1.1 200 OK\r\nA b: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: x\r\n folded\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		check(garbage[i], NULL, 0, 0, 0);
}

static void test_nul_in_a_head(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n";
	struct response response = { 0 };

	(void)state;
	assert_null(read_all(&response, text, sizeof(text) - 1, sizeof(text), false));
	response_forget(&response);
}

static void test_limits(void **state)
{
	struct response response = { 0 };
	char text[RESPONSE_MAX_HEAD + 100] = "HTTP/1.1 200 OK\r\nX: ";

	(void)state;
	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 5);
	strcpy(text + sizeof(text) - 5, "\r\n\r\n");
	assert_null(read_all(&response, text, sizeof(text) - 1, 1000, false));
	assert_string_equal(response.wrong, "its head is too long");
	memcpy(text, "HTTP/1.1 200 OK\r\n", 18);
	for (unsigned i = 0; i <= RESPONSE_MAX_FIELDS; i++)
		strcat(text, "A: b\r\n");
	strcat(text, "\r\n");
	assert_null(read_all(&response, text, strlen(text), 1000, false));
	assert_string_equal(response.wrong, "its head has too many fields");
	response_forget(&response);
}

static void test_response_to_head(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", more[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello";
	struct response response = { 0 };

	(void)state;
	assert_string_equal(read_all(&response, text, sizeof(text) - 1, 7, true), "");
	assert_int_equal(response.length, 5);
	assert_string_equal(read_all(&response, more, sizeof(more) - 1, 7, true), "");
	response_forget(&response);
}

static void test_file_as_body(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct response response = { 0 };

	(void)state;
	assert_null(read_all(&response, text, sizeof(text) - 1, 100, false));
	response_start(&response, false);
	assert_int_equal(response_take_file(&response, 10), -1); /* the head is missing */
	(void)read_all(&response, text, sizeof(text) - 1, 100, true);
	assert_int_equal(response_take_file(&response, 40), 0); /* HEAD */
	response_start(&response, false);
	for (size_t off = 0; off < sizeof(text) - 1;) {
		size_t body;

		off += response_read(&response, text + off, sizeof(text) - 1 - off, &body);
	}
	assert_int_equal(response_take_file(&response, 40), 40);
	assert_false(response.excess);
	assert_int_equal(response_take_file(&response, 40), 10);
	assert_true(response.excess && response_finish(&response));
	(void)read_all(&response, chunked, sizeof(chunked) - 1, 100, false);
	assert_int_equal(response_take_file(&response, 40), -1);
	response_forget(&response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout_of_version_3), cmocka_unit_test(test_layout_of_version_2_is_the_same),
		cmocka_unit_test(test_source_of_version_2_uses_pointers), cmocka_unit_test(test_responses),
		cmocka_unit_test(test_chunked_responses), cmocka_unit_test(test_garbage_is_no_response), cmocka_unit_test(test_nul_in_a_head),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_response_to_head), cmocka_unit_test(test_file_as_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
