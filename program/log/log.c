/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access log's thread. It reads whole batches of records and writes once per file and batch. */
#define _GNU_SOURCE 1
#include "log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	RECORDS_BYTES = 256 * 1024,
	CLOSE_SECONDS = 5,      /* wait for the reader of a full pipe to continue */
	BATCH_WAIT_NS = 2000000, /* lets a batch grow: one wake-up and one write for many requests */
};

struct tux_log {
	struct tux_log_file **file;    /* each file once */
	unsigned file_count;
	struct tux_log_file **of_site; /* for each site; NULL = no log */
	unsigned site_count;
	bool for_people;       /* one of the files has lines for people */
	struct tux_engine *engine;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
	atomic_bool reopening;
	atomic_ullong unwanted; /* records of sites without a log */
	uint8_t records[RECORDS_BYTES];
};

_Static_assert((int)RECORDS_BYTES >= (int)TUX_ACCESS_RECORD_MAX, "a batch holds the largest record");

static void log_free(struct tux_log *log)
{
	while (log->file_count > 0)
		tux_log_file_close(log->file[--log->file_count]);
	free(log->file);
	free(log->of_site);
	free(log);
}

struct tux_log *tux_log_open(unsigned sites)
{
	struct tux_log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	tzset(); /* before the sandbox makes the time zone's file unreadable */
	log->file = calloc(sites, sizeof(struct tux_log_file *));
	log->of_site = calloc(sites, sizeof(struct tux_log_file *));
	log->site_count = sites;
	if (log->file && log->of_site)
		return log;
	log_free(log);
	return NULL;
}

bool tux_log_add(struct tux_log *log, unsigned site, const char *name, enum tux_log_format format, const struct tux_user *user, char *error,
                 size_t error_size)
{
	struct tux_log_file *file = tux_log_file_open(name, format, user, error, error_size);
	unsigned i;

	if (!file)
		return false;
	for (i = 0; i < log->file_count && !tux_log_file_same(log->file[i], file); i++)
		;
	if (i < log->file_count)
		tux_log_file_close(file);
	else
		log->file[log->file_count++] = file;
	log->of_site[site] = log->file[i];
	log->for_people = log->for_people || tux_log_file_for_people(log->file[i]);
	return true;
}

void tux_log_share(struct tux_log *log, unsigned site, unsigned other)
{
	log->of_site[site] = log->of_site[other];
}

void tux_log_rotate(struct tux_log *log, uint64_t bytes, unsigned keep)
{
	unsigned i;

	for (i = 0; i < log->file_count; i++)
		tux_log_file_rotate(log->file[i], bytes, keep);
}

unsigned tux_log_directories(const struct tux_log *log, const char **directories)
{
	unsigned i, count = 0;

	for (i = 0; i < log->file_count; i++)
		if (tux_log_file_directory(log->file[i]))
			directories[count++] = tux_log_file_directory(log->file[i]);
	return count;
}

/* Writes len bytes of records as lines to the files of their sites. */
static void records_write(struct tux_log *log, size_t len)
{
	size_t off = 0;
	unsigned i;

	while (len - off >= sizeof(struct tux_access_record)) {
		struct tux_access_record record;
		uint32_t site;

		memcpy(&record, log->records + off, sizeof(record));
		if (record.size < sizeof(record) || record.size > len - off)
			break;
		site = tux_access_record_site(&record);
		if (site < log->site_count && log->of_site[site])
			tux_log_file_add(log->of_site[site], &record, log->records + off + sizeof(record));
		else
			atomic_fetch_add(&log->unwanted, 1);
		off += record.size;
	}
	for (i = 0; i < log->file_count; i++) {
		const unsigned lost = tux_log_file_flush(log->file[i]);

		if (lost > 0)
			tux_engine_records_fail(log->engine, lost);
	}
}

/* Runs the log's thread. Before it ends, it writes all records that the engine has at the time of the stop. */
static void *thread_run(void *arg)
{
	const struct timespec batch = { .tv_nsec = BATCH_WAIT_NS };
	struct tux_log *log = arg;
	unsigned i;

	pthread_setname_np(pthread_self(), "tux log");
	for (;;) {
		const bool last = atomic_load(&log->stopping);
		size_t len = tux_engine_records_read(log->engine, log->records, sizeof(log->records));

		if (len > 0)
			records_write(log, len);
		if (atomic_exchange(&log->reopening, false))
			for (i = 0; i < log->file_count; i++)
				tux_log_file_reopen(log->file[i]);
		if (len > 0)
			continue;
		if (last)
			return NULL;
		tux_engine_records_wait(log->engine, -1);
		if (!log->for_people && !atomic_load(&log->stopping))
			nanosleep(&batch, NULL);
	}
}

bool tux_log_start(struct tux_log *log, struct tux_engine *engine, char *error, size_t error_size)
{
	int rc;

	log->engine = engine;
	rc = pthread_create(&log->thread, NULL, thread_run, log);
	if (rc != 0)
		snprintf(error, error_size, "cannot start the log's thread: %s", strerror(rc));
	log->started = rc == 0;
	return log->started;
}

void tux_log_reopen(struct tux_log *log)
{
	if (!log->started)
		return;
	atomic_store(&log->reopening, true);
	tux_engine_records_wake(log->engine);
}

/* Returns the number of lines written to all files. */
static uint64_t written(const struct tux_log *log)
{
	uint64_t lines = 0;

	for (unsigned i = 0; i < log->file_count; i++)
		lines += tux_log_file_written(log->file[i]);
	return lines;
}

/* Counts all records that the blocked thread has not written as lost. */
static void rest_lose(struct tux_log *log)
{
	struct tux_counters counters;
	uint64_t known;

	tux_engine_counters(log->engine, &counters);
	known = counters.records_lost + atomic_load(&log->unwanted) + written(log);
	if (counters.requests > known)
		tux_engine_records_fail(log->engine, counters.requests - known);
	fprintf(stderr, "tux: nobody reads the log: its last %llu lines are lost\n",
	        (unsigned long long)(counters.requests > known ? counters.requests - known : 0));
}

bool tux_log_close(struct tux_log *log)
{
	struct timespec until;
	uint64_t before;

	if (log->started) {
		atomic_store(&log->stopping, true);
		tux_engine_records_wake(log->engine);
		do { /* waits for a slow reader while it makes progress */
			before = written(log);
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_sec += CLOSE_SECONDS;
			if (pthread_timedjoin_np(log->thread, NULL, &until) == 0) {
				log_free(log);
				return true;
			}
		} while (written(log) != before);
		rest_lose(log);
		return false;
	}
	log_free(log);
	return true;
}
