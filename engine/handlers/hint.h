/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines in the error log for people who try TUX: which option does what they expected. */
#ifndef TUX_ENGINE_HANDLERS_HINT_H
#define TUX_ENGINE_HANDLERS_HINT_H

#include "../conn.h"

/* Says that a directory has no index, and which option lists it. At most one line a second and thread. */
void hint_browse(struct worker *worker, const struct object *object);

#endif
