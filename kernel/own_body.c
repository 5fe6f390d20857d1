// SPDX-License-Identifier: GPL-2.0-or-later
#include "own_body.h"

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

/* Adds a page with the next bytes. Returns false if out of memory. */
static bool add_page(struct own_body *own, const u8 *bytes, u32 len, gfp_t gfp)
{
	struct page *page = alloc_page(gfp);

	if (!page)
		return false;
	memcpy(page_address(page), bytes, len);
	own->page[own->count++] = page;
	own->len += len;
	return true;
}

struct own_body *ktux_own_body_new(struct mem_cgroup *memcg, const void *data, u32 len, gfp_t gfp)
{
	struct mem_cgroup *before = set_active_memcg(memcg);
	struct own_body *own;

	gfp |= __GFP_ACCOUNT | __GFP_NOWARN;
	own = kzalloc(struct_size(own, page, DIV_ROUND_UP(len, PAGE_SIZE)), gfp);
	while (own && own->len < len) {
		if (!add_page(own, (const u8 *)data + own->len, min_t(u32, len - own->len, PAGE_SIZE), gfp)) {
			ktux_own_body_free(own);
			own = NULL;
		}
	}
	set_active_memcg(before);
	return own;
}

void ktux_own_body_free(struct own_body *own)
{
	if (!own)
		return;
	while (own->count > 0)
		put_page(own->page[--own->count]);
	kfree(own);
}
