/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the object of a path: in the cache, by a load that does not block, or by a miss that a loader thread processes. */
#ifndef TUX_ENGINE_FILES_LOOKUP_H
#define TUX_ENGINE_FILES_LOOKUP_H

#include "../stats/counters.h"
#include "cache.h"
#include "listing_cache.h"
#include "load.h"
#include "loader.h"
#include "watch.h"

enum {
	MAX_MISSES = 1024, /* loads under way, per thread; more is 503 */
	MAX_LOADED = 3,    /* paths per waiter: its own, the root's index, the page for 404 */
	MAX_WAITS = 8,     /* loads that one waiter may wait for; more is 503 */
};

/* Embedded in the object that waits for loads. Zero-initialize before use. */
struct load_waiter {
	struct pending_load *pending; /* NULL: waits for no load */
	struct load_waiter *next;     /* waits for the same load */
	struct object *loaded[MAX_LOADED]; /* results: references */
	struct page *listing;         /* like loaded */
	bool listing_failed;
	uint8_t waits;                /* loads that it has waited for */
};

/* An object being loaded or a listing being made, and the waiters for it. */
struct pending_load {
	struct listing_wait wait; /* first member: its job is the load's, or comes back with a listing */
	struct load load;
	struct pending_load *next;
	struct load_waiter *waiting;
	unsigned generation;      /* of the watch at the start */
	unsigned removed;         /* by the watch before the start */
	struct watch_scan scan;
	bool listing;
	bool scans;               /* reads a directory for scan; no waiter waits */
	bool unfinished;          /* takes long: the slow loader continues it */
	uint32_t key_len;
	uint8_t key[];
};

/* The files of a thread: its cache, and its loads under way. */
struct files {
	const struct tux_engine_config *config;
	struct tux_counters *counters;  /* the thread's */
	const uint64_t *now_ms;         /* the thread's */
	struct loader *loader;          /* the engine's */
	struct loader *slow;            /* the engine's, for jobs that take long */
	struct listing_cache *listings; /* the engine's */
	struct cache cache;
	struct watch watch;
	struct file_systems systems;
	struct inbox inbox;
	struct pending_load *misses;
	unsigned miss_count;
};

/*
 * Returns the object of a normalised path of a host, with a reference for the caller. Returns NULL if the waiter waits for
 * waiter->pending. That is NULL, too, if out of memory, or if too many loads are under way.
 */
struct object *lookup(struct files *files, struct load_waiter *waiter, const struct tux_host *host, const uint8_t *path, uint32_t len);

/*
 * Gets the listing of a directory (an object of kind OBJECT_LISTABLE): sets waiter->listing, or waiter->pending, which brings it.
 * Returns false if out of memory, or if too many loads are under way. query is the target's, as sent.
 */
bool lookup_listing(struct files *files, struct load_waiter *waiter, const struct object *directory, const uint8_t *query, uint32_t query_len, bool json);

/* True if a miss takes long: it runs again in the slow loader. Else lookup_finish() is due. Only while the loader runs. */
bool lookup_continue(struct files *files, struct pending_load *miss);

/* Ends a finished miss: its result goes into the cache and to its waiters. Returns the waiters, linked by next. Frees the miss. */
struct load_waiter *lookup_finish(struct files *files, struct pending_load *miss);

/* Removes a waiter from the load that it waits for, if it does. */
void lookup_leave(struct load_waiter *waiter);

/* Removes a waiter from the load that it waits for. It finds only what is in the cache or can be loaded at once from now on. */
void lookup_give_up(struct load_waiter *waiter);

/* Frees the results of a waiter. */
void load_waiter_release(struct load_waiter *waiter);

/* Closes half of the descriptors in the cache, because the process is out of descriptors. */
void files_trim(struct files *files);

#endif
