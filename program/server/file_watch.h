/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches files of TLS that change while the server runs: certificates, keys, their passphrases, authorities and OCSP responses, of hosts and
 * of upstreams. Files that belong together count as changed when they can be used together.
 */
#ifndef TUX_PROGRAM_SERVER_FILE_WATCH_H
#define TUX_PROGRAM_SERVER_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../settings/settings.h"

struct tux_watched_file;
struct tux_watched_group;

/* Zero-initialize before use. */
struct tux_file_watch {
	const struct tux_settings *settings;
	struct tux_watched_file *file; /* malloc'ed; those of a group follow each other */
	unsigned count;
	struct tux_watched_group *group; /* malloc'ed */
	unsigned group_count;
	unsigned turn;      /* group that is judged first */
	unsigned judges;    /* running processes that judge groups */
	uint64_t looked_ms; /* time of the last look */
	uint64_t cost_ms;   /* time that it took */
};

/* Stores the files of a settings, whose texts must outlive the watch. Returns false if out of memory. */
bool tux_file_watch_open(struct tux_file_watch *watch, const struct tux_settings *settings);

/* Notes the files. A server process that starts afterwards reads these ones or newer ones. */
void tux_file_watch_note(struct tux_file_watch *watch, uint64_t now_ms);

/*
 * Looks at the files, at most once a second. Returns true if one has changed, is there, was the same at the look before, so that nobody writes
 * to it now, and can be used with those that belong to it. A process for each group finds that out, so that no key stays in this one, and none
 * waits for a file that takes long. If they cannot be used, a line to errors says why, once for each change of them; they are judged again
 * later, because memory may have been missing, or a directory may have been mended.
 */
bool tux_file_watch_changed(struct tux_file_watch *watch, uint64_t now_ms, FILE *errors);

/* Returns the milliseconds until the next call of tux_file_watch_changed(); -1: no file is watched. */
int tux_file_watch_wait_ms(const struct tux_file_watch *watch, uint64_t now_ms);

/* Prints the files that have changed and can be used, one a line. */
void tux_file_watch_print(const struct tux_file_watch *watch, FILE *out);

#endif
