/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the names of a watched directory. */
#ifndef TUX_ENGINE_FILES_SIBLING_SCAN_H
#define TUX_ENGINE_FILES_SIBLING_SCAN_H

#include "watch.h"

/* Reads the directory. Not complete: it is another one, has too many names, or compares names in a way of its own. May block. */
void sibling_scan_run(struct watch_scan *scan);

#endif
