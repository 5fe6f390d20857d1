/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

/*
 * True if an object may be used. Objects with reliable watches, and objects on non-local file systems, are rechecked once per
 * recheck_ms. All others are rechecked with every request.
 */
static bool is_fresh(const struct worker *worker, struct object *object)
{
	uint64_t age = worker->now_ms - object->checked_ms;

	if ((object->sure || !object->local) && age < worker->config->recheck_ms)
		return true;
	if (!load_is_current(object))
		return false;
	object->checked_ms = worker->now_ms;
	return true;
}

/* Finds the directories of a path that are not watched yet, upper ones first. */
static void find_unwatched(const struct worker *worker, struct load *load)
{
	load->inotify_fd = worker->watch.fd;
	load->watch_count = 0;
	load->too_deep = false;
	if (load->inotify_fd < 0)
		return;
	for (uint32_t i = 0; i < load->key_len; i++) {
		if (load->key[i] != '/' || watch_has(&worker->watch, load->site, load->key, i + 1))
			continue;
		if (load->watch_count == WATCH_MAX_DEPTH) {
			load->too_deep = true;
			return;
		}
		load->watch[load->watch_count++] = (struct load_watch){ .path_len = i + 1, .wd = -1 };
	}
}

/* Records the new watches. An object with an unwatched directory is not sure. */
static void keep(struct worker *worker, const struct load *load, bool cacheable)
{
	struct object *object = load->object;

	for (uint32_t i = 0; i < load->watch_count; i++)
		if (load->watch[i].wd >= 0)
			watch_enter(&worker->watch, load->site, load->key, load->watch[i].path_len, load->watch[i].wd);
	if (object == NULL || object->kind != OBJECT_FILE)
		return;
	for (uint32_t i = 0; i < load->key_len && object->sure; i++)
		if (load->key[i] == '/' && !watch_has(&worker->watch, load->site, load->key, i + 1))
			object->sure = false;
	object->checked_ms = worker->now_ms;
	/* Only inotify reports another write in the same tick as the last one. Bodies in memory have tags of their bytes then. */
	if (cacheable && (object->settled || (object->sure && object->files == 0)))
		cache_insert(&worker->cache, object);
}

static void run_load(struct job *job)
{
	struct pending_load *miss = (struct pending_load *)job;

	miss->unfinished = !load_run(&miss->load);
}

static struct pending_load *begin(struct conn *conn, const uint8_t *path, uint32_t len)
{
	struct worker *worker = conn->worker;
	struct pending_load *miss;

	if (worker->miss_count >= MAX_MISSES || conn->waits >= MAX_WAITS)
		return NULL;
	miss = calloc(1, sizeof(*miss) + len);
	if (miss == NULL)
		return NULL;
	miss->key_len = len;
	memcpy(miss->key, path, len);
	miss->load.config = worker->config;
	miss->load.site = conn->site;
	miss->load.key = miss->key;
	miss->load.key_len = len;
	miss->load.may_block = true;
	miss->generation = worker->watch.generation;
	miss->wait.job.inbox = &worker->inbox;
	miss->next = worker->misses;
	worker->misses = miss;
	worker->miss_count++;
	return miss;
}

static void wait_for(struct conn *conn, struct pending_load *miss)
{
	conn->waits++;
	conn->pending = miss;
	conn->next_waiting = miss->waiting;
	miss->waiting = conn;
}

void lookup_leave(struct conn *conn)
{
	struct conn **link;

	if (conn->pending == NULL)
		return;
	link = &conn->pending->waiting;
	while (*link != conn)
		link = &(*link)->next_waiting;
	*link = conn->next_waiting;
	conn->pending = NULL;
}

/* Lets one load serve all connections that wait for its file. */
static void wait_for_object(struct conn *conn, const struct load *load)
{
	struct pending_load *miss = conn->worker->misses;

	while (miss != NULL &&
	       (miss->listing || miss->load.site != load->site || miss->key_len != load->key_len || memcmp(miss->key, load->key, load->key_len) != 0))
		miss = miss->next;
	if (miss == NULL) {
		miss = begin(conn, load->key, load->key_len);
		if (miss == NULL)
			return;
		find_unwatched(conn->worker, &miss->load);
		miss->wait.job.run = run_load;
		loader_submit(conn->worker->loader, &miss->wait.job);
	}
	if (conn->waits < MAX_WAITS)
		wait_for(conn, miss);
}

struct object *lookup(struct conn *conn, const uint8_t *path, uint32_t len)
{
	struct worker *worker = conn->worker;
	struct object *object;
	struct load load;

	for (int i = 0; i < MAX_LOADED && conn->loaded[i] != NULL; i++)
		if (conn->loaded[i]->key_len == len && memcmp(conn->loaded[i]->key, path, len) == 0)
			return object_get(conn->loaded[i]);
	object = cache_find(&worker->cache, conn->site, path, len);
	if (object != NULL && is_fresh(worker, object)) {
		count(&worker->counters.cache_hits, 1);
		return object_get(object);
	}
	if (object != NULL)
		cache_drop(&worker->cache, object);
	count(&worker->counters.cache_misses, 1);
	load.config = worker->config;
	load.site = conn->site;
	load.key = path;
	load.key_len = len;
	load.may_block = load.may_take_long = false;
	find_unwatched(worker, &load);
	if (!load_run(&load)) {
		wait_for_object(conn, &load);
		return NULL;
	}
	keep(worker, &load, true);
	if (load.object != NULL && load.object->kind == OBJECT_BUSY)
		cache_trim(&worker->cache, worker->cache.files / 2);
	return load.object;
}

bool lookup_listing(struct conn *conn, const struct object *directory, const uint8_t *query, uint32_t query_len, bool json)
{
	struct worker *worker = conn->worker;
	const struct listing_cache_request req = {
		.directory = directory,
		.query = query,
		.query_len = query_len,
		.json = json,
		.now_ms = worker->now_ms,
	};
	struct pending_load *miss = begin(conn, directory->key, directory->key_len);
	bool failed;

	if (miss == NULL)
		return false;
	miss->listing = true;
	wait_for(conn, miss); /* before another thread can deliver it */
	conn->listing = listing_cache_ask(worker->listings, &req, &miss->wait, &failed);
	if (conn->listing == NULL && !failed)
		return true;
	lookup_leave(conn);
	conn->waits--;
	worker->misses = miss->next; /* begin() has inserted it there */
	worker->miss_count--;
	free(miss);
	return !failed;
}

/*
 * Keeps the object of a load for conn. A missing file may not be in any cache of names, as on tmpfs; a new look-up would miss
 * again.
 */
static void keep_loaded(struct conn *conn, struct object *object)
{
	for (int i = 0; i < MAX_LOADED; i++)
		if (conn->loaded[i] == NULL) {
			conn->loaded[i] = object_get(object);
			return;
		}
}

bool lookup_continue(struct worker *worker, struct pending_load *miss)
{
	if (!miss->unfinished || miss->waiting == NULL)
		return false;
	miss->unfinished = false;
	miss->load.may_take_long = true;
	miss->wait.job.slow = true;
	loader_submit(worker->loader, &miss->wait.job);
	return true;
}

struct conn *lookup_finish(struct worker *worker, struct pending_load *miss)
{
	struct conn *waiting = miss->waiting;
	struct pending_load **link = &worker->misses;

	while (*link != miss)
		link = &(*link)->next;
	*link = miss->next;
	worker->miss_count--;
	/* An event since the start of the load may concern this file. The object then serves the waiting connections only. */
	if (!miss->listing)
		keep(worker, &miss->load, miss->generation == worker->watch.generation);
	for (struct conn *conn = waiting; conn != NULL; conn = conn->next_waiting) {
		conn->pending = NULL;
		if (miss->listing) { /* only one connection waits for a listing */
			conn->listing = miss->wait.page;
			conn->listing_failed = miss->wait.page == NULL;
			miss->wait.page = NULL;
		} else if (miss->load.object != NULL) {
			keep_loaded(conn, miss->load.object);
		}
	}
	if (miss->load.object != NULL)
		object_put(miss->load.object);
	page_put(miss->wait.page);
	free(miss);
	return waiting;
}
