/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of a file that are in the page cache, so that sending them waits for no disk. Reader threads read the others in, and the
 * next ones while those before are sent.
 *
 * RWF_NOWAIT answers the question for every user. cachestat(2) and mincore(2) answer only for files that the process may write.
 */
#ifndef TUX_ENGINE_FILES_RESIDENCE_H
#define TUX_ENGINE_FILES_RESIDENCE_H

#include "loader.h"
#include "object.h"

struct file_read;

/* The bytes of a representation that were found in memory. */
struct residence {
	uint64_t device;         /* of the file: reads of one that hangs leave threads for others */
	uint64_t first;          /* found from here */
	uint64_t end;            /* until here */
	uint64_t found_ms;       /* time of the oldest finding */
	bool always;             /* the file system has no disk */
	bool cold;               /* the last probe found a missing page; before the first one: that of another file */
	struct file_read *reads; /* reads under way */
};

/* Embedded in the object that waits for bytes of a file. Zero-initialize before use. */
struct read_waiter {
	struct file_read *read;   /* NULL: waits for no read */
	struct read_waiter *next; /* waits for the same read */
	void *owner;
	void (*ready)(struct read_waiter *waiter); /* called when the read has ended; NULL: the output of a connection waits */
	uint64_t first;           /* bytes that can be sent: from here */
	uint64_t end;             /* until here */
	uint64_t until_ms;        /* before this time */
};

/* The reads of a thread. */
struct reads {
	struct loader *readers; /* the engine's */
	const uint64_t *now_ms; /* the thread's */
	struct inbox inbox;     /* finished reads */
	unsigned unprobed;      /* windows that were not probed because their files are cold */
	bool cold;              /* the last probe of any file found a missing page */
};

/*
 * Returns true if the bytes from off can be sent, up to waiter->end. Returns false if the waiter waits for a read. The bytes belong to
 * the file fd of an object and end at end. Without memory or threads for a read, they can be sent: the sender waits for the disk.
 */
bool residence_find(struct reads *reads, struct read_waiter *waiter, struct object *object, int fd, uint64_t off, uint64_t end);

/* True if the byte at off can be sent because residence_find() or a read found it a short time ago. */
static inline bool residence_holds(const struct reads *reads, const struct read_waiter *waiter, uint64_t off)
{
	return waiter->first <= off && off < waiter->end && *reads->now_ms < waiter->until_ms;
}

/*
 * Returns a waiter of a finished read, which can send the bytes, and does not wait any more. Call it until it returns NULL: then the read was
 * freed. Meanwhile the others may leave.
 */
struct read_waiter *residence_finish(struct reads *reads, struct job *job);

/* Removes a waiter from the read that it waits for, if it does. */
void residence_leave(struct read_waiter *waiter);

#endif
