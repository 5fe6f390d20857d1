/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "file_watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LOOK_MS = 1000 };

/* A version of a file. */
struct version {
	bool there;
	dev_t device;
	ino_t number;
	off_t size;
	struct timespec modified, changed;
};

struct tux_watched_file {
	const char *path;
	struct version noted; /* of the server process */
	struct version seen;  /* at the last look */
};

static struct version version_of(const char *path)
{
	struct version version = { .there = false };
	struct stat st;

	if (stat(path, &st) == 0)
		version = (struct version){ true, st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
	return version;
}

static bool is_same_time(struct timespec one, struct timespec other)
{
	return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

static bool is_same(const struct version *one, const struct version *other)
{
	return one->there == other->there && one->device == other->device && one->number == other->number && one->size == other->size &&
	       is_same_time(one->modified, other->modified) && is_same_time(one->changed, other->changed);
}

static bool has_changed(const struct tux_watched_file *file)
{
	return file->seen.there && !is_same(&file->noted, &file->seen);
}

/* Stores the files of a host. Returns false if out of memory. */
static bool add(struct tux_file_watch *watch, const struct tux_certificates *certificates)
{
	for (unsigned i = 0; i < certificates->count; i++) {
		struct tux_watched_file *grown;

		if (!certificates->files[i].staple)
			continue;
		grown = realloc(watch->file, (watch->count + 1) * sizeof(*grown));
		if (!grown)
			return false;
		watch->file = grown;
		grown[watch->count++] = (struct tux_watched_file){ .path = certificates->files[i].staple };
	}
	return true;
}

bool tux_file_watch_open(struct tux_file_watch *watch, const struct tux_settings *settings)
{
	bool added = add(watch, &settings->top.tls);

	for (unsigned i = 0; added && i < settings->host_count; i++)
		added = add(watch, &settings->host[i].tls);
	return added;
}

void tux_file_watch_note(struct tux_file_watch *watch, uint64_t now_ms)
{
	for (unsigned i = 0; i < watch->count; i++)
		watch->file[i].noted = watch->file[i].seen = version_of(watch->file[i].path);
	watch->looked_ms = now_ms;
}

bool tux_file_watch_changed(struct tux_file_watch *watch, uint64_t now_ms)
{
	bool changed = false;

	if (now_ms - watch->looked_ms < LOOK_MS)
		return false;
	watch->looked_ms = now_ms;
	for (unsigned i = 0; i < watch->count; i++) {
		const struct version now = version_of(watch->file[i].path);
		const bool rests = is_same(&now, &watch->file[i].seen);

		watch->file[i].seen = now;
		changed = changed || (rests && has_changed(&watch->file[i]));
	}
	return changed;
}

void tux_file_watch_print(const struct tux_file_watch *watch, FILE *out)
{
	for (unsigned i = 0; i < watch->count; i++)
		if (has_changed(&watch->file[i]))
			fprintf(out, "tux: %s: the OCSP response has changed; it is read again\n", watch->file[i].path);
}
