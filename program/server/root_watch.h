/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches the paths of document roots, including links, and reports when one leads to another directory. */
#ifndef TUX_PROGRAM_SERVER_ROOT_WATCH_H
#define TUX_PROGRAM_SERVER_ROOT_WATCH_H

#include <stdint.h>
#include <stdio.h>

#include "../settings/settings.h"
#include "root.h"

struct tux_watched_root;
struct tux_watched_name;
struct tux_watched_list;

/* Zero-initialize before use. */
struct tux_root_watch {
	struct tux_watched_root *root;
	unsigned count;
	struct tux_watched_name **bucket; /* hash table of the names on all paths */
	unsigned bucket_mask;
	struct tux_watched_list *list; /* directories whose directories are hosts */
	unsigned list_count;
	struct tux_root_walk walk;
	int fd;               /* inotify; -1 = not available, paths are only checked periodically */
	uint32_t recheck_ms;  /* interval of the checks that do not depend on inotify */
	uint64_t looked_ms;   /* time of the last check of all paths */
	uint64_t cost_ms;     /* time that a check of all paths took */
	bool look_due;        /* an event concerned several paths, which are followed again */
	bool list_due;        /* an event concerned a host of a list */
	uint64_t listed_ms;   /* time of the last check of all lists */
	uint64_t list_cost_ms; /* time that it took */
	unsigned differing;   /* paths that lead to another directory than noted, or to none */
	unsigned replaced;    /* those of them that lead to a directory */
	uint64_t changed_ms;  /* time since which paths differ; 0 = no change */
};

/*
 * Stores the document roots of a settings, whose texts must outlive the watch. Returns false if out of memory; call
 * tux_root_watch_close() also then.
 */
bool tux_root_watch_open(struct tux_root_watch *watch, const struct tux_settings *settings);
void tux_root_watch_close(struct tux_root_watch *watch);

/* Follows all paths and notes their directories. A server process that starts afterwards serves these directories or newer ones. */
void tux_root_watch_note(struct tux_root_watch *watch, uint64_t now_ms);

/*
 * Reads events. Follows the paths again after a relevant event or when the interval has passed. Returns true if a path leads to
 * another directory than noted, or a host was added or removed. A path that leads nowhere counts only after a second.
 */
bool tux_root_watch_changed(struct tux_root_watch *watch, uint64_t now_ms);

/* Returns the milliseconds until tux_root_watch_changed() is due without an event. */
int tux_root_watch_wait_ms(const struct tux_root_watch *watch, uint64_t now_ms);

/* Prints the paths that have changed, one a line. */
void tux_root_watch_print(const struct tux_root_watch *watch, FILE *out);

#endif
