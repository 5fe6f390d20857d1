/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks that an open file is still reachable under its original path. */
#ifndef TUX_KERNEL_PATH_CHECK_H
#define TUX_KERNEL_PATH_CHECK_H

#include "object.h"

enum way {
	WAY_HOLDS,
	WAY_CHANGED,
	WAY_UNSURE, /* a rename, anywhere in the system, disturbed each check */
};

/* Records the directories above the identity representation. Returns false if the names do not lead to it. Process context. */
bool ktux_way_take(struct object *object);

/*
 * Checks that the object's names still lead to its open files and that these are unchanged: nothing renamed, removed, written or
 * mounted over, and no directory changed. Any context, never sleeps.
 */
enum way ktux_way_look(struct object *object);

/* Like ktux_way_look(), but blocks renames meanwhile, so the result is certain. Process context. */
bool ktux_way_holds(struct object *object);

#endif
