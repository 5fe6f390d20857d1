/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has a hash without a secret seed: clients could choose paths that are in one list, which each look-up would walk. */
#include <tux/module.h>

struct path {
	char text[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, 1 << 6); /* BPF_F_ZERO_SEED */
	__uint(max_entries, 1000);
	__type(key, struct path);
	__type(value, uint32_t);
} paths SEC(".maps");

static enum tux_result handle(struct tux_req *req)
{
	const uint32_t one = 1;
	struct path path;

	if (tux_copy_path(req, &path, sizeof(path)) > 0)
		bpf_map_update_elem(&paths, &path, &one, 0);
	return TUX_DECLINE;
}

TUX_MODULE(bad, .handle = handle);
