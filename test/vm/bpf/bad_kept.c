/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps a request in a map, and uses the one of the call before. */
#include <tux/module.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint64_t);
} requests SEC(".maps");

static enum tux_result handle(struct tux_req *req)
{
	const uint32_t key = 0;
	uint64_t *const kept = bpf_map_lookup_elem(&requests, &key);
	struct tux_req *before;

	if (!kept)
		return TUX_FAIL;
	before = (struct tux_req *)*kept;
	*kept = (uint64_t)req;
	return tux_reply(before, 200, "text/plain", "late\n", 5) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
