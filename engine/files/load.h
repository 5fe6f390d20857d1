/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes an object from a path: opens beneath the root, reads small bodies, finds precompressed siblings. */
#ifndef TUX_ENGINE_FILES_LOAD_H
#define TUX_ENGINE_FILES_LOAD_H

#include "../config.h"
#include "watch.h"

#include <time.h>

struct load {
	const struct tux_engine_config *config;
	const struct tux_host *host;
	const uint8_t *key; /* normalised path, owned by the caller */
	uint32_t key_len;
	bool may_block;     /* else a wait for a disk ends the attempt */
	bool may_take_long; /* in the slow loader */
	int inotify_fd;     /* -1 = nothing is watched */
	uint32_t watch_count;
	bool too_deep;      /* the path has more directories than watch[] */
	struct watch_entry watch[WATCH_MAX_DEPTH]; /* directories to watch before the file is opened; out: their watches */
	const struct siblings *siblings; /* in the file's directory; NULL: unknown */
	struct file_systems *systems;    /* of the thread; NULL: another thread runs the load */
	struct timespec began; /* start, by the clock of file systems; set by load_run() before it opens the file */
	struct object *object; /* out; NULL = out of memory */
};

/* Returns false if it would block or take long. Run it again then, from the start, in a thread that may. Any thread. */
bool load_run(struct load *load);

/* True if the file of an object is unchanged, by one call per representation to the file system. */
bool load_is_current(const struct object *object);

/* Opens the directory of a path that ends in '/' for reading. Returns -1 with errno. May block. */
int load_open_directory(const struct tux_host *host, const uint8_t *key, uint32_t key_len);

#endif
