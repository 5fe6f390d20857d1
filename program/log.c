/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access log's thread: whole batches of records in, one write out. A failing disk never stops serving. */
#define _GNU_SOURCE 1
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log_binary.h"

enum {
	RECORDS_BYTES = 256 * 1024,
	LINES_BYTES = 256 * 1024,
	MAX_LINES = 4096, /* in that */
	CLOSE_SECONDS = 5,      /* that closing waits for a reader of a full pipe */
	BATCH_WAIT_NS = 2000000, /* to let a batch grow: one wake-up and one write for many requests */
};

struct tux_log {
	int fd;
	enum tux_log_style style;
	char *directory; /* absolute; NULL on the standard output */
	char *path;      /* absolute; NULL on the standard output */
	struct tux_engine *engine;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
	atomic_bool reopening;
	atomic_ullong written; /* records */
	uint64_t rotate_bytes; /* no file grows beyond this; 0: there is no rotation */
	unsigned keep;   /* files that were rotated */
	bool rotates;    /* it is a regular file, and rotate_bytes is not 0 */
	bool stuck;      /* it could not be rotated, and that has been said */
	uint64_t file_bytes; /* when it rotates: of the file, as far as is known */
	uint64_t rotate_at;  /* bytes of the file; rotate_bytes, or more after a rotation that failed */
	bool header_due; /* in a binary log, before the next record */
	bool failing; /* the last write failed, and that has been said */
	struct tux_log_clock clock;
	size_t lines_len;
	unsigned lines_count;
	uint32_t lines_end[MAX_LINES]; /* where each ends */
	uint8_t records[RECORDS_BYTES];
	char line[TUX_LOG_LINE_MAX];
	char lines[LINES_BYTES];
};

_Static_assert((int)RECORDS_BYTES >= (int)TUX_RECORD_MAX, "a batch holds the largest record");
_Static_assert((int)LINES_BYTES >= (int)TUX_LOG_LINE_MAX + (int)sizeof(struct tux_log_header), "the buffer holds the longest line");

/* Owner and group may read: a log says who was here. */
static int file_open(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
}

/* Splits name into its directory, made absolute, and the whole path. False with errno. */
static bool path_resolve(struct tux_log *log, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	char *parent = slash ? strndup(name, slash == name ? 1 : (size_t)(slash - name)) : strdup(".");

	if (!parent)
		return false;
	log->directory = realpath(parent, NULL);
	free(parent);
	if (!log->directory)
		return false;
	return asprintf(&log->path, "%s/%s", strcmp(log->directory, "/") == 0 ? "" : log->directory, base) >= 0;
}

static void log_free(struct tux_log *log)
{
	if (log->path && log->fd >= 0)
		close(log->fd);
	free(log->directory);
	free(log->path);
	free(log);
}

enum tux_log_style tux_log_style_for(enum tux_log_format format, int fd)
{
	static const enum tux_log_style styles[] = { [TUX_LOG_FORMAT_COMBINED] = TUX_LOG_COMBINED,
	                                             [TUX_LOG_FORMAT_JSON] = TUX_LOG_JSON,
	                                             [TUX_LOG_FORMAT_BINARY] = TUX_LOG_BINARY };
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	if (format != TUX_LOG_FORMAT_AUTO)
		return styles[format];
	if (!isatty(fd))
		return TUX_LOG_COMBINED;
	if ((no_colour && *no_colour) || !term || strcmp(term, "dumb") == 0)
		return TUX_LOG_PLAIN;
	return TUX_LOG_COLOUR;
}

/* Looks at the file that was opened: whether it can be rotated, and what is in it. */
static void file_begin(struct tux_log *log)
{
	struct stat st;

	log->rotates = log->rotate_bytes > 0 && fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode);
	log->file_bytes = log->rotates ? (uint64_t)st.st_size : 0;
	log->rotate_at = log->rotate_bytes;
	log->header_due = true;
}

struct tux_log *tux_log_open(const char *name, enum tux_log_format format, char *error, size_t error_size)
{
	struct tux_log *log = calloc(1, sizeof(*log));

	if (!log) {
		snprintf(error, error_size, "no memory for the log");
		return NULL;
	}
	tzset(); /* while the time zone's file can still be read */
	if (strcmp(name, "-") == 0) {
		log->fd = STDOUT_FILENO;
		log->style = tux_log_style_for(format, log->fd);
		file_begin(log);
		return log;
	}
	log->fd = -1;
	if (path_resolve(log, name))
		log->fd = file_open(log->path);
	if (log->fd < 0) {
		snprintf(error, error_size, "cannot open the log %s: %s", name, strerror(errno));
		log_free(log);
		return NULL;
	}
	log->style = tux_log_style_for(format, log->fd);
	file_begin(log);
	return log;
}

void tux_log_rotate(struct tux_log *log, uint64_t bytes, unsigned keep)
{
	log->rotate_bytes = log->path ? bytes : 0;
	log->keep = keep;
	file_begin(log);
}

void tux_log_give(struct tux_log *log, uid_t uid, gid_t gid)
{
	struct stat st;

	/* A regular file of ours alone: not /dev/null, nor what somebody else linked to here. Where the file
	 * system knows no owners it fails, and opening again will say so if that matters. */
	if (log->path && fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid == geteuid() &&
	    fchown(log->fd, uid, gid) < 0)
		return;
}

const char *tux_log_directory(const struct tux_log *log)
{
	return log->directory;
}

/* Says once that writing fails, not with every batch. */
static void write_failed(struct tux_log *log, unsigned lines, int error)
{
	if (!log->failing)
		fprintf(stderr, "tux: cannot write the log%s%s: %s; records are lost until it works again\n",
		        log->path ? " " : "", log->path ? log->path : "", strerror(error));
	log->failing = true;
	log->header_due = true; /* a record may have been cut off */
	tux_engine_records_fail(log->engine, lines);
}

/* Waits for room in a pipe or terminal that does not block. */
static bool writable_wait(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return poll(&pfd, 1, -1) > 0 || errno == EINTR;
}

static void lines_flush(struct tux_log *log)
{
	unsigned whole = 0; /* lines that are written to their end */
	size_t done = 0;

	while (done < log->lines_len) {
		ssize_t written = write(log->fd, log->lines + done, log->lines_len - done);

		if (written > 0) {
			done += (size_t)written;
			log->failing = false;
			for (; whole < log->lines_count && log->lines_end[whole] <= done; whole++)
				atomic_fetch_add(&log->written, 1);
		} else if (written < 0 && errno != EINTR && !(errno == EAGAIN && writable_wait(log->fd))) {
			write_failed(log, log->lines_count - whole, errno);
			break;
		}
	}
	log->file_bytes += done;
	log->lines_len = 0;
	log->lines_count = 0;
}

static void file_reopen(struct tux_log *log)
{
	int fd = file_open(log->path);

	if (fd < 0) {
		fprintf(stderr, "tux: cannot open the log %s again: %s; writing on to the old file\n", log->path,
		        strerror(errno));
		return;
	}
	close(log->fd);
	log->fd = fd;
	log->failing = false;
	file_begin(log);
}

/* Makes room for FILE.1: each file is renamed to the next number, over what is there. False with errno. */
static bool files_shift(const struct tux_log *log)
{
	char from[PATH_MAX], to[PATH_MAX];
	unsigned i;

	for (i = log->keep; i > 0; i--) {
		const int len = i > 1 ? snprintf(from, sizeof(from), "%s.%u", log->path, i - 1) :
		                        snprintf(from, sizeof(from), "%s", log->path);

		if (len >= PATH_MAX || snprintf(to, sizeof(to), "%s.%u", log->path, i) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return false;
		}
		if (rename(from, to) < 0 && !(errno == ENOENT && i > 1))
			return false;
	}
	return true;
}

/*
 * Begins a new file. Another process may write the same log, as around a reload: who has the lock rotates, and whoever finds
 * another file there goes over to that.
 */
static void file_rotate(struct tux_log *log)
{
	struct stat ours, there;
	bool moved, done = true;

	log->rotate_at = log->file_bytes + LINES_BYTES; /* should it fail: not with every line */
	if (flock(log->fd, LOCK_EX | LOCK_NB) < 0)
		return;
	moved = fstat(log->fd, &ours) == 0 &&
	        (stat(log->path, &there) < 0 || there.st_dev != ours.st_dev || there.st_ino != ours.st_ino);
	if (!moved)
		done = files_shift(log);
	if (!done && !log->stuck)
		fprintf(stderr, "tux: cannot rotate the log %s: %s; it grows on\n", log->path, strerror(errno));
	log->stuck = !done;
	flock(log->fd, LOCK_UN);
	if (done)
		file_reopen(log);
}

/* Adds a line. In front of it goes what the file's size and format want. */
static void line_add(struct tux_log *log, size_t len)
{
	const size_t whole = len + sizeof(struct tux_log_header);

	if (sizeof(log->lines) - log->lines_len < whole || log->lines_count == MAX_LINES)
		lines_flush(log);
	if (log->rotates && log->file_bytes + log->lines_len > 0 && log->file_bytes + log->lines_len + whole > log->rotate_at) {
		lines_flush(log);
		file_rotate(log);
	}
	if (log->style == TUX_LOG_BINARY && log->header_due) {
		const struct tux_log_header header = tux_log_header_make();

		memcpy(log->lines + log->lines_len, &header, sizeof(header));
		log->lines_len += sizeof(header);
		log->header_due = false;
	}
	memcpy(log->lines + log->lines_len, log->line, len);
	log->lines_len += len;
	log->lines_end[log->lines_count++] = (uint32_t)log->lines_len;
}

/* Turns len bytes of records into lines. */
static void records_write(struct tux_log *log, size_t len)
{
	size_t off = 0;

	while (len - off >= sizeof(struct tux_record)) {
		struct tux_record record;

		memcpy(&record, log->records + off, sizeof(record));
		if (record.size < sizeof(record) || record.size > len - off)
			break;
		line_add(log, tux_log_line(log->style, &log->clock, &record, log->records + off + sizeof(record), log->line));
		off += record.size;
	}
	lines_flush(log);
}

/* The log's thread. What the engine has when it is told to stop is written before it ends. */
static void *thread_run(void *arg)
{
	const struct timespec batch = { .tv_nsec = BATCH_WAIT_NS };
	struct tux_log *log = arg;

	pthread_setname_np(pthread_self(), "tux log");
	for (;;) {
		const bool last = atomic_load(&log->stopping);
		size_t len = tux_engine_records_read(log->engine, log->records, sizeof(log->records));

		if (len > 0)
			records_write(log, len);
		if (atomic_exchange(&log->reopening, false) && log->path)
			file_reopen(log);
		if (len > 0)
			continue;
		if (last)
			return NULL;
		tux_engine_records_wait(log->engine, -1);
		if (log->style != TUX_LOG_PLAIN && log->style != TUX_LOG_COLOUR && !atomic_load(&log->stopping))
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
	if (!log->path || !log->started)
		return;
	atomic_store(&log->reopening, true);
	tux_engine_records_wake(log->engine);
}

/* The thread cannot go on: what the engine answered and it did not write is lost. */
static void rest_lose(struct tux_log *log)
{
	struct tux_counters counters;
	uint64_t known;

	tux_engine_counters(log->engine, &counters);
	known = counters.records_lost + atomic_load(&log->written);
	if (counters.requests > known)
		tux_engine_records_fail(log->engine, counters.requests - known);
	fprintf(stderr, "tux: nobody reads the log: its last %llu lines are lost\n",
	        (unsigned long long)(counters.requests > known ? counters.requests - known : 0));
}

bool tux_log_close(struct tux_log *log)
{
	struct timespec until;

	if (log->started) {
		atomic_store(&log->stopping, true);
		tux_engine_records_wake(log->engine);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += CLOSE_SECONDS;
		if (pthread_timedjoin_np(log->thread, NULL, &until) != 0) {
			rest_lose(log);
			return false;
		}
	}
	log_free(log);
	return true;
}
