/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "residence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../../core/piece.h"

enum {
	WINDOW_BYTES = 1 << 20,  /* found or read at once */
	STEP_BYTES = 128 * 1024, /* of a window between two probes: the kernel reads ahead and reclaims in runs of pages */
	WAIT_BYTES = 16 * 1024,  /* of a window between two pages that a reader waits for, after the read of all pages has started */
	KNOWN_MS = 2000,         /* time for which pages that were found stay in memory: they were used last then */
	MISSING_MS = 500,        /* time for which a read is not doubted: what it reads is missing */
	PROBES = 8,              /* one of so many windows of cold files is probed */
};

/* A window of a file that a reader thread reads in. */
struct file_read {
	struct job job; /* first member */
	struct object *object; /* a reference: keeps fd open */
	struct residence *residence;
	struct file_read *next; /* of the same residence */
	struct read_waiter *waiting;
	int fd;
	bool over; /* its end is known, but not to all waiters */
	uint64_t off;
	uint64_t end;
	uint64_t doubted_ms; /* time of its begin, or of the last probe that found its bytes still missing */
	uint64_t done; /* out: bytes from off that are in memory */
};

enum probe {
	PROBE_FOUND,
	PROBE_MISSING,
	PROBE_UNKNOWN, /* the file system cannot tell */
};

/* Finds or makes the residence of the representation with this descriptor. Returns NULL if out of memory. */
static struct residence *residence_of(const struct reads *reads, struct object *object, int fd)
{
	struct representation *rep = NULL;

	for (int coding = 0; coding < TUX_CODINGS; coding++)
		if (object->representation[coding] != NULL && object->representation[coding]->fd == fd)
			rep = object->representation[coding];
	if (rep == NULL)
		return NULL;
	if (rep->residence == NULL) {
		rep->residence = calloc(1, sizeof(*rep->residence));
		if (rep->residence != NULL) {
			rep->residence->device = rep->stamp.device;
			rep->residence->cold = reads->cold;
		}
	}
	return rep->residence;
}

static bool is_known(const struct residence *residence, uint64_t off, uint64_t end, uint64_t now_ms)
{
	return residence->always || (residence->first <= off && end <= residence->end && now_ms - residence->found_ms < KNOWN_MS);
}

/* Records that bytes are in memory. Keeps one range: of several separate ones the last. */
static void know(struct residence *residence, uint64_t off, uint64_t end, uint64_t now_ms)
{
	const bool joins = off <= residence->end && residence->first <= end && now_ms - residence->found_ms < KNOWN_MS;

	if (!joins) {
		residence->first = off;
		residence->end = end;
		residence->found_ms = now_ms;
		return;
	}
	residence->first = off < residence->first ? off : residence->first;
	residence->end = end > residence->end ? end : residence->end;
}

/* Tells whether the byte at off can be read without a wait for the disk. At the end of a file that shrank it can. */
static enum probe probe_byte(int fd, uint64_t off)
{
	uint8_t byte;
	const struct iovec iov = { .iov_base = &byte, .iov_len = 1 };

	if (preadv2(fd, &iov, 1, (off_t)off, RWF_NOWAIT) >= 0)
		return PROBE_FOUND;
	switch (errno) {
	case EAGAIN:
		return PROBE_MISSING;
	case EOPNOTSUPP:
	case ENOSYS:
		return PROBE_UNKNOWN;
	default: /* sending meets the error, too */
		return PROBE_FOUND;
	}
}

/* Probes bytes at short distances. A page between them may be missing; then sending waits for the disk, once. */
static enum probe probe(int fd, uint64_t off, uint64_t end)
{
	enum probe found = probe_byte(fd, end - 1);

	for (; found == PROBE_FOUND && off + 1 < end; off += tux_bytes_min(STEP_BYTES, end - off))
		found = probe_byte(fd, off);
	return found;
}

static bool has_no_disk(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && ((unsigned long)fs.f_type == TMPFS_MAGIC || (unsigned long)fs.f_type == RAMFS_MAGIC);
}

/* Probes a window. Returns true if it is in memory. */
static bool is_found(struct reads *reads, struct residence *residence, int fd, uint64_t off, uint64_t end)
{
	const enum probe found = probe(fd, off, end);

	residence->cold = reads->cold = found == PROBE_MISSING;
	switch (found) {
	case PROBE_FOUND:
		know(residence, off, end, *reads->now_ms);
		return true;
	case PROBE_MISSING:
		return false;
	case PROBE_UNKNOWN:
		residence->always = has_no_disk(fd);
		return residence->always;
	}
	return false;
}

/* Starts to read bytes in. The kernel limits each call to what its disk reads at once. */
static void start_read(int fd, uint64_t off, uint64_t end)
{
	for (; off < end; off += tux_bytes_min(STEP_BYTES, end - off))
		readahead(fd, (off_t)off, tux_bytes_min(STEP_BYTES, end - off));
}

/* Reads a window, so that it is in memory. A page between those that it waits for is part of the same operation of the disk. */
static void run_read(struct job *job)
{
	struct file_read *read = (struct file_read *)job;
	const uint64_t len = read->end - read->off;
	uint8_t byte;

	start_read(read->fd, read->off, read->end);
	while (read->done < len) {
		const uint64_t next = read->done + tux_bytes_min(WAIT_BYTES, len - read->done);
		const ssize_t n = pread(read->fd, &byte, 1, (off_t)(read->off + next - 1));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* sending meets the error or the end, too */
			return;
		read->done = next;
	}
}

/* Submits a read. Returns NULL if out of memory or threads; with at_once also if it would wait for another read. */
static struct file_read *begin(struct reads *reads, struct residence *residence, struct object *object, int fd, uint64_t off, uint64_t end,
                               bool at_once)
{
	struct file_read *read = calloc(1, sizeof(*read));

	if (read == NULL)
		return NULL;
	*read = (struct file_read){
		.job = { .inbox = &reads->inbox, .run = run_read, .group = residence->device },
		.object = object,
		.residence = residence,
		.next = residence->reads,
		.fd = fd,
		.off = off,
		.end = end,
		.doubted_ms = *reads->now_ms,
	};
	if (!(at_once ? loader_submit_at_once : loader_submit)(reads->readers, &read->job)) {
		free(read);
		return NULL;
	}
	object_get(object);
	residence->reads = read;
	return read;
}

/* Returns the read under way that brings the byte at off, or NULL. */
static struct file_read *read_of(const struct residence *residence, uint64_t off)
{
	struct file_read *read = residence->reads;

	while (read != NULL && (off < read->off || off >= read->end))
		read = read->next;
	return read;
}

/* True if one who needs the bytes from off to end waits for a read of them without a probe of its own. */
static bool is_trusted(const struct file_read *read, uint64_t off, uint64_t end, uint64_t now_ms)
{
	return off == read->off && end == read->end && now_ms - read->doubted_ms < MISSING_MS;
}

/*
 * Returns a read under way that brings the byte at off; NULL if the window is known to be in memory, or without memory or threads.
 *
 * A probe of a missing page starts to read a few pages, which costs this thread time and the disk a second operation. So most windows of
 * a cold file go to a reader without a probe, if one is free: it ends at once if they are in memory after all. Nobody waits for a queued
 * read without a probe, because those before it may hang.
 */
static struct file_read *read_for(struct reads *reads, struct object *object, int fd, struct residence *residence, uint64_t off, uint64_t end)
{
	const uint64_t now_ms = *reads->now_ms;
	struct file_read *read;

	if (is_known(residence, off, end, now_ms))
		return NULL;
	read = read_of(residence, off);
	if (read != NULL && is_trusted(read, off, end, now_ms))
		return read;
	if (read == NULL && residence->cold && ++reads->unprobed % PROBES != 0) {
		read = begin(reads, residence, object, fd, off, end, true);
		if (read != NULL)
			return read;
	}
	if (is_found(reads, residence, fd, off, end))
		return NULL;
	if (read == NULL)
		return begin(reads, residence, object, fd, off, end, false);
	if (off == read->off && end == read->end)
		read->doubted_ms = now_ms;
	return read;
}

/* Returns the end of the bytes from off that are found or read at once, and not after end: those of a read under way, or a window. */
static uint64_t window_end(const struct residence *residence, uint64_t off, uint64_t end)
{
	const struct file_read *read = read_of(residence, off);

	if (read != NULL && read->end < end)
		end = read->end;
	return off + tux_bytes_min(WINDOW_BYTES, end - off);
}

bool residence_find(struct reads *reads, struct read_waiter *waiter, struct object *object, int fd, uint64_t off, uint64_t end)
{
	struct residence *residence = residence_of(reads, object, fd);
	const uint64_t now_ms = *reads->now_ms;
	struct file_read *read;

	waiter->first = off;
	waiter->end = end;
	waiter->until_ms = now_ms + KNOWN_MS;
	if (residence == NULL)
		return true;
	waiter->end = window_end(residence, off, end);
	read = read_for(reads, object, fd, residence, off, waiter->end);
	if (read != NULL) {
		waiter->read = read;
		waiter->next = read->waiting;
		read->waiting = waiter;
		return false;
	}
	if (residence->always)
		waiter->end = end;
	if (waiter->end == end || !is_known(residence, off, waiter->end, now_ms))
		return true;
	waiter->end = residence->end < end ? residence->end : end;
	if (waiter->end < end && read_of(residence, waiter->end) == NULL)
		read_for(reads, object, fd, residence, waiter->end, window_end(residence, waiter->end, end));
	return true;
}

/* Removes a finished read from those of its file, and records what it has read. */
static void end(const struct reads *reads, struct file_read *read)
{
	struct file_read **link = &read->residence->reads;

	while (*link != read)
		link = &(*link)->next;
	*link = read->next;
	if (read->done > 0)
		know(read->residence, read->off, read->off + read->done, *reads->now_ms);
	read->over = true;
}

struct read_waiter *residence_finish(struct reads *reads, struct job *job)
{
	struct file_read *read = (struct file_read *)job;
	struct read_waiter *waiter = read->waiting;

	if (!read->over)
		end(reads, read);
	if (waiter == NULL) {
		object_put(read->object);
		free(read);
		return NULL;
	}
	read->waiting = waiter->next;
	waiter->read = NULL;
	waiter->end = read->end; /* after an error, too: sending meets it */
	waiter->until_ms = *reads->now_ms + KNOWN_MS;
	return waiter;
}

void residence_leave(struct read_waiter *waiter)
{
	struct read_waiter **link;

	if (waiter->read == NULL)
		return;
	link = &waiter->read->waiting;
	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	waiter->read = NULL;
}
