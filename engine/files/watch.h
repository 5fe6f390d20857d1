/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches every directory that cached objects lie in, and drops objects from the cache when one changes. */
#ifndef TUX_ENGINE_FILES_WATCH_H
#define TUX_ENGINE_FILES_WATCH_H

#include "cache.h"
#include "../config.h"

enum {
	WATCH_BUCKETS = 1024,
	WATCH_MAX_DIRECTORIES = 16384, /* a thread; with more, cache and watches start afresh */
	WATCH_MAX_DEPTH = 64,          /* of a path; files further down are asked about with every request */
};

struct watched;

struct watch {
	int fd; /* inotify; -1 when there is none */
	unsigned generation; /* moves with every event */
	unsigned count;
	struct cache *cache;
	unsigned events; /* handled so far */
	struct watched *by_path[WATCH_BUCKETS];
	struct watched *by_wd[WATCH_BUCKETS];
};

/* False with errno when there is no inotify to be had; everything is rechecked then. */
bool watch_open(struct watch *watch, struct cache *cache);
void watch_free(struct watch *watch);

/* Whether a site's directory (its path ends in '/') is watched. */
bool watch_has(const struct watch *watch, const struct tux_site *site, const uint8_t *path, uint32_t len);

/* Asks inotify for a directory; any thread. Returns the watch descriptor or -1. dir_fd may be O_PATH. */
int watch_ask(int inotify_fd, int dir_fd);

/* Like watch_ask(), but for events of mask, and for the first one alone. */
int watch_ask_once(int inotify_fd, int dir_fd, uint32_t mask);

/* Enters a directory that watch_ask() has got a descriptor for. */
void watch_enter(struct watch *watch, const struct tux_site *site, const uint8_t *path, uint32_t len, int wd);

/* Handles all events that are there. */
void watch_read(struct watch *watch);

#endif
