/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of a module, copied to pages that no memory of the module refers to. */
#ifndef TUX_KERNEL_OWN_BODY_H
#define TUX_KERNEL_OWN_BODY_H

#include "instance.h"

enum { OWN_BODY_MAX = 1 << 20 }; /* bytes */

/*
 * Returns a copy of len bytes, at most OWN_BODY_MAX, charged to a cgroup; NULL if out of memory, or if all copies exceed limits of cgroups by 4 MB.
 * Any context, never sleeps.
 */
struct own_body *ktux_own_body_new(struct mem_cgroup *memcg, const void *data, u32 len);

/* Frees the copy. A socket keeps the pages that it still sends. own may be NULL. Any context. */
void ktux_own_body_free(struct own_body *own);

#endif
