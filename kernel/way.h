/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way from a site's root down to an open file, and whether it still leads there. */
#ifndef TUX_KERNEL_WAY_H
#define TUX_KERNEL_WAY_H

#include "object.h"

/* Notes the directories above the identity representation. Process context. */
bool way_take(struct object *object);

/*
 * Whether the object's names still lead to its open files, and these are what they were: nothing renamed, removed,
 * written, mounted over, and no directory's mode changed. Any context, never sleeps; when in doubt the answer is no.
 */
bool way_holds(struct object *object);

#endif
