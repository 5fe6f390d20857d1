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
	MAX_PENDING = 64,       /* files with lines that are not written yet */
	CLOSE_SECONDS = 5,      /* wait for the reader of a full pipe to continue */
	BATCH_WAIT_NS = 2000000, /* lets a batch grow: one wake-up and one write for many requests */
};

struct tux_log {
	struct tux_log_file **file;    /* each file once */
	unsigned file_count;
	struct tux_log_file *pending[MAX_PENDING]; /* files with lines that are not written yet */
	struct tux_log_lines *lines[MAX_PENDING];  /* buffers of those files; one for each file if there are fewer files */
	unsigned pending_count;
	uint32_t *slot;                /* hash table of paths: 1 + number of a file; 0 = empty */
	uint32_t slot_mask;
	struct tux_log_file **of_host; /* for each host; NULL = no log */
	unsigned host_count;
	bool for_people;       /* one of the files has lines for people */
	struct tux_engine *engine;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
	atomic_bool reopening;
	atomic_ullong unwanted; /* records of hosts without a log */
	uint8_t records[RECORDS_BYTES];
};

_Static_assert((int)RECORDS_BYTES >= (int)TUX_ACCESS_RECORD_MAX, "a batch holds the largest record");

static void log_free(struct tux_log *log)
{
	while (log->file_count > 0)
		tux_log_file_close(log->file[--log->file_count]);
	free(log->file);
	for (unsigned i = 0; i < MAX_PENDING; i++)
		free(log->lines[i]);
	free(log->slot);
	free(log->of_host);
	free(log);
}

struct tux_log *tux_log_open(unsigned hosts)
{
	struct tux_log *log = calloc(1, sizeof(*log));
	uint32_t slots = 16;

	if (!log)
		return NULL;
	while (slots < 2 * hosts)
		slots *= 2;
	tzset(); /* before the sandbox makes the time zone's file unreadable */
	log->file = calloc(hosts, sizeof(struct tux_log_file *));
	log->of_host = calloc(hosts, sizeof(struct tux_log_file *));
	log->slot = calloc(slots, sizeof(*log->slot));
	log->slot_mask = slots - 1;
	log->host_count = hosts;
	if (log->file && log->of_host && log->slot)
		return log;
	log_free(log);
	return NULL;
}

/* Returns the slot of a path (NULL = the standard output): the one of the file with this path, or an empty one. */
static uint32_t *slot_find(const struct tux_log *log, const char *path)
{
	uint32_t at = 0;

	for (const char *octet = path; octet && *octet != '\0'; octet++)
		at = at * 31 + (uint8_t)*octet;
	for (at = (at ^ at >> 15) & log->slot_mask; log->slot[at] != 0; at = (at + 1) & log->slot_mask) {
		const char *const other = tux_log_file_path(log->file[log->slot[at] - 1]);

		if (path && other ? strcmp(path, other) == 0 : path == other)
			break;
	}
	return &log->slot[at];
}

bool tux_log_add(struct tux_log *log, unsigned host, const char *name, enum tux_log_format format, const struct tux_user *user, char *error,
                 size_t error_size)
{
	struct tux_log_file *file = tux_log_file_open(name, format, user, error, error_size);
	uint32_t *slot;

	if (!file)
		return false;
	if (log->file_count < MAX_PENDING && !log->lines[log->file_count])
		log->lines[log->file_count] = tux_log_lines_new();
	if (log->file_count < MAX_PENDING && !log->lines[log->file_count]) {
		snprintf(error, error_size, "no memory for the log");
		tux_log_file_close(file);
		return false;
	}
	slot = slot_find(log, tux_log_file_path(file));
	if (*slot != 0) {
		tux_log_file_close(file);
	} else {
		log->file[log->file_count++] = file;
		*slot = log->file_count;
	}
	log->of_host[host] = log->file[*slot - 1];
	log->for_people = log->for_people || tux_log_file_for_people(log->of_host[host]);
	return true;
}

void tux_log_share(struct tux_log *log, unsigned host, unsigned other)
{
	log->of_host[host] = log->of_host[other];
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

	for (i = 0; i < log->file_count; i++) {
		const char *const one = tux_log_file_directory(log->file[i]);

		if (one && (count == 0 || strcmp(one, directories[count - 1]) != 0)) /* files of many hosts often follow in one directory */
			directories[count++] = one;
	}
	return count;
}

/* Writes the lines of all files that have any. */
static void pending_flush(struct tux_log *log)
{
	while (log->pending_count > 0) {
		const unsigned lost = tux_log_file_flush(log->pending[--log->pending_count]);

		if (lost > 0)
			tux_engine_records_fail(log->engine, lost);
	}
}

/* Adds the line of a record to its file. There may be 100,000 files, so only those with lines have a buffer. */
static void record_add(struct tux_log *log, struct tux_log_file *file, const struct tux_access_record *record, const uint8_t *text)
{
	if (!tux_log_file_has_lines(file)) {
		if (log->pending_count == MAX_PENDING)
			pending_flush(log);
		tux_log_file_lend(file, log->lines[log->pending_count]);
		log->pending[log->pending_count++] = file;
	}
	tux_log_file_add(file, record, text);
}

/* Writes len bytes of records as lines to the files of their hosts. */
static void records_write(struct tux_log *log, size_t len)
{
	size_t off = 0;

	while (len - off >= sizeof(struct tux_access_record)) {
		struct tux_access_record record;
		uint32_t host;

		memcpy(&record, log->records + off, sizeof(record));
		if (record.size < sizeof(record) || record.size > len - off)
			break;
		host = tux_access_record_host(&record);
		if (host < log->host_count && log->of_host[host])
			record_add(log, log->of_host[host], &record, log->records + off + sizeof(record));
		else
			atomic_fetch_add(&log->unwanted, 1);
		off += record.size;
	}
	pending_flush(log);
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
