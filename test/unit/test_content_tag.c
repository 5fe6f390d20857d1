/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes of file contents, of files and of memory. */
#define _GNU_SOURCE 1
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/files/content_tag.h"
#include "../../engine/files/load.h"
#include "../../engine/files/loader.h"

enum { CHUNK = CONTENT_TAG_CHUNK_BYTES, MAX = 40 * CHUNK };

static uint8_t data[MAX];
static int fd = -1;
static struct content_tags *tags;

static int setup(void **state)
{
	char path[] = "/tmp/tux-test-content-XXXXXX";

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	tags = content_tags_open();
	assert_non_null(tags);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	content_tags_free(tags);
	close(fd);
	return 0;
}

/* Rewrites the file and returns its stamp. */
static struct stamp put(size_t len)
{
	struct stamp stamp;
	struct stat st;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, data, len, 0), len);
	assert_int_equal(fstat(fd, &st), 0);
	stamp_from_stat(&stamp, &st);
	return stamp;
}

static void test_file_and_memory_have_the_same_hash(void **state)
{
	static const size_t sizes[] = { 0, 1, 8, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, MAX };
	uint64_t before = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct stamp stamp = put(sizes[i]);
		uint64_t hash;

		assert_true(content_tag_find(tags, &stamp) == 0);
		hash = content_tag_read(tags, fd, &stamp);
		assert_true(hash != 0 && hash != before);
		assert_true(hash == content_tag_of(data, sizes[i]));
		assert_true(hash == content_tag_find(tags, &stamp));
		before = hash;
	}
}

static void test_each_byte_counts(void **state)
{
	static const size_t offsets[] = { 0, CHUNK - 1, CHUNK, 2 * CHUNK + 5, MAX - 1 };
	const uint64_t hash = content_tag_of(data, MAX);

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		data[offsets[i]] ^= 1;
		assert_true(content_tag_of(data, MAX) != hash);
		data[offsets[i]] ^= 1;
	}
	assert_true(content_tag_of(data, MAX) == hash);
}

static void test_tag_is_the_same_in_every_version_of_the_program(void **state)
{
	uint8_t text[TUX_MAX_ETAG + 1] = { 0 };

	(void)state;
	memset(data, 'a', 2 * CHUNK);
	assert_int_equal(content_tag_format(content_tag_of(data, 2 * CHUNK), 2 * CHUNK, TUX_CODING_IDENTITY, text), 18);
	assert_string_equal((char *)text, "\"5e3c076aaabb44a8\"");
}

static void test_other_version_of_the_file_has_no_hash(void **state)
{
	struct stamp stamp = put(2 * CHUNK);

	(void)state;
	stamp.mtime_ns ^= 1; /* as if the file had been rewritten after its stamp was taken */
	assert_true(content_tag_read(tags, fd, &stamp) == 0);
	assert_true(content_tag_find(tags, &stamp) == 0);
	stamp = put(2 * CHUNK);
	assert_int_equal(ftruncate(fd, CHUNK), 0);
	assert_true(content_tag_read(tags, fd, &stamp) == 0);
}

static void test_change_in_the_future_has_no_hash(void **state)
{
	struct stamp stamp = put(CHUNK);

	(void)state;
	stamp.ctime_s += 1000; /* a write in the same tick of another machine's clock would not show */
	assert_true(content_tag_read(tags, fd, &stamp) == 0);
}

struct reader {
	pthread_t thread;
	struct stamp stamp;
	uint64_t hash;
};

static void *read_tag(void *argument)
{
	struct reader *reader = argument;

	reader->hash = content_tag_read(tags, fd, &reader->stamp);
	return NULL;
}

static void test_threads_read_one_version(void **state)
{
	struct reader reader[LOADER_THREADS];
	const struct stamp stamp = put(MAX);

	(void)state;
	for (int i = 0; i < LOADER_THREADS; i++) {
		reader[i].stamp = stamp;
		assert_int_equal(pthread_create(&reader[i].thread, NULL, read_tag, &reader[i]), 0);
	}
	for (int i = 0; i < LOADER_THREADS; i++)
		assert_int_equal(pthread_join(reader[i].thread, NULL), 0);
	for (int i = 0; i < LOADER_THREADS; i++)
		assert_true(reader[i].hash == content_tag_of(data, MAX));
}

static void test_stopped_tags_read_no_further(void **state)
{
	const struct stamp stamp = put(MAX);

	(void)state;
	content_tags_stop(tags);
	assert_true(content_tag_read(tags, fd, &stamp) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file_and_memory_have_the_same_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_byte_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tag_is_the_same_in_every_version_of_the_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_version_of_the_file_has_no_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change_in_the_future_has_no_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads_read_one_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped_tags_read_no_further, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
