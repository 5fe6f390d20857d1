/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

#include "sibling_scan.h"

/* Returns the bytes of a path up to the last '/', which is included. */
static uint32_t directory_len(const uint8_t *path, uint32_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len;
}

/* True if the file of an object is unchanged, and its directory is still the watched one. */
static bool is_current(struct files *files, const struct object *object)
{
	const uint32_t len = directory_len(object->key, object->key_len);

	return load_is_current(object) &&
	       (!object->sure || watch_holds(&files->watch, object->host, object->key, len, *files->now_ms, files->config->recheck_ms));
}

/*
 * Returns a cached object that may be used, or NULL. Objects with reliable watches, and objects on non-local file systems, are rechecked
 * once per recheck_ms. All others are rechecked with every request.
 */
static struct object *find_fresh(struct files *files, const struct tux_host *host, const uint8_t *path, uint32_t len)
{
	struct object *object = cache_find(&files->cache, host, path, len);
	bool current;

	if (object == NULL)
		return NULL;
	if ((object->sure || !object->local) && *files->now_ms - object->checked_ms < files->config->recheck_ms)
		return object;
	object_get(object); /* a mount on its directory drops it */
	current = is_current(files, object);
	if (current)
		object->checked_ms = *files->now_ms;
	else
		cache_drop(&files->cache, object);
	object_put(object);
	return current ? object : NULL;
}

/* Finds the directories of a path that are not watched yet, upper ones first. */
static void find_unwatched(const struct files *files, struct load *load)
{
	load->inotify_fd = files->watch.fd;
	load->watch_count = 0;
	load->too_deep = false;
	if (load->inotify_fd < 0)
		return;
	for (uint32_t i = 0; i < load->key_len; i++) {
		if (load->key[i] != '/' || watch_has(&files->watch, load->host, load->key, i + 1))
			continue;
		if (load->watch_count == WATCH_MAX_DEPTH) {
			load->too_deep = true;
			return;
		}
		load->watch[load->watch_count++] = (struct watch_entry){ .path_len = i + 1, .wd = -1 };
	}
}

static void run_load(struct job *job)
{
	struct pending_load *miss = (struct pending_load *)job;

	miss->unfinished = !load_run(&miss->load);
}

static void run_scan(struct job *job)
{
	sibling_scan_run(&((struct pending_load *)job)->scan);
}

static struct pending_load *begin(struct files *files, const struct tux_host *host, const uint8_t *path, uint32_t len)
{
	struct pending_load *miss;

	if (files->miss_count >= MAX_MISSES)
		return NULL;
	miss = calloc(1, sizeof(*miss) + len);
	if (miss == NULL)
		return NULL;
	miss->key_len = len;
	memcpy(miss->key, path, len);
	miss->load.config = files->config;
	miss->load.host = host;
	miss->load.key = miss->key;
	miss->load.key_len = len;
	miss->load.may_block = true;
	miss->generation = files->watch.generation;
	miss->removed = files->watch.removed;
	miss->wait.job.inbox = &files->inbox;
	miss->wait.job.group = (uintptr_t)host; /* whose root may hang: other hosts have threads of their own */
	miss->next = files->misses;
	files->misses = miss;
	files->miss_count++;
	return miss;
}

/* Starts to read the names in the directory of a loaded file, if more than a few files are loaded from it. */
static void learn(struct files *files, const struct load *load)
{
	struct watch_scan scan = { .host = load->host, .path = load->key, .path_len = directory_len(load->key, load->key_len) };
	struct pending_load *miss;

	if (load->object == NULL || load->object->kind != OBJECT_FILE || !load->object->sure)
		return;
	memcpy(scan.siblings.key, files->config->etag_key, sizeof(scan.siblings.key));
	if (!watch_learn(&files->watch, &scan, *files->now_ms))
		return;
	miss = begin(files, load->host, load->key, scan.path_len);
	if (miss == NULL) {
		watch_learned(&files->watch, &scan, *files->now_ms);
		return;
	}
	miss->scans = true;
	miss->scan = scan;
	miss->scan.path = miss->key;
	miss->wait.job.run = run_scan;
	loader_submit(files->slow, &miss->wait.job);
}

/* Records the new watches, or ends them if a watch was removed since the start of the load: it may be one of them. */
static void keep_watches(struct files *files, const struct load *load, unsigned removed)
{
	struct watch *watch = &files->watch;

	for (uint32_t i = 0; i < load->watch_count; i++) {
		if (load->watch[i].wd < 0)
			continue;
		if (watch->removed == removed)
			watch_enter(watch, load->host, load->key, &load->watch[i]);
		else
			watch_drop(watch, load->watch[i].wd);
	}
}

/* Records the new watches. An object with an unwatched directory is not sure. removed: by the watch before the start of the load. */
static void keep(struct files *files, const struct load *load, bool cacheable, unsigned removed)
{
	struct object *object = load->object;

	keep_watches(files, load, removed);
	if (object == NULL || object->kind != OBJECT_FILE)
		return;
	for (uint32_t i = 0; i < load->key_len && object->sure; i++)
		if (load->key[i] == '/' && !watch_has(&files->watch, load->host, load->key, i + 1))
			object->sure = false;
	object->checked_ms = *files->now_ms;
	/* Only inotify reports another write in the same tick as the last one. Bodies in memory have tags of their bytes then. */
	if (cacheable && (object->settled || (object->sure && object->files == 0)))
		cache_insert(&files->cache, object);
}

static void wait_for(struct load_waiter *waiter, struct pending_load *miss)
{
	waiter->waits++;
	waiter->pending = miss;
	waiter->next = miss->waiting;
	miss->waiting = waiter;
}

void lookup_leave(struct load_waiter *waiter)
{
	struct load_waiter **link;

	if (waiter->pending == NULL)
		return;
	link = &waiter->pending->waiting;
	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	waiter->pending = NULL;
}

void lookup_give_up(struct load_waiter *waiter)
{
	lookup_leave(waiter);
	waiter->waits = MAX_WAITS;
}

/* True if a load under way is for the same object. An event since its start may concern the file, so later waiters need another load. */
static bool is_load_of(const struct files *files, const struct pending_load *miss, const struct load *load)
{
	return !miss->listing && !miss->scans && miss->generation == files->watch.generation && miss->load.host == load->host &&
	       miss->key_len == load->key_len && memcmp(miss->key, load->key, load->key_len) == 0;
}

/* Lets one load serve all waiters for its file. */
static void wait_for_object(struct files *files, struct load_waiter *waiter, const struct load *load)
{
	struct pending_load *miss = files->misses;

	while (miss != NULL && !is_load_of(files, miss, load))
		miss = miss->next;
	if (miss == NULL) {
		miss = waiter->waits < MAX_WAITS ? begin(files, load->host, load->key, load->key_len) : NULL;
		if (miss == NULL)
			return;
		find_unwatched(files, &miss->load);
		miss->wait.job.run = run_load;
		loader_submit(files->loader, &miss->wait.job);
	}
	if (waiter->waits < MAX_WAITS)
		wait_for(waiter, miss);
}

struct object *lookup(struct files *files, struct load_waiter *waiter, const struct tux_host *host, const uint8_t *path, uint32_t len)
{
	struct object *object;
	unsigned removed;
	struct load load;

	for (int i = 0; i < MAX_LOADED && waiter->loaded[i] != NULL; i++)
		if (waiter->loaded[i]->key_len == len && memcmp(waiter->loaded[i]->key, path, len) == 0)
			return object_get(waiter->loaded[i]);
	object = find_fresh(files, host, path, len);
	if (object != NULL) {
		count(&files->counters->cache_hits, 1);
		return object_get(object);
	}
	count(&files->counters->cache_misses, 1);
	load.config = files->config;
	load.host = host;
	load.key = path;
	load.key_len = len;
	load.may_block = load.may_take_long = false;
	load.siblings = watch_siblings(&files->watch, host, path, directory_len(path, len), *files->now_ms, files->config->recheck_ms);
	load.systems = &files->systems;
	files->systems.now_ms = *files->now_ms;
	files->systems.keep_ms = files->config->recheck_ms;
	removed = files->watch.removed;
	find_unwatched(files, &load);
	if (!load_run(&load)) {
		wait_for_object(files, waiter, &load);
		return NULL;
	}
	keep(files, &load, true, removed);
	count(&files->counters->siblings_known, load.siblings != NULL && load.object != NULL && load.object->kind == OBJECT_FILE);
	learn(files, &load);
	if (load.object != NULL && load.object->kind == OBJECT_BUSY)
		files_trim(files);
	return load.object;
}

void files_trim(struct files *files)
{
	cache_trim(&files->cache, files->cache.files / 2);
}

bool lookup_listing(struct files *files, struct load_waiter *waiter, const struct object *directory, const uint8_t *query, uint32_t query_len, bool json)
{
	const struct listing_cache_request req = {
		.directory = directory,
		.query = query,
		.query_len = query_len,
		.json = json,
		.now_ms = *files->now_ms,
	};
	struct pending_load *miss = waiter->waits < MAX_WAITS ? begin(files, directory->host, directory->key, directory->key_len) : NULL;
	bool failed;

	if (miss == NULL)
		return false;
	miss->listing = true;
	wait_for(waiter, miss); /* before another thread can deliver it */
	waiter->listing = listing_cache_ask(files->listings, &req, &miss->wait, &failed);
	if (waiter->listing == NULL && !failed)
		return true;
	lookup_leave(waiter);
	waiter->waits--;
	files->misses = miss->next; /* begin() has inserted it there */
	files->miss_count--;
	free(miss);
	return !failed;
}

/*
 * Keeps the object of a load for the waiter. A missing file may not be in any cache of names, as on tmpfs; a new look-up would miss
 * again.
 */
static void keep_loaded(struct load_waiter *waiter, struct object *object)
{
	for (int i = 0; i < MAX_LOADED; i++)
		if (waiter->loaded[i] == NULL) {
			waiter->loaded[i] = object_get(object);
			return;
		}
}

void load_waiter_release(struct load_waiter *waiter)
{
	for (int i = 0; i < MAX_LOADED && waiter->loaded[i] != NULL; i++) {
		object_put(waiter->loaded[i]);
		waiter->loaded[i] = NULL;
	}
	if (waiter->listing != NULL)
		page_put(waiter->listing);
	waiter->listing = NULL;
}

bool lookup_continue(struct files *files, struct pending_load *miss)
{
	if (!miss->unfinished || miss->waiting == NULL)
		return false;
	miss->unfinished = false;
	miss->load.may_take_long = true;
	loader_submit(files->slow, &miss->wait.job);
	return true;
}

struct load_waiter *lookup_finish(struct files *files, struct pending_load *miss)
{
	struct load_waiter *waiting = miss->waiting;
	struct pending_load **link = &files->misses;

	while (*link != miss)
		link = &(*link)->next;
	*link = miss->next;
	files->miss_count--;
	/* An event since the start of the load may concern this file. The object then serves the present waiters only. */
	if (miss->scans)
		count(&files->counters->directories_learned, watch_learned(&files->watch, &miss->scan, *files->now_ms));
	else if (!miss->listing)
		keep(files, &miss->load, miss->generation == files->watch.generation, miss->removed);
	if (waiting != NULL) /* the loader runs */
		learn(files, &miss->load);
	for (struct load_waiter *waiter = waiting; waiter != NULL; waiter = waiter->next) {
		waiter->pending = NULL;
		if (miss->listing) { /* only one waiter waits for a listing */
			waiter->listing = miss->wait.page;
			waiter->listing_failed = miss->wait.page == NULL;
			miss->wait.page = NULL;
		} else if (miss->load.object != NULL) {
			keep_loaded(waiter, miss->load.object);
		}
	}
	if (miss->load.object != NULL)
		object_put(miss->load.object);
	page_put(miss->wait.page);
	free(miss);
	return waiting;
}
