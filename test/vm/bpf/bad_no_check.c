/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uses the value of a map without a check that there is one. */
#include <tux/module.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint64_t);
} numbers SEC(".maps");

static enum tux_result handle(struct tux_req *req)
{
	const uint32_t key = 0;
	const uint64_t *const number = bpf_map_lookup_elem(&numbers, &key);

	(void)req;
	return *number == 1 ? TUX_DECLINE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
