/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listings of all threads. A listing is made once for all waiting requests, by a limited number of loader threads, and kept
 * until its directory changes.
 */
#ifndef TUX_ENGINE_FILES_LISTING_CACHE_H
#define TUX_ENGINE_FILES_LISTING_CACHE_H

#include "../config.h"
#include "loader.h"
#include "object.h"

/* A listing's text, shared by all connections that send it. */
struct page {
	unsigned refs; /* atomic */
	size_t len;
	uint8_t *text;
};

/* Embedded in each object that waits for a listing. */
struct listing_wait {
	struct job job;    /* delivered to its inbox with the listing */
	struct page *page; /* out: a reference; NULL = failed */
};

struct listing_cache_entry;

struct listing_cache {
	pthread_mutex_t lock;
	struct loader *loader;
	int inotify_fd;      /* -1 = listings are kept for recheck_ms only */
	uint32_t recheck_ms;
	uint64_t bytes;      /* bytes of kept pages */
	uint64_t max_bytes;
	unsigned count;
	uint64_t turns;      /* number of uses */
	uint64_t made;       /* atomic */
	struct listing_cache_entry *first;
};

/* A request for the listing of a directory, whose object is OBJECT_LISTABLE. */
struct listing_cache_request {
	const struct object *directory;
	const uint8_t *query;
	uint32_t query_len;
	bool json;
	uint64_t now_ms; /* monotonic */
};

/* Never fails. Without inotify or memory it keeps less. */
void listing_cache_open(struct listing_cache *listings, struct loader *loader, uint64_t max_bytes, uint32_t recheck_ms);

/* Delivers all waits without a page. Call it after loader_stop(). */
void listing_cache_stop(struct listing_cache *listings);

/* Returns a reference to the page. Returns NULL if wait is delivered later, or, with *failed, if out of memory. Any thread. */
struct page *listing_cache_ask(struct listing_cache *listings, const struct listing_cache_request *req, struct listing_wait *wait, bool *failed);

/* Takes another reference. */
struct page *page_get(struct page *page);

/* Gives a reference back; NULL: does nothing. */
void page_put(struct page *page);

#endif
