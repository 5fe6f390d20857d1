/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives a function the value of a map in place of the right to reply. */
#include <tux/module.h>

struct forged {
	uint64_t at[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct forged);
} replies SEC(".maps");

static enum tux_result handle(struct tux_req *req)
{
	const uint32_t key = 0;
	struct forged *const forged = bpf_map_lookup_elem(&replies, &key);

	(void)req;
	if (!forged)
		return TUX_FAIL;
	return tux_bpf_reply_type((struct tux_bpf_reply *)forged, "text/plain", 10) == 0 ? TUX_DECLINE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
