/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes an index from the client, and does not compare it with the size of its text. */
#include <tux/module.h>

struct text {
	char at[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct text);
} texts SEC(".maps");

static enum tux_result handle(struct tux_req *req)
{
	const uint32_t key = 0;
	const struct text *const text = bpf_map_lookup_elem(&texts, &key);
	char query[4];

	if (!text || tux_copy_query(req, query, sizeof(query)) < 1)
		return TUX_DECLINE;
	return text->at[(unsigned char)query[0]] == 'x' ? TUX_DECLINE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
