/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locked memory. From Linux 6.14 on, io_uring's rings count as locked memory, for all processes of a user together. Server
 * processes that a reload has retired count until they end.
 */
#ifndef TUX_ENGINE_IO_MEMLOCK_H
#define TUX_ENGINE_IO_MEMLOCK_H

#include <stdint.h>

enum { MEMLOCK_TEXT = 128 };

/* Writes the reason why io_uring failed with ENOMEM, with the limit and its name. limit is in bytes, UINT64_MAX if unlimited. */
void memlock_explain(char out[MEMLOCK_TEXT], uint64_t limit);

/* Returns this process's limit in bytes, UINT64_MAX if unlimited. */
uint64_t memlock_limit(void);

#endif
