/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "challenges.h"

/* Copies the routes around the place of the added one, and sets the links of all. Returns false if one path would be compared too often. */
static bool place(const struct tux_routes *routes, struct kernel_routes *made, struct tux_route added)
{
	for (uint32_t i = 0; i < routes->count; i++) {
		made->route[i] = routes->route[i];
		made->route[i].text += added.prefix_len;
	}
	for (made->at = routes->count; made->at > 0 && tux_route_compare(made->route[made->at - 1], added, made->text) > 0; made->at--)
		made->route[made->at] = made->route[made->at - 1];
	made->route[made->at] = added;
	for (uint32_t i = 0; i < made->count; i++)
		if (!tux_route_link(made->route, i, made->text))
			return false;
	return true;
}

bool kernel_routes_make(const struct tux_routes *routes, struct kernel_routes *made)
{
	/* Of routes with one prefix the first in the text is tried first. */
	const struct tux_route added = { .text = 0, .prefix_len = sizeof(CHALLENGE_PATH) - 1, .handler = TUX_HANDLER_STATUS };

	*made = (struct kernel_routes){ .count = routes->count + 1, .text_len = routes->text_len + added.prefix_len };
	errno = E2BIG;
	if (made->count > TUX_MAX_ROUTES || made->text_len > TUX_MAX_ROUTE_TEXT)
		return false;
	made->route = calloc(made->count, sizeof(*made->route));
	made->text = malloc(made->text_len);
	errno = ENOMEM;
	if (made->route != NULL && made->text != NULL) {
		memcpy(made->text, CHALLENGE_PATH, added.prefix_len);
		if (routes->text_len > 0)
			memcpy(made->text + added.prefix_len, routes->text, routes->text_len);
		errno = E2BIG;
		if (place(routes, made, added))
			return true;
	}
	kernel_routes_free(made);
	return false;
}

void kernel_routes_free(struct kernel_routes *made)
{
	const int saved = errno;

	free(made->route);
	free(made->text);
	*made = (struct kernel_routes){ .route = NULL };
	errno = saved;
}
