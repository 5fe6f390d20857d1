/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directory listings, as HTML for people and JSON for programs. */
#ifndef TUX_ENGINE_FILES_LISTING_H
#define TUX_ENGINE_FILES_LISTING_H

#include "../config.h"

struct tux_listing_request {
	const struct tux_site *site; /* a link is listed if it leads to something beneath the site's root */
	int dir_fd;           /* the directory, opened for reading; not closed here, its offset is moved */
	const uint8_t *path;  /* normalised path of the directory, starts and ends with '/' */
	uint32_t path_len;
	const uint8_t *query; /* of the target, as sent: sort=name|size|time, order=asc|desc; others are ignored */
	uint32_t query_len;
	bool json;
	bool dot_files;       /* list names that start with a dot */
	struct tux_modes modes; /* list what these permit */
	bool *sure;           /* out: set to false if the directory's inotify events do not tell every change; may be NULL */
};

/*
 * Reads the directory and renders it. *text is malloc'ed, *len bytes; the caller frees it. False with errno when the
 * directory cannot be read or memory is short. Sockets, devices, FIFOs and links that are broken or leave the root are
 * left out; directories come first. Names are escaped in markup, percent-encoded in links and valid UTF-8 in JSON, where "href" has the link.
 * At most TUX_LISTING_MAX entries; more are counted in a last line of the markup. Blocks: for a thread that may.
 */
bool tux_listing_render(const struct tux_listing_request *req, uint8_t **text, size_t *len);

/* Returns a number that queries for the same order have in common. */
unsigned tux_listing_order(const uint8_t *query, uint32_t query_len);

enum { TUX_LISTING_MAX = 100000 };

#endif
