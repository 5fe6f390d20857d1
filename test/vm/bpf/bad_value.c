/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies large values, so few instructions take much time. */
#include <tux/module.h>

struct page {
	char text[4096];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, uint32_t);
	__type(value, struct page);
} pages SEC(".maps");

static enum tux_result handle(struct tux_req *req)
{
	const uint32_t from = 0, to = 1;
	const struct page *const page = bpf_map_lookup_elem(&pages, &from);

	(void)req;
	if (!page)
		return TUX_FAIL;
	for (int i = 0; i < 1000; i++)
		bpf_map_update_elem(&pages, &to, page, 0);
	return TUX_DECLINE;
}

TUX_MODULE(bad, .handle = handle);
