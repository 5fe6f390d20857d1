/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way from a site's root down to an open file, and whether it still leads there. */
#ifndef TUX_KERNEL_PATH_CHECK_H
#define TUX_KERNEL_PATH_CHECK_H

#include "object.h"

enum way {
	WAY_HOLDS,
	WAY_CHANGED,
	WAY_UNSURE, /* something was renamed, anywhere in the system, during each look */
};

/* Notes the directories above the identity representation. Returns false if the names do not lead to it. Process context. */
bool ktux_way_take(struct object *object);

/*
 * Tells if the object's names still lead to its open files, and these are what they were: nothing renamed, removed,
 * written, mounted over, and no directory changed. Any context, never sleeps.
 */
enum way ktux_way_look(struct object *object);

/* Like ktux_way_look(), but keeps renames out meanwhile, so that it is sure. Process context. */
bool ktux_way_holds(struct object *object);

#endif
