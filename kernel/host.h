/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host is a document root with settings, for some host names. Hosts stay unchanged at their address until the instance ends. */
#ifndef TUX_KERNEL_HOST_H
#define TUX_KERNEL_HOST_H

#include <linux/path.h>

#include "../core/host.h"
#include "../core/media_types.h"
#include "../core/response.h"
#include "../core/route.h"
#include "../core/file_handler.h"
#include "../include/uapi/tux.h"

/* Header fields added to responses, and omitted from them. */
struct fields {
	struct tux_text lines;       /* below 400 */
	struct tux_text error_lines; /* from 400 on */
	struct tux_text removed; /* names in lower case, each followed by NUL: fields that a module cannot add */
	u8 omit;               /* enum tux_omission */
	const struct tux_media_types *types; /* of a route: the host's, or its own */
};

struct host {
	struct path root;
	bool dot_files;
	u16 mode_allowed, mode_forbidden;
	struct tux_file_handlers selection;
	/* The host owns what pointers lead to, except what it shares with the host before it. */
	u32 index_count;
	const char *index; /* names, each followed by NUL */
	struct tux_routes routes;
	struct fields fields;
	struct fields *route_fields; /* one for each route, in place of the host's; NULL: no route has fields */
};

struct hosts {
	struct host *host;
	u32 count;
	struct tux_host_names names; /* selects the host of a request; its memory is owned */
	u64 bytes;              /* bytes copied from the program */
};

/*
 * Makes zeroed hosts from the program's set-up, and checks it. The memory is charged to the program. Returns 0 or a negative
 * errno. On failure the caller calls ktux_hosts_release(), too. Process context.
 */
int ktux_hosts_take(struct hosts *hosts, const struct tux_setup *setup);
void ktux_hosts_release(struct hosts *hosts);

/* Returns the host of that name at a valid listener (core/host.h). Any context. */
static inline const struct host *ktux_host_find(const struct hosts *hosts, u32 listener, const u8 *buf, struct tux_span host)
{
	return hosts->count == 1 ? hosts->host : &hosts->host[tux_host_find(&hosts->names, listener, buf, host)];
}

/* Returns the header fields for a normalised path of the host. Any context. */
const struct fields *ktux_host_fields(const struct host *host, const u8 *path, u32 len);

/*
 * Returns the field lines that stand before those of a module, of len bytes. Cache-Control of the configuration is not among them if the module has added
 * one. Any context.
 */
struct tux_text ktux_fields_before(const struct fields *fields, u16 status, const u8 *lines, u32 len);

/*
 * Copies field lines of a module, each ending in CRLF, to out, which has room for len bytes. Leaves out those that it cannot add. Returns the bytes
 * copied. Any context.
 */
u32 ktux_fields_kept(const struct fields *fields, u8 *out, const u8 *lines, u32 len);

/* True if the host serves files of this mode. Any context. */
static inline bool ktux_host_permits(const struct host *host, umode_t mode)
{
	return (host->mode_allowed == 0 || (mode & host->mode_allowed)) && !(mode & host->mode_forbidden);
}

#endif
