/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directory listings, as HTML for people and JSON for programs. */
#ifndef TUX_ENGINE_FILES_LISTING_H
#define TUX_ENGINE_FILES_LISTING_H

#include "../config.h"

struct tux_listing_request {
	const struct tux_host *host; /* a link is listed if its target is beneath the host's root */
	int dir_fd;           /* the directory, opened for reading; stays open, its offset moves */
	const uint8_t *path;  /* normalised path of the directory, starts and ends with '/' */
	uint32_t path_len;
	const uint8_t *query; /* query of the target, as sent: sort=name|size|time, order=asc|desc; others are ignored */
	uint32_t query_len;
	bool json;
	bool dot_files;       /* list names that start with a dot */
	struct tux_modes modes; /* list files that these modes permit */
	bool *sure;           /* out: false if the directory's inotify events do not report every change; may be NULL */
};

/*
 * Reads the directory and renders it. *text is malloc'ed, *len bytes; the caller frees it. Returns false with errno if the
 * directory cannot be read or out of memory. Omits sockets, devices, FIFOs, and links that are broken or leave the root.
 * Directories come first. Names are escaped in markup, percent-encoded in links and valid UTF-8 in JSON, where "href" is the link.
 * Renders at most TUX_LISTING_MAX entries; a last line of the markup counts the others. Blocks, so only for loader threads.
 */
bool tux_listing_render(const struct tux_listing_request *req, uint8_t **text, size_t *len);

/* Returns a number that is equal for queries with the same order. */
unsigned tux_listing_order(const uint8_t *query, uint32_t query_len);

enum { TUX_LISTING_MAX = 100000 };

#endif
