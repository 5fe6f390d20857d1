/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watches files of certificates that change while the server runs: OCSP responses. */
#ifndef TUX_PROGRAM_SERVER_FILE_WATCH_H
#define TUX_PROGRAM_SERVER_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../settings/settings.h"

struct tux_watched_file;

/* Zero-initialize before use. */
struct tux_file_watch {
	struct tux_watched_file *file; /* malloc'ed */
	unsigned count;
	uint64_t looked_ms; /* time of the last look */
};

/* Stores the files of a settings, whose texts must outlive the watch. Returns false if out of memory. */
bool tux_file_watch_open(struct tux_file_watch *watch, const struct tux_settings *settings);

/* Notes the files. A server process that starts afterwards reads these ones or newer ones. */
void tux_file_watch_note(struct tux_file_watch *watch, uint64_t now_ms);

/*
 * Looks at the files, at most once a second. Returns true if one has changed, is there, and was the same at the look before: so nobody writes
 * to it now.
 */
bool tux_file_watch_changed(struct tux_file_watch *watch, uint64_t now_ms);

/* Prints the files that have changed, one a line. */
void tux_file_watch_print(const struct tux_file_watch *watch, FILE *out);

#endif
