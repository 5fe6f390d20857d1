/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens the object of a path, below the host's root, with the credentials of the calling thread. */
#ifndef TUX_KERNEL_OBJECT_OPEN_H
#define TUX_KERNEL_OBJECT_OPEN_H

#include "instance.h"

/*
 * Returns the object of a normalised path of a host, cached, with a new reference. Returns NULL with *reason if the kernel engine
 * does not serve the path. The user engine then decides the response. May sleep.
 */
struct object *ktux_load_object(struct instance *instance, const struct host *host, const u8 *key, u32 key_len,
				enum tux_reason *reason);

#endif
