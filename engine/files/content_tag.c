/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "content_tag.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../core/etag.h"
#include "../small_tables.h"
#include "loader.h"

enum {
	ENTRIES = TUX_SMALL_TABLES ? 16 : 16384, /* hashes kept; a new one replaces another */
	STAT_CHUNKS = 16,  /* chunks between two checks for a changed file */
	TICK_MS = 10,      /* the longest tick of a kernel's clock (HZ=100) */
	READINGS = LOADER_ROOTS * LOADER_SLOW, /* threads that may read files */
	TICKS = 10,        /* ticks waited at most for a file to be older than the present tick */
};

struct entry {
	struct stamp stamp;
	uint64_t hash; /* 0 = unused */
};

struct content_tags {
	pthread_mutex_t lock;
	pthread_cond_t done;                           /* a thread has read its file */
	const struct stamp *reading[READINGS];         /* versions being read by threads; NULL = unused */
	bool stopping;                                 /* atomic */
	struct entry entry[ENTRIES];
};

/* Not secret: a file has the same tag on every server. */
static const uint8_t first_key[16] = "tux content tag";

struct content_tags *content_tags_open(void)
{
	struct content_tags *tags = calloc(1, sizeof(*tags));

	if (tags == NULL)
		return NULL;
	pthread_mutex_init(&tags->lock, NULL);
	pthread_cond_init(&tags->done, NULL);
	return tags;
}

void content_tags_free(struct content_tags *tags)
{
	if (tags == NULL)
		return;
	pthread_cond_destroy(&tags->done);
	pthread_mutex_destroy(&tags->lock);
	free(tags);
}

void content_tags_stop(struct content_tags *tags)
{
	if (tags != NULL)
		__atomic_store_n(&tags->stopping, true, __ATOMIC_RELAXED);
}

static struct entry *entry_of(struct content_tags *tags, const struct stamp *stamp)
{
	uint64_t h = (stamp->inode ^ stamp->device << 32 ^ (uint64_t)stamp->ctime_s ^ (uint64_t)stamp->ctime_ns << 20) *
	             UINT64_C(0x9e3779b97f4a7c15);

	return &tags->entry[(h ^ h >> 32) % ENTRIES];
}

/* True if both have the same bytes. The mode may differ. */
static bool is_same(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && a->mtime_s == b->mtime_s &&
	       a->mtime_ns == b->mtime_ns && a->ctime_s == b->ctime_s && a->ctime_ns == b->ctime_ns;
}

/* Returns the hash of a version; 0 if it is unknown. Called under the lock. */
static uint64_t find(struct content_tags *tags, const struct stamp *stamp)
{
	const struct entry *entry = entry_of(tags, stamp);

	return is_same(&entry->stamp, stamp) ? entry->hash : 0;
}

uint64_t content_tag_find(struct content_tags *tags, const struct stamp *stamp)
{
	uint64_t hash;

	pthread_mutex_lock(&tags->lock);
	hash = find(tags, stamp);
	pthread_mutex_unlock(&tags->lock);
	return hash;
}

/* Hashes one chunk with the hash of those before it as the key. */
static uint64_t chunk_hash(uint64_t before, uint64_t off, const uint8_t *data, size_t len)
{
	uint8_t key[16];

	if (off == 0)
		return tux_etag_content(first_key, data, len);
	for (int i = 0; i < 8; i++) { /* independent of byte order */
		key[i] = (uint8_t)(before >> 8 * i);
		key[8 + i] = (uint8_t)(off >> 8 * i);
	}
	return tux_etag_content(key, data, len);
}

static size_t chunk_bytes(uint64_t size, uint64_t off)
{
	return size - off < CONTENT_TAG_CHUNK_BYTES ? (size_t)(size - off) : CONTENT_TAG_CHUNK_BYTES;
}

uint64_t content_tag_of(const uint8_t *data, uint64_t len)
{
	uint64_t hash = chunk_hash(0, 0, data, chunk_bytes(len, 0));

	for (uint64_t off = CONTENT_TAG_CHUNK_BYTES; off < len; off += CONTENT_TAG_CHUNK_BYTES)
		hash = chunk_hash(hash, off, data + off, chunk_bytes(len, off));
	return hash;
}

/* Reads a whole chunk. Returns false at an error or at the end of the file. */
static bool chunk_read(int fd, uint8_t *chunk, size_t len, uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, chunk + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool is_current(int fd, const struct stamp *stamp)
{
	struct stamp now;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	stamp_from_stat(&now, &st);
	return is_same(&now, stamp);
}

static uint64_t file_hash(const struct content_tags *tags, int fd, const struct stamp *stamp)
{
	uint8_t *chunk = malloc(CONTENT_TAG_CHUNK_BYTES);
	uint64_t hash = 0, off = 0;
	bool good = chunk != NULL;

	while (good && (off < stamp->size || off == 0)) {
		size_t len = chunk_bytes(stamp->size, off);

		good = !__atomic_load_n(&tags->stopping, __ATOMIC_RELAXED) && chunk_read(fd, chunk, len, off);
		if (good && off / CONTENT_TAG_CHUNK_BYTES % STAT_CHUNKS == STAT_CHUNKS - 1)
			good = is_current(fd, stamp);
		if (good)
			hash = chunk_hash(hash, off, chunk, len);
		off += CONTENT_TAG_CHUNK_BYTES;
	}
	free(chunk);
	return good && is_current(fd, stamp) ? hash : 0;
}

/*
 * Waits until the last change of a file is older than the present tick of the file system's clock, so that every later write shows
 * in its times. Returns false if they are in the future.
 */
static bool settle(const struct stamp *stamp)
{
	const struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	struct timespec now;

	for (int i = 0; i <= TICKS; i++) {
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		if (stamp->ctime_s < now.tv_sec || (stamp->ctime_s == now.tv_sec && stamp->ctime_ns < now.tv_nsec))
			return true;
		if (stamp->ctime_s > now.tv_sec + 1)
			return false;
		nanosleep(&tick, NULL);
	}
	return false;
}

/*
 * Returns the index of a version being read, or of an unused place for NULL; READINGS if there is neither. Called under the
 * lock.
 */
static unsigned reading_find(const struct content_tags *tags, const struct stamp *stamp)
{
	unsigned i = 0;

	while (i < READINGS && (stamp == NULL ? tags->reading[i] != NULL : tags->reading[i] == NULL || !is_same(tags->reading[i], stamp)))
		i++;
	return i;
}

uint64_t content_tag_read(struct content_tags *tags, int fd, const struct stamp *stamp)
{
	uint64_t hash;
	unsigned place;

	pthread_mutex_lock(&tags->lock);
	while (reading_find(tags, stamp) < READINGS || reading_find(tags, NULL) == READINGS)
		pthread_cond_wait(&tags->done, &tags->lock);
	hash = find(tags, stamp);
	place = reading_find(tags, NULL);
	if (hash == 0)
		tags->reading[place] = stamp;
	pthread_mutex_unlock(&tags->lock);
	if (hash != 0)
		return hash;

	/* Before the first byte is read: a write after it then moves the times. */
	if (settle(stamp))
		hash = file_hash(tags, fd, stamp);

	pthread_mutex_lock(&tags->lock);
	if (hash != 0)
		*entry_of(tags, stamp) = (struct entry){ *stamp, hash };
	tags->reading[place] = NULL;
	pthread_cond_broadcast(&tags->done);
	pthread_mutex_unlock(&tags->lock);
	return hash;
}

uint32_t content_tag_format(uint64_t hash, uint64_t size, enum tux_coding coding, uint8_t out[TUX_MAX_ETAG])
{
	const struct tux_file_identity identity = { .size = size, .content = hash };

	return tux_etag_format(first_key, &identity, coding, false, out);
}
