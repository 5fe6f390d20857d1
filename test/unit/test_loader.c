/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests the groups of a loader with jobs that run until the test ends them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/files/loader.h"

enum {
	MORE = 5, /* jobs of a group that wait for the others */
	REST = LOADER_READERS - LOADER_DISK,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned running, ended;
static bool hang;

static void run(struct job *job)
{
	pthread_mutex_lock(&lock);
	running++;
	pthread_cond_broadcast(&changed);
	while (hang)
		pthread_cond_wait(&changed, &lock);
	running--;
	ended++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	free(job);
}

static struct job *job_new(uint64_t group)
{
	struct job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	job->run = run;
	job->group = group;
	return job;
}

static void wait_for(const unsigned *count, unsigned value)
{
	pthread_mutex_lock(&lock);
	while (*count != value)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void let_end(void)
{
	pthread_mutex_lock(&lock);
	hang = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int begin(void **state)
{
	static struct loader loader;

	running = ended = 0;
	hang = true;
	*state = &loader;
	memset(&loader, 0, sizeof(loader));
	return loader_start(&loader, &(struct loader_limits){ .first = 1, .most = LOADER_READERS, .each = LOADER_DISK }) ? 0 : -1;
}

static void test_hanging_group_leaves_threads_for_others(void **state)
{
	struct loader *loader = *state;
	struct job *job;

	for (int i = 0; i < LOADER_DISK + MORE; i++)
		assert_true(loader_submit(loader, job_new(7)));
	wait_for(&running, LOADER_DISK);
	job = job_new(7);
	assert_false(loader_submit_at_once(loader, job));
	for (int i = 0; i < REST; i++)
		assert_true(loader_submit(loader, job_new(8 + (uint64_t)i % 4)));
	wait_for(&running, LOADER_READERS);
	let_end();
	wait_for(&ended, LOADER_READERS + MORE);
	assert_true(loader_submit(loader, job));
	wait_for(&ended, LOADER_READERS + MORE + 1);
	loader_stop(loader);
}

static void test_more_groups_than_slots_run(void **state)
{
	struct loader *loader = *state;

	for (int i = 0; i < LOADER_READERS; i++)
		assert_true(loader_submit(loader, job_new(100 + (uint64_t)i % (LOADER_GROUPS + 4))));
	wait_for(&running, LOADER_READERS);
	let_end();
	wait_for(&ended, LOADER_READERS);
	loader_stop(loader);
}

static void test_stop_delivers_jobs_that_wait_for_their_group(void **state)
{
	struct loader *loader = *state;
	struct inbox inbox;
	struct job *job;
	unsigned waiting = 0;

	assert_true(inbox_open(&inbox));
	for (int i = 0; i < LOADER_DISK + MORE; i++) {
		job = job_new(7);
		if (i >= LOADER_DISK)
			job->inbox = &inbox;
		assert_true(loader_submit(loader, job));
	}
	wait_for(&running, LOADER_DISK);
	pthread_mutex_lock(&loader->lock);
	loader->stopping = true; /* as loader_stop() sets it, before any job ends */
	pthread_mutex_unlock(&loader->lock);
	let_end();
	loader_stop(loader);
	for (job = inbox_take(&inbox); job != NULL; waiting++) {
		struct job *next = job->next;

		free(job);
		job = next;
	}
	assert_int_equal(ended, LOADER_DISK);
	assert_int_equal(waiting, MORE);
	inbox_free(&inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hanging_group_leaves_threads_for_others, begin),
		cmocka_unit_test_setup(test_more_groups_than_slots_run, begin),
		cmocka_unit_test_setup(test_stop_delivers_jobs_that_wait_for_their_group, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
