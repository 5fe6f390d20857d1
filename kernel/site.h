/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sites: the document root and settings for some host names. They stay unchanged at their address until the instance ends. */
#ifndef TUX_KERNEL_SITE_H
#define TUX_KERNEL_SITE_H

#include <linux/path.h>

#include "../core/host.h"
#include "../core/media_types.h"
#include "../core/response.h"
#include "../core/route.h"
#include "../core/file_handler.h"
#include "../include/uapi/tux.h"

/* Header fields added to responses below 400, and omitted from them. */
struct fields {
	struct tux_text lines;
	u8 omit;               /* enum tux_omission */
	const struct tux_media_types *types; /* of a route: the site's, or its own */
};

struct site {
	struct path root;
	bool dot_files;
	u16 mode_allowed, mode_forbidden;
	struct tux_file_handlers selection;
	/* The site owns what pointers lead to, except what it shares with the site before it. */
	u32 index_count;
	const char *index; /* names, each followed by NUL */
	struct tux_routes routes;
	struct fields fields;
	struct fields *route_fields; /* one for each route, in place of the site's; NULL: no route has fields */
};

struct sites {
	struct site *site;
	u32 count;
	struct tux_hosts hosts; /* selects the site of a request; its memory is owned */
	u64 bytes;              /* bytes copied from the program */
};

/*
 * Makes zeroed sites from the program's set-up, and checks it. The memory is charged to the program. Returns 0 or a negative
 * errno. On failure the caller calls ktux_sites_release(), too. Process context.
 */
int ktux_sites_take(struct sites *sites, const struct tux_setup *setup);
void ktux_sites_release(struct sites *sites);

/* Returns the site of a host at a valid listener (core/host.h). Any context. */
static inline const struct site *ktux_site_find(const struct sites *sites, u32 listener, const u8 *buf, struct tux_span host)
{
	return sites->count == 1 ? sites->site : &sites->site[tux_host_find(&sites->hosts, listener, buf, host)];
}

/* Returns the header fields for a normalised path of the site. Any context. */
const struct fields *ktux_site_fields(const struct site *site, const u8 *path, u32 len);

/* True if the site serves files of this mode. Any context. */
static inline bool ktux_site_permits(const struct site *site, umode_t mode)
{
	return (site->mode_allowed == 0 || (mode & site->mode_allowed)) && !(mode & site->mode_forbidden);
}

#endif
