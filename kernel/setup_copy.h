/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies of a set-up's data. Process context. */
#ifndef TUX_KERNEL_SETUP_COPY_H
#define TUX_KERNEL_SETUP_COPY_H

#include <linux/types.h>

/* True if a set-up that uses *bytes bytes may use so many more elements of size bytes. Then they are added. */
bool ktux_setup_count(u64 *bytes, size_t elements, size_t size);

/* Returns a counted kvmalloc'ed copy of the program's data, NULL for 0 elements, or an error pointer. */
void *ktux_setup_copy(u64 *bytes, u64 from, size_t elements, size_t size);

#endif
