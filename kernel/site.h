/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sites: what is served to those who ask for one of their names. They stay what and where they are while the instance lives. */
#ifndef TUX_KERNEL_SITE_H
#define TUX_KERNEL_SITE_H

#include <linux/path.h>

#include "../core/host.h"
#include "../core/media_types.h"
#include "../core/response.h"
#include "../core/route.h"
#include "../core/selection.h"
#include "../include/uapi/tux.h"

/* What is added to answers below 400, and left out of them. */
struct fields {
	struct tux_text lines; /* of our memory */
	u8 omit;               /* enum tux_omission */
	const struct tux_media_types *types; /* the site's, or of our memory */
};

struct site {
	struct path root;
	bool dot_files;
	u16 mode_allowed, mode_forbidden;
	struct tux_selection selection; /* its memory is ours */
	u32 index_count;
	char index[TUX_MAX_INDEX][TUX_MAX_INDEX_LEN + 1];
	struct tux_routes routes; /* its memory is ours */
	struct fields fields;
	struct fields *route_fields; /* of each route, in place of the site's; NULL: none has its own */
};

struct sites {
	struct site *site;
	u32 count;
	struct tux_hosts hosts; /* which of them a request is for; its memory is ours */
	u64 bytes;              /* that have been copied of the program */
};

/*
 * Makes sites (zeros) as the program says, checked; its memory is counted as the program's. 0 or a negative errno; then there is
 * something to release all the same. Process context.
 */
int ktux_sites_take(struct sites *sites, const struct tux_setup *setup);
void ktux_sites_release(struct sites *sites);

/* The site that a host asks for at a listener whose number is good: core/host.h. Any context. */
static inline const struct site *site_find(const struct sites *sites, u32 listener, const u8 *buf, struct tux_span host)
{
	return sites->count == 1 ? sites->site : &sites->site[tux_host_find(&sites->hosts, listener, buf, host)];
}

/* The fields of what the site answers for a normalised path. Any context. */
const struct fields *ktux_site_fields(const struct site *site, const u8 *path, u32 len);

/* Whether the site serves files of this mode. Any context. */
static inline bool site_permits(const struct site *site, umode_t mode)
{
	return (site->mode_allowed == 0 || (mode & site->mode_allowed)) && !(mode & site->mode_forbidden);
}

#endif
