/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches every directory of cached objects. Drops objects from the cache when one changes. */
#ifndef TUX_ENGINE_FILES_WATCH_H
#define TUX_ENGINE_FILES_WATCH_H

#include "cache.h"
#include "file_system.h"
#include "siblings.h"
#include "../config.h"

#ifdef TUX_CHECK_REQUESTS /* tests need few files */
enum { WATCH_LEARN_LOADS = 2 };
#else
enum { WATCH_LEARN_LOADS = 16 };
#endif

/* WATCH_LEARN_LOADS: files loaded from a directory before its siblings are read. */
enum {
	WATCH_LEARN_AGAIN_MS = 60000, /* before they are read again, if they are too many, or the directory was not readable */
	WATCH_MAX_SIBLINGS = 4 * SIBLINGS_MAX, /* in all directories of a thread */
	WATCH_BUCKETS = 1024,
	WATCH_MAX_DIRECTORIES = 16384, /* directories of a thread; beyond that, cache and watches start afresh */
	WATCH_MAX_DEPTH = 64,          /* depth of a path; deeper files are checked with every request */
};

struct watched;

/* Reading the names of a watched directory once, in a loader thread. Events report the changes since its start. */
struct watch_scan {
	const struct tux_host *host;
	const uint8_t *path;    /* of the directory, ends in '/'; borrowed */
	uint32_t path_len;
	uint64_t device, inode; /* of the watched directory */
	uint64_t number;        /* of the scan */
	bool complete;          /* siblings has all */
	struct siblings siblings;
};

struct watch {
	int fd; /* inotify; -1 = not available */
	unsigned generation; /* increases with every event */
	unsigned removed;    /* watches removed so far: a descriptor that a load has got before may be none any more */
	unsigned count;
	struct cache *cache;
	struct file_systems *systems;
	unsigned events; /* events handled so far */
	uint32_t siblings; /* known siblings of all directories */
	uint64_t scans;  /* number of the last scan */
	struct watched *by_path[WATCH_BUCKETS];
	struct watched *by_wd[WATCH_BUCKETS];
};

/* Returns false with errno if inotify is not available. Everything is rechecked then. */
bool watch_open(struct watch *watch, struct cache *cache, struct file_systems *systems);
void watch_free(struct watch *watch);

/* True if a host's directory (its path ends in '/') is watched. */
bool watch_has(const struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len);

/* Adds an inotify watch for a directory. Returns its descriptor or -1. dir_fd may be O_PATH. Any thread. */
int watch_ask(int inotify_fd, int dir_fd);

/* Like watch_ask(), but for events of mask, and only for the first one. */
int watch_ask_once(int inotify_fd, int dir_fd, uint32_t mask);

/* A directory to be recorded. */
struct watch_entry {
	uint32_t path_len; /* bytes of its path, with the final '/' */
	int wd;            /* from watch_ask(); -1 = could not be watched */
	uint64_t device, inode;
};

/* Records a directory, in place of another one that had this path. The number of removed watches must be that of the time before its descriptor was asked for. */
void watch_enter(struct watch *watch, const struct tux_host *host, const uint8_t *path, const struct watch_entry *entry);

/* Ends the watch of a descriptor that is not recorded, if no directory has it. */
void watch_drop(struct watch *watch, int wd);

/*
 * True if a directory is watched, and its path leads to it: no event reports a mount on it, so this is checked once per recheck_ms. Forgets
 * the directory otherwise, and drops its objects.
 */
bool watch_holds(struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len, uint64_t now_ms, uint32_t recheck_ms);

/* Returns the precompressed siblings in a directory, valid until the next event; NULL if they are not known. Includes watch_holds(). */
const struct siblings *watch_siblings(struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len, uint64_t now_ms, uint32_t recheck_ms);

/* Counts a file that was loaded from the directory of scan->path. Returns true if its siblings are to be read now, by this scan. */
bool watch_learn(struct watch *watch, struct watch_scan *scan, uint64_t now_ms);

/* Ends a scan, and takes its siblings if they are still right. Returns false if not. */
bool watch_learned(struct watch *watch, struct watch_scan *scan, uint64_t now_ms);

/* Handles all pending events. */
void watch_read(struct watch *watch);

#endif
