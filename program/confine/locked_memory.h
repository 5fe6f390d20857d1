/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that has keys, locked: the kernel never writes it to swap space. */
#ifndef TUX_PROGRAM_CONFINE_LOCKED_MEMORY_H
#define TUX_PROGRAM_CONFINE_LOCKED_MEMORY_H

#include <stdbool.h>

/* Locks all memory of the process, also the memory that it gets later. Returns false if locked memory has a limit, as without root. */
bool tux_memory_lock_all(void);

/* Locks the heap as it is, with the keys that were read. Prints a warning if it cannot. Call it before the process drops its privileges. */
void tux_memory_lock_heap(void);

#endif
