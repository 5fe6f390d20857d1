/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches the paths of document roots, links and all, and tells when one leads to another directory than it did. */
#ifndef TUX_PROGRAM_SERVER_ROOT_WATCH_H
#define TUX_PROGRAM_SERVER_ROOT_WATCH_H

#include <stdint.h>
#include <stdio.h>

#include "../command.h"

struct tux_watched_root;
struct tux_watched_name;

/* Zero-initialize before use. */
struct tux_root_watch {
	struct tux_watched_root *root;
	unsigned count;
	struct tux_watched_name *names; /* that the paths lead over, a list */
	int fd;               /* inotify; -1: there is no watch, and paths are followed again from time to time */
	uint32_t recheck_ms;  /* how often they are followed again whatever inotify sees */
	uint64_t looked_ms;   /* when they were followed last */
	uint64_t changed_ms;  /* since when a path has led elsewhere than noted, or nowhere; 0: it does not */
};

/* Takes the roots of a command, whose texts stay, and follows their paths. False without memory; close it all the same. */
bool tux_root_watch_open(struct tux_root_watch *watch, const struct tux_command *command);
void tux_root_watch_close(struct tux_root_watch *watch);

/* Follows all paths, and notes the directories that they lead to: a process that starts now serves them, or later ones. */
void tux_root_watch_note(struct tux_root_watch *watch, uint64_t now_ms);

/*
 * Reads events, and follows the paths again if one of them may matter or it is time. True if a path leads to another directory
 * than noted; one that leads nowhere has to do so for a second.
 */
bool tux_root_watch_changed(struct tux_root_watch *watch, uint64_t now_ms);

/* How long until tux_root_watch_changed() is due without an event, in milliseconds. */
int tux_root_watch_wait_ms(const struct tux_root_watch *watch, uint64_t now_ms);

/* Says which paths have changed, a line each. */
void tux_root_watch_print(const struct tux_root_watch *watch, FILE *out);

#endif
