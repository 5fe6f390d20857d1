/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that one process writes and its children read. They cannot write it, not even after mprotect(). */
#ifndef TUX_ENGINE_IO_SEALED_MEMORY_H
#define TUX_ENGINE_IO_SEALED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Maps memory of zeros that this process, and its children until sealed_memory_confine(), can write. Sets its descriptor. Returns NULL with errno. */
void *sealed_memory_new(const char *name, size_t bytes, int *fd);

/* Makes the memory read-only for this process, and closes the descriptor: no other way to it is left. Returns false with errno. */
bool sealed_memory_confine(void *memory, size_t bytes, int fd);

#endif
