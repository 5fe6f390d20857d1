/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts requests in a map, which lasts over a reload: tux bpf map counter hits.
 * module counter { bpf "/usr/lib/tux/counter.bpf.o" }
 */
#include <tux/module.h>

enum { DIGITS = 20 };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, uint64_t);
} hits SEC(".maps");

static enum tux_result handle(struct tux_req *req)
{
	char text[DIGITS + 1] = "00000000000000000000\n";
	const uint32_t key = 0;
	uint64_t *const count = bpf_map_lookup_elem(&hits, &key);
	uint64_t left;

	if (!count)
		return TUX_FAIL;
	left = __sync_fetch_and_add(count, 1) + 1;
	for (int i = DIGITS - 1; i >= 0; i--) {
		text[i] = (char)('0' + left % 10);
		left /= 10;
	}
	tux_add_field(req, "Cache-Control", "no-store");
	return tux_reply(req, 200, "text/plain", text, sizeof(text)) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(counter, .handle = handle);
