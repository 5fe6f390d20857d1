/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes an object out of a path: opens beneath the root, reads small bodies, finds precompressed siblings. */
#ifndef TUX_ENGINE_FILES_LOAD_H
#define TUX_ENGINE_FILES_LOAD_H

#include "../config.h"
#include "watch.h"

#include <time.h>

/* A directory of the path that has to be watched before the file is opened. */
struct load_watch {
	uint32_t path_len; /* of the key, its '/' included */
	int wd;            /* out: -1 when it could not be watched */
};

struct load {
	const struct tux_engine_config *config;
	const struct tux_site *site;
	const uint8_t *key; /* the normalised path; stays the caller's */
	uint32_t key_len;
	bool may_block;     /* else whatever would wait for a disk ends the attempt */
	bool may_take_long; /* in a slow job of the loader */
	int inotify_fd;     /* -1: nothing is watched */
	uint32_t watch_count;
	bool too_deep;      /* the path has more directories than watch[] */
	struct load_watch watch[WATCH_MAX_DEPTH];
	struct timespec began; /* by the clock of file systems; load_run() reads it before it looks at the file */
	struct object *object; /* out; NULL without memory */
};

/* False when it would block, or take long: run it again, from the start, where it may. Any thread. */
bool load_run(struct load *load);

/* Whether the file that an object was made of is still the same, by one call each to the file system. */
bool load_is_current(const struct object *object);

/* Opens the directory of a path that ends in '/' for reading it; -1 with errno. May block. */
int load_open_directory(const struct tux_site *site, const uint8_t *key, uint32_t key_len);

#endif
