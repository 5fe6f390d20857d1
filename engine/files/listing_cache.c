/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inotify reports changes of a directory, and of files through their names in it. A listing that depends on more (targets of links,
 * files with several names, times of subdirectories) is kept only for recheck_ms.
 */
#include "listing_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "listing.h"
#include "load.h"

enum { MAX_ENTRIES = 256 };

static const uint32_t MASK = IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF |
                             IN_MOVE_SELF | IN_ONLYDIR;

struct listing_cache_entry {
	struct job job; /* must be first; the job that makes the listing */
	struct listing_cache *listings;
	struct listing_cache_entry *next;
	const struct tux_host *host;
	struct job *waiting; /* requests from before the start of the job */
	struct job *joined;  /* requests since the start of the job */
	struct page *page;   /* NULL = it is being made */
	struct stamp stamp;  /* stamp of the directory when it was read */
	uint64_t made_ms;
	uint64_t turn;       /* turn of the last use */
	int wd;              /* -1 = not watched */
	bool changed;        /* the directory changed since the start of the job */
	bool asking;         /* a watch is being added, so wd is not known yet */
	bool sure;           /* inotify reports every change */
	bool local;
	bool json;
	unsigned order;
	uint32_t query_len;
	uint32_t path_len;
	uint8_t path[];      /* followed by the query */
};

struct page *page_get(struct page *page)
{
	__atomic_add_fetch(&page->refs, 1, __ATOMIC_RELAXED);
	return page;
}

void page_put(struct page *page)
{
	if (page == NULL || __atomic_sub_fetch(&page->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	free(page->text);
	free(page);
}

void listing_cache_open(struct listing_cache *listings, struct loader *loader, uint64_t max_bytes, uint32_t recheck_ms)
{
	*listings = (struct listing_cache){ .loader = loader, .max_bytes = max_bytes, .recheck_ms = recheck_ms };
	pthread_mutex_init(&listings->lock, NULL);
	listings->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
}

/* Removes an entry from the list and frees it. No request may wait for it. */
static void drop(struct listing_cache *listings, struct listing_cache_entry *entry)
{
	struct listing_cache_entry **link = &listings->first;
	bool shared = false;

	while (*link != entry)
		link = &(*link)->next;
	*link = entry->next;
	listings->count--;
	if (entry->page != NULL)
		listings->bytes -= entry->page->len;
	for (const struct listing_cache_entry *other = listings->first; other != NULL; other = other->next)
		shared = shared || other->wd == entry->wd;
	if (entry->wd >= 0 && !shared)
		inotify_rm_watch(listings->inotify_fd, entry->wd);
	page_put(entry->page);
	free(entry);
}

/* Delivers a page, or NULL, to a list of waits. */
static void deliver(struct job **list, struct page *page)
{
	struct job *job = *list;

	*list = NULL;
	while (job != NULL) {
		struct job *next = job->next;

		((struct listing_wait *)job)->page = page != NULL ? page_get(page) : NULL;
		loader_deliver(job);
		job = next;
	}
}

/*
 * Handles a change of the directory of wd; -1 = of all. A watch ends with its first event, so that unread events stay few. A watch
 * without an entry may be one that is being added, so each such entry counts as changed.
 */
static void on_change(struct listing_cache *listings, int wd)
{
	struct listing_cache_entry *entry = listings->first;
	bool known = wd == -1;

	for (const struct listing_cache_entry *one = entry; one != NULL; one = one->next)
		known = known || one->wd == wd;
	while (entry != NULL) {
		struct listing_cache_entry *next = entry->next;

		if (wd == -1 || entry->wd == wd || (!known && entry->asking)) {
			entry->wd = -1;
			entry->changed = true;
			if (entry->page != NULL)
				drop(listings, entry);
		}
		entry = next;
	}
}

static void read_changes(struct listing_cache *listings)
{
	_Alignas(struct inotify_event) char buffer[4096];
	ssize_t n;

	while (listings->inotify_fd >= 0 && (n = read(listings->inotify_fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t off = 0; off < n;) {
			const struct inotify_event *event = (const struct inotify_event *)(buffer + off);

			on_change(listings, event->mask & IN_Q_OVERFLOW ? -1 : event->wd);
			off += (ssize_t)(sizeof(*event) + event->len);
		}
}

static bool same_directory(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->mtime_s == b->mtime_s && a->mtime_ns == b->mtime_ns &&
	       a->ctime_s == b->ctime_s && a->ctime_ns == b->ctime_ns;
}

static bool is_fresh(const struct listing_cache *listings, const struct listing_cache_entry *entry, const struct listing_cache_request *req)
{
	return same_directory(&entry->stamp, &req->directory->representation[TUX_CODING_IDENTITY]->stamp) &&
	       (entry->sure || req->now_ms - entry->made_ms < listings->recheck_ms);
}

/* Evicts the least recently used entries until everything fits. */
static void evict(struct listing_cache *listings, const struct listing_cache_entry *kept)
{
	while (listings->bytes > listings->max_bytes || listings->count > MAX_ENTRIES) {
		struct listing_cache_entry *oldest = NULL;

		for (struct listing_cache_entry *entry = listings->first; entry != NULL; entry = entry->next)
			if (entry->page != NULL && entry != kept && (oldest == NULL || entry->turn < oldest->turn))
				oldest = entry;
		if (oldest == NULL)
			return;
		drop(listings, oldest);
	}
}

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Reads the directory and returns its page; NULL on failure. */
static struct page *make(struct listing_cache_entry *entry, int dir_fd)
{
	const struct tux_host *host = entry->host;
	const struct tux_listing_request req = {
		.host = host,
		.dir_fd = dir_fd,
		.path = entry->path,
		.path_len = entry->path_len,
		.query = entry->path + entry->path_len,
		.query_len = entry->query_len,
		.json = entry->json,
		.dot_files = host->dot_files,
		.modes = host->modes,
		.sure = &entry->sure,
	};
	struct page *page = calloc(1, sizeof(*page));

	entry->sure = entry->local;
	if (page == NULL)
		return NULL;
	page->refs = 1;
	if (tux_listing_render(&req, &page->text, &page->len))
		return page;
	free(page);
	return NULL;
}

/* Gets the directory's stamp. Returns false with errno. */
static bool look(int dir_fd, struct stamp *stamp)
{
	struct stat st;

	if (fstat(dir_fd, &st) != 0)
		return false;
	stamp_from_stat(stamp, &st);
	return true;
}

/* Delivers a finished listing, and keeps or drops the entry. Returns true if the joined requests need another one. */
static bool finish(struct listing_cache *listings, struct listing_cache_entry *entry, struct page *page, bool same)
{
	read_changes(listings);
	deliver(&entry->waiting, page);
	if (page != NULL && entry->joined != NULL && (entry->changed || !same)) { /* the change may precede their requests */
		entry->waiting = entry->joined;
		entry->joined = NULL;
		return true;
	}
	deliver(&entry->joined, page);
	if (page == NULL || entry->changed || !same || page->len > listings->max_bytes) {
		drop(listings, entry);
		return false;
	}
	entry->sure = entry->sure && entry->wd >= 0;
	entry->made_ms = monotonic_ms();
	entry->turn = ++listings->turns;
	entry->page = page_get(page);
	listings->bytes += page->len;
	evict(listings, entry);
	return false;
}

/* Adds a watch before the directory is read. Called without the lock, so that a slow file system delays only this thread. */
static void watch_directory(struct listing_cache *listings, struct listing_cache_entry *entry, int dir_fd)
{
	int wd = -1;

	pthread_mutex_lock(&listings->lock);
	read_changes(listings);
	entry->changed = false;
	entry->asking = true;
	pthread_mutex_unlock(&listings->lock);
	if (dir_fd >= 0 && listings->inotify_fd >= 0)
		wd = watch_ask_once(listings->inotify_fd, dir_fd, MASK);
	pthread_mutex_lock(&listings->lock);
	entry->asking = false;
	entry->wd = wd;
	pthread_mutex_unlock(&listings->lock);
}

/* Makes a listing. Runs in a loader thread. */
static void run(struct job *job)
{
	struct listing_cache_entry *const entry = (struct listing_cache_entry *)job;
	struct listing_cache *const listings = entry->listings;
	const int dir_fd = load_open_directory(entry->host, entry->path, entry->path_len);
	struct page *page = NULL;
	struct stamp after;
	bool same, again;

	watch_directory(listings, entry, dir_fd);
	if (dir_fd >= 0 && look(dir_fd, &entry->stamp))
		page = make(entry, dir_fd);
	same = page != NULL && look(dir_fd, &after) && same_directory(&entry->stamp, &after);
	if (dir_fd >= 0)
		close(dir_fd);
	pthread_mutex_lock(&listings->lock);
	__atomic_store_n(&listings->made, listings->made + 1, __ATOMIC_RELAXED);
	again = finish(listings, entry, page, same);
	pthread_mutex_unlock(&listings->lock);
	page_put(page);
	if (again)
		loader_submit(listings->loader, &entry->job);
}

static struct listing_cache_entry *find(const struct listing_cache *listings, const struct listing_cache_request *req, unsigned order)
{
	const struct object *directory = req->directory;
	struct listing_cache_entry *entry = listings->first;

	while (entry != NULL && (entry->host != directory->host || entry->json != req->json || entry->order != order ||
	                         entry->path_len != directory->key_len || memcmp(entry->path, directory->key, directory->key_len) != 0))
		entry = entry->next;
	return entry;
}

static struct listing_cache_entry *begin(struct listing_cache *listings, const struct listing_cache_request *req, unsigned order)
{
	const struct object *directory = req->directory;
	struct listing_cache_entry *entry = calloc(1, sizeof(*entry) + directory->key_len + req->query_len);

	if (entry == NULL)
		return NULL;
	entry->job.run = run;
	entry->job.group = (uintptr_t)directory->host;
	entry->listings = listings;
	entry->host = directory->host;
	entry->local = directory->local;
	entry->json = req->json;
	entry->order = order;
	entry->wd = -1;
	entry->path_len = directory->key_len;
	memcpy(entry->path, directory->key, directory->key_len);
	entry->query_len = req->query_len;
	if (req->query_len > 0)
		memcpy(entry->path + directory->key_len, req->query, req->query_len);
	entry->next = listings->first;
	listings->first = entry;
	listings->count++;
	return entry;
}

struct page *listing_cache_ask(struct listing_cache *listings, const struct listing_cache_request *req, struct listing_wait *wait, bool *failed)
{
	const unsigned order = tux_listing_order(req->query, req->query_len);
	struct listing_cache_entry *entry;
	struct page *page = NULL;
	bool begun = false;

	*failed = false;
	pthread_mutex_lock(&listings->lock);
	read_changes(listings);
	entry = find(listings, req, order);
	if (entry != NULL && entry->page != NULL && is_fresh(listings, entry, req)) {
		entry->turn = ++listings->turns;
		page = page_get(entry->page);
	} else if (entry != NULL && entry->page == NULL) {
		wait->job.next = entry->joined;
		entry->joined = &wait->job;
	} else {
		if (entry != NULL)
			drop(listings, entry);
		entry = begin(listings, req, order);
		begun = entry != NULL;
		*failed = entry == NULL;
		if (begun) {
			wait->job.next = NULL;
			entry->waiting = &wait->job;
		}
	}
	pthread_mutex_unlock(&listings->lock);
	if (begun)
		loader_submit(listings->loader, &entry->job);
	return page;
}

void listing_cache_stop(struct listing_cache *listings)
{
	if (listings->loader == NULL)
		return;
	while (listings->first != NULL) {
		deliver(&listings->first->waiting, NULL);
		deliver(&listings->first->joined, NULL);
		drop(listings, listings->first);
	}
	if (listings->inotify_fd >= 0)
		close(listings->inotify_fd);
	pthread_mutex_destroy(&listings->lock);
	listings->loader = NULL;
}
