/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Absolute links that lead to something beneath the root: openat2() with RESOLVE_BENEATH refuses each of them, wherever it leads. */
#ifndef TUX_ENGINE_FILES_LINK_H
#define TUX_ENGINE_FILES_LINK_H

#include "../config.h"

/*
 * Opens a name beneath a site's root as open() would with these flags. The target of an absolute link has to begin with one of the
 * root's names, and goes on from the root itself, whatever that name leads to by now. Nothing outside the root is ever opened. -1 with
 * errno: EXDEV, a link leaves the root; ELOOP, there are too many. Blocks: for a thread that may.
 */
int link_open(const struct tux_site *site, const char *name, uint64_t flags);

#endif
