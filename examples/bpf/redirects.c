/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Redirects paths that a map has, and lets TUX send the file of all others. The administrator fills the map while the server runs:
 *
 *     module redirects { bpf "/usr/lib/tux/redirects.bpf.o" }
 *     route "/" { module redirects }
 *
 *     tux bpf map redirects table /old /new            one entry
 *     tux bpf map redirects table - <table.txt         lines "PATH LOCATION"
 *     tux bpf map --remove redirects table /old
 */
#include <tux/module.h>

enum { PATH_BYTES = 128, LOCATION_BYTES = 256 };

struct path {
	char text[PATH_BYTES]; /* followed by zeros */
};

struct location {
	char text[LOCATION_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10000);
	__type(key, struct path);
	__type(value, struct location);
} table SEC(".maps");

static enum tux_result handle(struct tux_req *req)
{
	const struct location *location;
	struct path path;
	uint32_t len = 0;

	if (tux_copy_path(req, &path, sizeof(path)) < 0)
		return TUX_DECLINE; /* longer than any path of the table */
	location = bpf_map_lookup_elem(&table, &path);
	if (!location)
		return TUX_DECLINE;
	while (len < LOCATION_BYTES && location->text[len])
		len++;
	return tux_redirect_to(req, 308, location->text, len) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(redirects, .handle = handle);
