/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Absolute links to targets beneath the root. openat2() with RESOLVE_BENEATH refuses each of them. */
#ifndef TUX_ENGINE_FILES_LINK_H
#define TUX_ENGINE_FILES_LINK_H

#include "../config.h"

/*
 * Opens a name beneath a host's root like open() with these flags. The target of an absolute link must start with one of the root's
 * names, and continues at the root itself, even if that name leads elsewhere now. Never opens anything outside the root. Returns -1
 * with errno: EXDEV if a link leaves the root, ELOOP if there are too many. Blocks, so only for loader threads.
 */
int link_open(const struct tux_host *host, const char *name, uint64_t flags);

#endif
