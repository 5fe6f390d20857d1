/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads binary logs: complete, truncated, joined and invalid ones. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../program/log/binary.h"

static uint8_t file[2 << 20];
static size_t file_len;
static char *lines; /* the output */
static size_t lines_len;

static void add(const void *bytes, size_t len)
{
	assert_true(file_len + len <= sizeof(file));
	memcpy(file + file_len, bytes, len);
	file_len += len;
}

static void add_header(void)
{
	const struct tux_log_header header = tux_log_header_make();

	add(&header, sizeof(header));
}

/* Adds a GET of a target, at second number since 1970. */
static void add_record(const char *target, unsigned number)
{
	struct tux_access_record record = { .status = 200, .minor = 1, .time_us = number * 1000000ll, .method_len = 3,
	                             .target_len = (uint16_t)strlen(target) };

	record.size = (uint32_t)(sizeof(record) + 3 + strlen(target));
	add(&record, sizeof(record));
	add("GET", 3);
	add(target, strlen(target));
}

/* Like add_header() and add_record(), but in version 1 of the format. */
static void add_first_version(const char *target)
{
	struct tux_log_header header = tux_log_header_make();
	struct tux_access_record record = { .status = 200, .minor = 1, .method_len = 3, .target_len = (uint16_t)strlen(target) };

	header.version = 1;
	header.record_bytes = 64;
	record.size = (uint32_t)(64 + 3 + strlen(target));
	add(&header, sizeof(header));
	add(&record, 64);
	add("GET", 3);
	add(target, strlen(target));
}

/* Like add_first_version(), but for version 2. */
static void add_second_version(const char *target)
{
	struct tux_log_header header = tux_log_header_make();
	struct tux_access_record record = { .status = 200, .minor = 1, .method_len = 3, .target_len = (uint16_t)strlen(target), .received_bytes = 77 };

	header.version = 2;
	header.record_bytes = 80;
	record.size = (uint32_t)(80 + 3 + strlen(target));
	add(&header, sizeof(header));
	add(&record, 80);
	add("GET", 3);
	add(target, strlen(target));
}

static bool convert(enum tux_log_style style)
{
	const int fd = memfd_create("log", 0);
	FILE *out;
	bool done;

	free(lines);
	out = open_memstream(&lines, &lines_len);
	assert_non_null(out);
	assert_int_equal(write(fd, file, file_len), (ssize_t)file_len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	done = tux_log_convert(fd, "test", style, out);
	fclose(out);
	close(fd);
	return done;
}

static unsigned line_count(void)
{
	unsigned count = 0;
	size_t i;

	for (i = 0; i < lines_len; i++)
		count += lines[i] == '\n';
	return count;
}

static int empty(void **state)
{
	(void)state;
	file_len = 0;
	return 0;
}

static void test_nothing(void **state)
{
	(void)state;
	assert_true(convert(TUX_LOG_COMBINED));
	assert_int_equal(lines_len, 0);
	add_header();
	assert_true(convert(TUX_LOG_COMBINED));
	assert_int_equal(lines_len, 0);
}

static void test_joined(void **state)
{
	(void)state;
	add_header();
	add_record("/a", 1);
	add_record("/b", 2);
	add_header();
	add_record("/c", 3);
	assert_true(convert(TUX_LOG_COMBINED));
	assert_string_equal(lines, "unix: - - [01/Jan/1970:00:00:01 +0000] \"GET /a HTTP/1.1\" 200 0 \"-\" \"-\"\n"
	                           "unix: - - [01/Jan/1970:00:00:02 +0000] \"GET /b HTTP/1.1\" 200 0 \"-\" \"-\"\n"
	                           "unix: - - [01/Jan/1970:00:00:03 +0000] \"GET /c HTTP/1.1\" 200 0 \"-\" \"-\"\n");
	assert_true(convert(TUX_LOG_JSON));
	assert_int_equal(line_count(), 3);
}

/* A log started by earlier versions can be read. */
static void test_earlier_versions(void **state)
{
	(void)state;
	file_len = 0;
	add_first_version("/old");
	add_second_version("/later");
	add_header();
	add_record("/new", 2);
	assert_true(convert(TUX_LOG_JSON));
	assert_int_equal(line_count(), 3);
	assert_non_null(strstr(lines, "\"target\":\"/old\""));
	assert_non_null(strstr(lines, "\"target\":\"/later\""));
	assert_non_null(strstr(lines, "\"bytes_in\":77"));
	assert_null(strstr(lines, "tls"));
	assert_non_null(strstr(lines, "\"target\":\"/new\""));
}

/* More than the buffer holds, so that its end cuts records at every position. */
static void test_many(void **state)
{
	unsigned i;

	(void)state;
	add_header();
	for (i = 0; i < 12000; i++)
		add_record(&"/abcdefghijklm"[i % 13], i);
	assert_true(file_len > 3 * 256 * 1024);
	assert_true(convert(TUX_LOG_COMBINED));
	assert_int_equal(line_count(), 12000);
}

/* A record truncated by a full disk: the records after the next header are read. */
static void test_cut_and_on(void **state)
{
	size_t whole;

	(void)state;
	add_header();
	add_record("/a", 1);
	whole = file_len;
	add_record("/lost", 2);
	for (size_t cut = whole + 1; cut < whole + 60; cut++) {
		file_len = cut;
		add_header();
		add_record("/c", 3);
		assert_false(convert(TUX_LOG_COMBINED));
		assert_int_equal(line_count(), 2);
		assert_non_null(strstr(lines, "/a "));
		assert_non_null(strstr(lines, "/c "));
		file_len = whole;
		add_record("/lost", 2);
	}
}

static void test_cut_at_the_end(void **state)
{
	(void)state;
	add_header();
	add_record("/a", 1);
	add_record("/b", 2);
	for (file_len--; file_len > sizeof(struct tux_log_header) + sizeof(struct tux_access_record) + 5; file_len--) {
		assert_false(convert(TUX_LOG_COMBINED));
		assert_int_equal(line_count(), 1);
	}
}

static void test_not_a_log(void **state)
{
	static const char text[] = "192.0.2.7 - - [29/Feb/2000:12:34:56 +0000] \"GET /a?b HTTP/1.1\" 200 12345 \"-\" \"-\"\n";

	(void)state;
	add(text, sizeof(text) - 1);
	assert_false(convert(TUX_LOG_COMBINED));
	assert_int_equal(lines_len, 0);
	file_len = 0;
	add_record("/no-header", 1);
	assert_false(convert(TUX_LOG_COMBINED));
	assert_int_equal(lines_len, 0);
}

static void test_foreign(void **state)
{
	struct tux_log_header header = tux_log_header_make();

	(void)state;
	header.version++;
	add(&header, sizeof(header));
	add_record("/a", 1);
	assert_false(convert(TUX_LOG_COMBINED));
	assert_int_equal(lines_len, 0);
}

/*
 * Times outside the calendar, and every byte of a log changed: no text leaves its place in a line, and sanitizers report nothing.
 */
static void test_mutated(void **state)
{
	static uint8_t whole[4096];
	size_t whole_len;
	uint32_t random = 4;

	(void)state;
	add_header();
	add_record("/a", 1);
	add_record("/b?c", 2);
	add_header();
	add_record("/d", 3);
	whole_len = file_len;
	memcpy(whole, file, whole_len);
	assert_int_equal(freopen("/dev/null", "w", stderr) != NULL, 1);
	for (unsigned round = 0; round < 3000; round++) {
		memcpy(file, whole, whole_len);
		file_len = whole_len;
		for (unsigned changes = 0; changes < 1 + round % 3; changes++) {
			random = random * 1664525 + 1013904223;
			file[(random >> 8) % whole_len] = (uint8_t)(random >> 24);
		}
		convert(round % 2 ? TUX_LOG_JSON : TUX_LOG_COMBINED);
		for (size_t i = 0; i < lines_len; i++)
			assert_true(lines[i] == '\n' || (lines[i] >= 0x20 && lines[i] < 0x7f));
		assert_true(line_count() <= 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_earlier_versions, empty),
		cmocka_unit_test_setup(test_nothing, empty),        cmocka_unit_test_setup(test_joined, empty),
		cmocka_unit_test_setup(test_many, empty),           cmocka_unit_test_setup(test_cut_and_on, empty),
		cmocka_unit_test_setup(test_cut_at_the_end, empty), cmocka_unit_test_setup(test_not_a_log, empty),
		cmocka_unit_test_setup(test_foreign, empty),        cmocka_unit_test_setup(test_mutated, empty),
	};
	int failed;

	setenv("TZ", "UTC0", 1);
	tzset();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(lines);
	return failed;
}
