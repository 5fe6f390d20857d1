/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listings of a temporary directory. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/files/listing.h"

/* Invalid UTF-8, then a control character, then a valid "caf\u00e9". */
#define BAD_NAME "sub/bad\xff\x01" "caf\xc3\xa9"

enum { MARKUP_MAX = 4096 };

static char root[] = "/tmp/tux-test-listing-XXXXXX";
static int root_fd = -1;
static struct tux_host host = { .path = root };

static void make_file(const char *path, const char *content, time_t mtime)
{
	const struct timespec times[2] = { { .tv_sec = mtime }, { .tv_sec = mtime } };
	int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdirat(root_fd, path, 0755), 0);
	assert_int_equal(fchmodat(root_fd, path, 0755, 0), 0);
}

static int group_setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(root));
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root_fd >= 0);
	host.root_fd = root_fd;
	make_directory("sub");
	make_directory("sub/deep");
	make_directory("empty");
	make_file("a10.txt", "0123456789", 1000);
	make_file("A2.txt", "01", 3000);
	make_file("b.txt", "0123", 2000);
	make_file(".hidden", "x", 1);
	make_file("private", "x", 1);
	assert_int_equal(fchmodat(root_fd, "private", 0600, 0), 0);
	make_file("sub/<script>&\"'.txt", "", 951782400);
	make_file("sub/java:script%2f", "", 0);
	make_file(BAD_NAME, "", 0);
	assert_int_equal(symlinkat("../b.txt", root_fd, "sub/link-inside"), 0);
	assert_int_equal(symlinkat("/etc/passwd", root_fd, "sub/link-outside"), 0);
	assert_int_equal(symlinkat("nowhere", root_fd, "sub/link-broken"), 0);
	assert_int_equal(mkfifoat(root_fd, "sub/fifo", 0644), 0);
	return 0;
}

static int group_teardown(void **state)
{
	static const char *const files[] = { "sub/<script>&\"'.txt", "sub/java:script%2f", BAD_NAME,
	                                     "sub/link-inside", "sub/link-outside", "sub/link-broken", "sub/fifo",
	                                     "a10.txt", "A2.txt", "b.txt", ".hidden", "private" };
	static const char *const directories[] = { "sub/deep", "sub", "empty" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(root_fd, files[i], 0);
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		unlinkat(root_fd, directories[i], AT_REMOVEDIR);
	close(root_fd);
	return rmdir(root);
}

/* Renders path of the root ("/" or "/sub/"), ended by NUL. The caller frees it. */
static char *render(const char *path, const char *query, bool json, struct tux_listing_request options)
{
	struct tux_listing_request req = options;
	uint8_t *text = NULL;
	size_t len = 0;
	char *out;

	req.host = &host;
	req.dir_fd = openat(root_fd, path[1] ? path + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(req.dir_fd >= 0);
	req.path = (const uint8_t *)path;
	req.path_len = (uint32_t)strlen(path);
	req.query = (const uint8_t *)query;
	req.query_len = (uint32_t)strlen(query);
	req.json = json;
	assert_true(tux_listing_render(&req, &text, &len));
	close(req.dir_fd);
	out = strndup((const char *)text, len);
	free(text);
	assert_non_null(out);
	assert_int_equal(strlen(out), len);
	return out;
}

static const struct tux_listing_request plain = { .modes = { .allowed = 4 } };

/* Checks that the texts occur in out in this order. */
static void assert_order(const char *out, const char *const *texts)
{
	for (; *texts; texts++) {
		const char *found = strstr(out, *texts);

		if (!found)
			fail_msg("\"%s\" is missing or not behind what should precede it, in:\n%s", *texts, out);
		out = found + strlen(*texts);
	}
}

static void test_order(void **state)
{
	static const char *const by_name[] = { ">empty/<", ">sub/<", ">A2.txt<", ">a10.txt<", ">b.txt<", NULL };
	static const char *const by_name_down[] = { ">sub/<", ">empty/<", ">b.txt<", ">a10.txt<", ">A2.txt<", NULL };
	static const char *const by_size[] = { ">empty/<", ">sub/<", ">A2.txt<", ">b.txt<", ">a10.txt<", NULL };
	static const char *const by_time_down[] = { "/<", ">A2.txt<", ">b.txt<", ">a10.txt<", NULL };
	const struct {
		const char *query;
		const char *const *order;
	} cases[] = {
		{ "", by_name },
		{ "sort=name", by_name },
		{ "sort=colour&order=sideways", by_name },
		{ "sort=name&order=desc", by_name_down },
		{ "order=desc&x=y&sort=name", by_name_down },
		{ "sort=size", by_size },
		{ "sort=time&order=desc", by_time_down },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out = render("/", cases[i].query, false, plain);

		assert_order(out, cases[i].order);
		free(out);
	}
}

static void test_hidden(void **state)
{
	char *out = render("/", "", false, plain);

	(void)state;
	assert_null(strstr(out, ".hidden"));
	assert_null(strstr(out, "private"));
	assert_null(strstr(out, "../"));
	free(out);
	out = render("/", "", false, (struct tux_listing_request){ .dot_files = true, .modes = { .allowed = 4 } });
	assert_non_null(strstr(out, ".hidden"));
	assert_null(strstr(out, "private"));
	free(out);
	out = render("/", "", false, (struct tux_listing_request){ .dot_files = false });
	assert_null(strstr(out, ".hidden"));
	assert_non_null(strstr(out, "private"));
	free(out);
}

static void test_links_and_special_files(void **state)
{
	char *out = render("/sub/", "", false, plain);

	(void)state;
	assert_non_null(strstr(out, "href=\"../\""));
	assert_non_null(strstr(out, ">link-inside</a></td><td>4 B</td>"));
	assert_null(strstr(out, "link-outside"));
	assert_null(strstr(out, "link-broken"));
	assert_null(strstr(out, "fifo"));
	free(out);
}

static void test_escaping(void **state)
{
	char *out = render("/sub/", "sort=%3Cscript%3E&<script>", false, plain);

	(void)state;
	assert_null(strstr(out, "<script>"));
	assert_non_null(strstr(out, "<a href=\"%3Cscript%3E%26%22%27.txt\">&lt;script&gt;&amp;&quot;&#39;.txt</a>"));
	assert_non_null(strstr(out, "<a href=\"java%3Ascript%252f\">java:script%2f</a>"));
	assert_non_null(strstr(out, "<a href=\"bad%FF%01caf%C3%A9\">bad\xef\xbf\xbd\xef\xbf\xbd" "caf\xc3\xa9</a>"));
	assert_non_null(strstr(out, "2000-02-29 00:00"));
	free(out);
}

static void test_json(void **state)
{
	static const char *const order[] = {
		"[\n{\"name\":\"deep\",\"href\":\"deep/\",\"type\":\"directory\",\"size\":0,\"mtime\":\"",
		"{\"name\":\"<script>&\\\"'.txt\",\"href\":\"%3Cscript%3E%26%22%27.txt\",\"type\":\"file\",\"size\":0,\"mtime\":\"2000-02-29T00:00:00Z\"},\n",
		"{\"name\":\"bad\xef\xbf\xbd\\u0001caf\xc3\xa9\",\"href\":\"bad%FF%01caf%C3%A9\",\"type\":\"file\",\"size\":0,\"mtime\":\"1970-01-01T00:00:00Z\"}",
		"\n]\n",
		NULL,
	};
	char *out = render("/sub/", "", true, plain);

	(void)state;
	assert_order(out, order);
	free(out);
	out = render("/empty/", "", true, plain);
	assert_string_equal(out, "[\n]\n");
	free(out);
}

static void test_breadcrumbs(void **state)
{
	static const char *const order[] = { "<a href=\"../../\">Home</a>", "<a href=\"../\">sub</a>", "deep<", "</h1>", NULL };
	char *out = render("/sub/deep/", "", false, plain);

	(void)state;
	assert_order(out, order);
	free(out);
}

static void test_markup_is_small(void **state)
{
	char *out = render("/empty/", "", false, plain);

	(void)state;
	assert_in_range(strlen(out), 1, MARKUP_MAX);
	free(out);
}

static void test_not_a_directory(void **state)
{
	struct tux_listing_request req = { .host = &host, .dir_fd = -1, .path = (const uint8_t *)"/", .path_len = 1 };
	uint8_t *text;
	size_t len;

	(void)state;
	assert_false(tux_listing_render(&req, &text, &len));
	assert_null(text);
	assert_int_equal(len, 0);
}

static bool is_digit(char letter)
{
	return letter >= '0' && letter <= '9';
}

static int lower(char letter)
{
	return (unsigned char)(letter >= 'A' && letter <= 'Z' ? letter + 'a' - 'A' : letter);
}

/* The natural order, as it reads: numbers by value, letters without case, then byte by byte. */
static int compare(const char *a, const char *b)
{
	const char *const whole_a = a, *const whole_b = b;

	while (*a && *b) {
		if (is_digit(*a) && is_digit(*b)) {
			char *end_a, *end_b;
			const unsigned long long x = strtoull(a, &end_a, 10), y = strtoull(b, &end_b, 10);

			if (x != y)
				return x < y ? -1 : 1;
			a = end_a;
			b = end_b;
		} else if (lower(*a) != lower(*b)) {
			return lower(*a) - lower(*b);
		} else {
			a++;
			b++;
		}
	}
	if (*a || *b)
		return *a ? 1 : -1;
	return strcmp(whole_a, whole_b);
}

/* Names from few letters, so that many share their beginning, or differ in case and leading zeros only. */
static void random_name(char name[24], const char *prefix)
{
	static const char letters[] = "0019aAbB-z";
	const int prefix_len = snprintf(name, 24, "%s", prefix);
	const int len = 1 + (int)(random() % 9);

	for (int i = 0; i < len; i++)
		name[prefix_len + i] = letters[(size_t)random() % (sizeof(letters) - 1)];
	name[prefix_len + len] = '\0';
}

static void check_order(const char *query, const char *prefix, bool descending)
{
	enum { NAMES = 150 };
	char names[NAMES][24], last[24] = "", path[MARKUP_MAX];
	const char *at;
	unsigned count = 0, made = 0;
	char *out;

	srandom(7);
	make_directory("order");
	for (int i = 0; i < NAMES; i++) {
		struct stat st;

		random_name(names[i], prefix);
		snprintf(path, sizeof(path), "order/%s", names[i]);
		made += fstatat(root_fd, path, &st, 0) != 0;
		make_file(path, "1234567" + random() % 3, 1 + random() % 2);
	}
	out = render("/order/", query, true, plain);
	for (at = out; (at = strstr(at, "{\"name\":\"")) != NULL; count++) {
		char name[24];
		size_t len = strcspn(at + 9, "\"");

		memcpy(name, at + 9, len);
		name[len] = '\0';
		if (count > 0 && strncmp(query, "sort=name", 9) == 0)
			assert_true(descending ? compare(last, name) > 0 : compare(last, name) < 0);
		strcpy(last, name);
		at += 9;
	}
	assert_int_equal(count, made);
	free(out);
	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "order/%s", names[i]);
		unlinkat(root_fd, path, 0);
	}
	unlinkat(root_fd, "order", AT_REMOVEDIR);
}

static void test_names_are_in_natural_order(void **state)
{
	(void)state;
	check_order("sort=name", "", false);
	check_order("sort=name&order=desc", "", true);
	check_order("sort=name", "file-", false);
}

/* Checks that entries of equal size or time are in the order of their names, whatever the order of the column. */
static void check_column(const char *query, const char *const *expected)
{
	char *out;

	make_directory("equal");
	make_directory("equal/sub1");
	make_directory("equal/sub2");
	make_file("equal/b", "123", 1000);
	make_file("equal/a", "12", 1001);
	make_file("equal/c", "12", 1000);
	make_file("equal/d", "123", -1);
	out = render("/equal/", query, true, plain);
	assert_order(out, expected);
	free(out);
	for (const char *name = "abcd"; *name; name++) {
		const char path[] = { 'e', 'q', 'u', 'a', 'l', '/', *name, '\0' };

		unlinkat(root_fd, path, 0);
	}
	unlinkat(root_fd, "equal/sub1", AT_REMOVEDIR);
	unlinkat(root_fd, "equal/sub2", AT_REMOVEDIR);
	unlinkat(root_fd, "equal", AT_REMOVEDIR);
}

static void test_equal_entries_are_in_order_of_names(void **state)
{
	static const char *const sizes[] = { "\"sub1\"", "\"sub2\"", "\"a\"", "\"c\"", "\"b\"", "\"d\"", NULL };
	static const char *const sizes_down[] = { "\"sub1\"", "\"sub2\"", "\"b\"", "\"d\"", "\"a\"", "\"c\"", NULL };
	static const char *const times[] = { "\"d\"", "1969-12-31T23:59:59Z", "\"b\"", "\"c\"", "\"a\"", "1970-01-01T00:16:41Z", NULL };
	static const char *const times_down[] = { "\"a\"", "\"b\"", "\"c\"", "\"d\"", NULL };

	(void)state;
	check_column("sort=size", sizes);
	check_column("sort=size&order=desc", sizes_down);
	check_column("sort=time", times);
	check_column("sort=time&order=desc", times_down);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_in_natural_order),
		cmocka_unit_test(test_equal_entries_are_in_order_of_names),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_links_and_special_files),
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_breadcrumbs),
		cmocka_unit_test(test_markup_is_small),
		cmocka_unit_test(test_not_a_directory),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
