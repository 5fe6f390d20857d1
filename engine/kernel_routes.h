/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The routes of a host as the kernel engine gets them while certificate authorities may ask for challenges (challenges.h). */
#ifndef TUX_ENGINE_KERNEL_ROUTES_H
#define TUX_ENGINE_KERNEL_ROUTES_H

#include "../core/route.h"

struct kernel_routes {
	struct tux_route *route; /* malloc'ed */
	uint8_t *text;           /* malloc'ed */
	uint32_t count, text_len;
	uint32_t at;             /* number of the added route */
};

/*
 * Copies routes and adds one that goes before others of its prefix: the kernel engine hands up every request beneath the path of challenges. The
 * program then responds with a challenge, or as its own routes say. Returns false with errno: out of memory, or too many routes.
 */
bool kernel_routes_make(const struct tux_routes *routes, struct kernel_routes *made);

void kernel_routes_free(struct kernel_routes *made);

#endif
