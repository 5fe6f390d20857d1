/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory that the server may use, and the size of its caches, which follows it. */
#ifndef TUX_PROGRAM_SERVER_MEMORY_H
#define TUX_PROGRAM_SERVER_MEMORY_H

#include <stdint.h>

#include "../../engine/config.h"

/*
 * Returns the machine's memory in bytes, or the limit of this process's control group or of one above it if that is less. root
 * precedes /proc and /sys: "", or a directory of a test. machine is the memory without limits.
 */
uint64_t tux_memory_bytes(const char *root, uint64_t machine);

/* Sets the sizes of the caches. Those that are set stay: cache_entries unless it is 0, cache_bytes unless it is UINT64_MAX. */
void tux_memory_share(struct tux_engine_config *config, uint64_t memory);

#endif
