/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches every directory of cached objects. Drops objects from the cache when one changes. */
#ifndef TUX_ENGINE_FILES_WATCH_H
#define TUX_ENGINE_FILES_WATCH_H

#include "cache.h"
#include "../config.h"

enum {
	WATCH_BUCKETS = 1024,
	WATCH_MAX_DIRECTORIES = 16384, /* directories of a thread; beyond that, cache and watches start afresh */
	WATCH_MAX_DEPTH = 64,          /* depth of a path; deeper files are checked with every request */
};

struct watched;

struct watch {
	int fd; /* inotify; -1 = not available */
	unsigned generation; /* increases with every event */
	unsigned count;
	struct cache *cache;
	unsigned events; /* events handled so far */
	struct watched *by_path[WATCH_BUCKETS];
	struct watched *by_wd[WATCH_BUCKETS];
};

/* Returns false with errno if inotify is not available. Everything is rechecked then. */
bool watch_open(struct watch *watch, struct cache *cache);
void watch_free(struct watch *watch);

/* True if a host's directory (its path ends in '/') is watched. */
bool watch_has(const struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len);

/* Adds an inotify watch for a directory. Returns its descriptor or -1. dir_fd may be O_PATH. Any thread. */
int watch_ask(int inotify_fd, int dir_fd);

/* Like watch_ask(), but for events of mask, and only for the first one. */
int watch_ask_once(int inotify_fd, int dir_fd, uint32_t mask);

/* Records a directory with the descriptor from watch_ask(). */
void watch_enter(struct watch *watch, const struct tux_host *host, const uint8_t *path, uint32_t len, int wd);

/* Handles all pending events. */
void watch_read(struct watch *watch);

#endif
