/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binary.h"
#include "destination.h"
#include "../../engine/io/print.h"

enum {
	LINES_BYTES = 256 * 1024,
	MAX_LINES = 4096, /* lines in these bytes */
};

struct tux_log_file {
	int fd;
	enum tux_log_style style;
	char *directory; /* absolute; NULL on the standard output */
	char *path;      /* absolute; NULL on the standard output */
	const struct tux_user *user; /* user with whose rights the file is opened */
	atomic_ullong written; /* records */
	unsigned lost;   /* records lost since the last report */
	uint64_t rotate_bytes; /* maximum bytes of a file; 0 = no rotation */
	unsigned keep;   /* number of rotated files to keep */
	bool rotates;    /* a regular file with rotate_bytes > 0 */
	bool stuck;      /* the last rotation failed, and this was reported */
	uint64_t file_bytes; /* bytes of a rotating file, as far as known */
	uint64_t rotate_at;  /* size at which it rotates: rotate_bytes, or more after a failed rotation */
	bool header_due; /* binary log: a header must precede the next record */
	bool failing; /* the last write failed, and this was reported */
	struct tux_log_clock clock;
	size_t room;     /* maximum bytes of lines written together */
	struct tux_log_lines *lines; /* owned by the caller; NULL = no lines */
};

struct tux_log_lines {
	size_t len;
	unsigned count;
	uint32_t end[MAX_LINES]; /* end of each line in text */
	char line[TUX_LOG_LINE_MAX];
	char text[LINES_BYTES];
};

_Static_assert((int)LINES_BYTES >= (int)TUX_LOG_LINE_MAX + (int)sizeof(struct tux_log_header), "the buffer holds the longest line");

/* Splits name into its directory, made absolute, and the whole path. Returns false with errno. */
static bool path_resolve(struct tux_log_file *file, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	char *parent = slash ? strndup(name, slash == name ? 1 : (size_t)(slash - name)) : strdup(".");

	if (!parent)
		return false;
	file->directory = realpath(parent, NULL);
	free(parent);
	if (!file->directory)
		return false;
	return asprintf(&file->path, "%s/%s", strcmp(file->directory, "/") == 0 ? "" : file->directory, base) >= 0;
}

void tux_log_file_close(struct tux_log_file *file)
{
	if (file->path && file->fd >= 0)
		close(file->fd);
	free(file->directory);
	free(file->path);
	free(file);
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

/*
 * Initializes the state of an opened file: its size, and the ability to rotate. Two processes write it during a reload. Writes to a
 * pipe or socket are atomic only up to PIPE_BUF (pipe(7)); longer lines are written one at a time.
 */
static void file_begin(struct tux_log_file *file)
{
	struct stat st = { 0 };
	const bool known = fstat(file->fd, &st) == 0;

	file->room = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ? PIPE_BUF : LINES_BYTES;
	file->rotates = file->rotate_bytes > 0 && known && S_ISREG(st.st_mode);
	file->file_bytes = file->rotates ? (uint64_t)st.st_size : 0;
	file->rotate_at = file->rotate_bytes;
	file->header_due = true;
}

struct tux_log_file *tux_log_file_open(const char *name, enum tux_log_format format, const struct tux_user *user, char *error,
                                       size_t error_size)
{
	struct tux_log_file *file = calloc(1, sizeof(*file));
	char reason[160];

	if (!file) {
		snprintf(error, error_size, "no memory for the log");
		return NULL;
	}
	if (strcmp(name, "-") == 0) {
		file->fd = STDOUT_FILENO;
		file->style = tux_log_style_for(format, file->fd);
		file_begin(file);
		return file;
	}
	file->fd = -1;
	file->user = user;
	if (path_resolve(file, name))
		file->fd = tux_log_destination_open(name, user, reason, sizeof(reason));
	else
		snprintf(reason, sizeof(reason), "%s", strerror(errno));
	if (file->fd < 0) {
		snprintf(error, error_size, "cannot open the log %s: %s", name, reason);
		tux_log_file_close(file);
		return NULL;
	}
	file->style = tux_log_style_for(format, file->fd);
	file_begin(file);
	return file;
}

const char *tux_log_file_path(const struct tux_log_file *file)
{
	return file->path;
}

void tux_log_file_rotate(struct tux_log_file *file, uint64_t bytes, unsigned keep)
{
	file->rotate_bytes = file->path ? bytes : 0;
	file->keep = keep;
	file_begin(file);
}

const char *tux_log_file_directory(const struct tux_log_file *file)
{
	return file->directory;
}

bool tux_log_file_for_people(const struct tux_log_file *file)
{
	return file->style == TUX_LOG_PLAIN || file->style == TUX_LOG_COLOUR;
}

/* Reports a write error once, not for every batch. */
static void write_failed(struct tux_log_file *file, unsigned lines, int error)
{
	if (!file->failing)
		fprintf(stderr, "tux: cannot write the log%s%s: %s; records are lost until it works again\n",
		        file->path ? " " : "", file->path ? file->path : "", strerror(error));
	file->failing = true;
	file->header_due = true; /* a record may have been truncated */
	file->lost += lines;
}

/* Waits for room in a pipe or terminal that does not block. */
static bool writable_wait(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	return poll(&pfd, 1, -1) > 0 || errno == EINTR;
}

static void lines_flush(struct tux_log_file *file)
{
	struct tux_log_lines *const lines = file->lines;
	unsigned whole = 0; /* completely written lines */
	size_t done = 0;

	while (done < lines->len) {
		ssize_t written = write(file->fd, lines->text + done, lines->len - done);

		if (written > 0) {
			done += (size_t)written;
			file->failing = false;
			for (; whole < lines->count && lines->end[whole] <= done; whole++)
				atomic_fetch_add(&file->written, 1);
		} else if (written < 0 && errno != EINTR && !(errno == EAGAIN && writable_wait(file->fd))) {
			write_failed(file, lines->count - whole, errno);
			break;
		}
	}
	file->file_bytes += done;
	lines->len = 0;
	lines->count = 0;
}

void tux_log_file_reopen(struct tux_log_file *file)
{
	char reason[160];
	int fd;

	if (!file->path)
		return;
	fd = tux_log_destination_open(file->path, file->user, reason, sizeof(reason));
	if (fd < 0) {
		fprintf(stderr, "tux: cannot open the log %s again: %s; writing on to the old file\n", file->path, reason);
		return;
	}
	close(file->fd);
	file->fd = fd;
	file->failing = false;
	file_begin(file);
}

/* Makes room for FILE.1: renames each file to the next number and overwrites the last. Returns false with errno. */
static bool files_shift(const struct tux_log_file *file)
{
	const char *const base = strrchr(file->path, '/') + 1;
	const int directory_fd = tux_log_destination_directory(file->path);
	char from[PATH_MAX], to[PATH_MAX];
	bool shifted = directory_fd >= 0;
	unsigned i;

	for (i = file->keep; shifted && i > 0; i--) {
		const bool whole = i > 1 ? print_whole(from, sizeof(from), "%s.%u", base, i - 1) : print_whole(from, sizeof(from), "%s", base);

		if (!whole || !print_whole(to, sizeof(to), "%s.%u", base, i)) {
			errno = ENAMETOOLONG;
			shifted = false;
		} else {
			shifted = renameat(directory_fd, from, directory_fd, to) == 0 || (errno == ENOENT && i > 1);
		}
	}
	if (directory_fd >= 0) {
		const int saved = errno;

		close(directory_fd);
		errno = saved;
	}
	return shifted;
}

/*
 * Starts a new file. During a reload another process may write the same log. The process with the lock rotates. A process that
 * finds another file at the path only reopens it.
 */
static void file_rotate(struct tux_log_file *file)
{
	struct stat ours, there;
	bool moved, done = true;

	file->rotate_at = file->file_bytes + LINES_BYTES; /* delays the next attempt if this one fails */
	if (flock(file->fd, LOCK_EX | LOCK_NB) < 0)
		return;
	moved = fstat(file->fd, &ours) == 0 &&
	        (stat(file->path, &there) < 0 || there.st_dev != ours.st_dev || there.st_ino != ours.st_ino);
	if (!moved)
		done = files_shift(file);
	if (!done && !file->stuck)
		fprintf(stderr, "tux: cannot rotate the log %s: %s; it grows on\n", file->path, strerror(errno));
	file->stuck = !done;
	flock(file->fd, LOCK_UN);
	if (done)
		tux_log_file_reopen(file);
}

/* Adds a line. Before it, flushes or rotates the file if it is full, and adds a header if one is due. */
static void line_add(struct tux_log_file *file, size_t len)
{
	struct tux_log_lines *const lines = file->lines;
	const size_t whole = len + sizeof(struct tux_log_header);

	if (lines->len > 0 && (lines->len + whole > file->room || lines->count == MAX_LINES))
		lines_flush(file);
	if (file->rotates && file->file_bytes + lines->len > 0 && file->file_bytes + lines->len + whole > file->rotate_at) {
		lines_flush(file);
		file_rotate(file);
	}
	if (file->style == TUX_LOG_BINARY && file->header_due) {
		const struct tux_log_header header = tux_log_header_make();

		memcpy(lines->text + lines->len, &header, sizeof(header));
		lines->len += sizeof(header);
		file->header_due = false;
	}
	memcpy(lines->text + lines->len, lines->line, len);
	lines->len += len;
	lines->end[lines->count++] = (uint32_t)lines->len;
}

struct tux_log_lines *tux_log_lines_new(void)
{
	return malloc(sizeof(struct tux_log_lines));
}

bool tux_log_file_has_lines(const struct tux_log_file *file)
{
	return file->lines;
}

void tux_log_file_lend(struct tux_log_file *file, struct tux_log_lines *lines)
{
	lines->len = 0;
	lines->count = 0;
	file->lines = lines;
}

void tux_log_file_add(struct tux_log_file *file, const struct tux_access_record *record, const uint8_t *text)
{
	line_add(file, tux_log_line(file->style, &file->clock, record, text, file->lines->line));
}

unsigned tux_log_file_flush(struct tux_log_file *file)
{
	unsigned lost;

	lines_flush(file);
	file->lines = NULL;
	lost = file->lost;
	file->lost = 0;
	return lost;
}

uint64_t tux_log_file_written(const struct tux_log_file *file)
{
	return atomic_load(&file->written);
}
