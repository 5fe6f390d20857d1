// SPDX-License-Identifier: GPL-2.0-or-later
#include "own_body.h"

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

/*
 * Pages of all bodies that were allocated beyond what the limit of a cgroup, and the system without its reserve, had left. Only threads can reclaim the
 * page cache, which fills a cgroup up to its limit, so a few pages may exceed it.
 */
static atomic_t forced;
enum { FORCED_MAX = 1024 };

/* Returns a charged page, or NULL. *beyond is the number of pages of the body that count as forced. */
static struct page *page_take(u32 *beyond)
{
	struct page *page = alloc_page(GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);

	if (page)
		return page;
	if (!atomic_add_unless(&forced, 1, FORCED_MAX))
		return NULL;
	page = alloc_page(GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	if (page)
		++*beyond;
	else
		atomic_dec(&forced);
	return page;
}

/* Adds a page with the next bytes. Returns false if out of memory. */
static bool add_page(struct own_body *own, const u8 *bytes, u32 len)
{
	struct page *page = page_take(&own->forced);

	if (!page)
		return false;
	memcpy(page_address(page), bytes, len);
	own->page[own->count++] = page;
	own->len += len;
	return true;
}

struct own_body *ktux_own_body_new(struct mem_cgroup *memcg, const void *data, u32 len)
{
	struct mem_cgroup *before = set_active_memcg(memcg);
	struct own_body *own;

	own = kzalloc(struct_size(own, page, DIV_ROUND_UP(len, PAGE_SIZE)), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
	while (own && own->len < len) {
		if (!add_page(own, (const u8 *)data + own->len, min_t(u32, len - own->len, PAGE_SIZE))) {
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
	atomic_sub((int)own->forced, &forced);
	kfree(own);
}
