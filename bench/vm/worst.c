/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The longest handlers that tux-bpf.ko accepts. KIND 1 computes, KIND 2 sets an entry of a hash, KIND 3 adds entries to a full LRU hash, KIND 4 looks up an
 * entry, KIND 5 calls functions that copy, KIND 6 sets an entry of a hash that allocates each. TURNS, a multiple of 16, are as many as the limit of verified
 * instructions permits: bench/vm/modules.py.
 */
#include <tux/module.h>

enum { KEY_BYTES = 256, VALUE_BYTES = 1024, COPY_BYTES = 16384, CALLS = 254, NO_PREALLOC = 1 /* BPF_F_NO_PREALLOC */ };

struct key {
	uint32_t number;
	char text[KEY_BYTES - 4];
};

struct value {
	char text[VALUE_BYTES];
};

struct {
	__uint(type, KIND == 3 ? BPF_MAP_TYPE_LRU_HASH : BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1000);
	__type(key, struct key);
	__type(value, struct value);
	__uint(map_flags, KIND == 6 ? NO_PREALLOC : 0);
} values SEC(".maps");

static struct key key;
static struct value value;
static char copy[COPY_BYTES];
static volatile uint32_t sum;

static enum tux_result handle(struct tux_req *req)
{
	if (KIND == 4)
		bpf_map_update_elem(&values, &key, &value, 0);
#pragma clang loop unroll_count(16)
	for (uint32_t i = 0; i < TURNS; i++) {
		if (KIND == 1)
			sum += i;
		if (KIND == 3)
			key.number = i;
		if (KIND == 2 || KIND == 3 || KIND == 6)
			bpf_map_update_elem(&values, &key, &value, 0);
		if (KIND == 4)
			bpf_map_lookup_elem(&values, &key);
	}
	for (uint32_t i = 0; KIND == 5 && i < CALLS; i++)
		tux_copy_field(req, "X-Long", copy, sizeof(copy));
	return tux_reply(req, 200, "text/plain", "hello, world\n", 13) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(worst, .handle = handle);
