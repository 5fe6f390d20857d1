/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes an object out of a path: opens beneath the root with the credentials of the thread that runs. */
#ifndef TUX_KERNEL_OBJECT_OPEN_H
#define TUX_KERNEL_OBJECT_OPEN_H

#include "instance.h"

/*
 * The object of a normalised path of a site, put into the cache; a reference of the caller's. NULL with *reason for whatever the
 * kernel engine does not serve: the user engine tells what it is. May sleep.
 */
struct object *ktux_load_object(struct instance *instance, const struct site *site, const u8 *key, u32 key_len,
				enum tux_reason *reason);

#endif
