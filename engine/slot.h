/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of connections: one for all threads and the kernel engine. */
#ifndef TUX_ENGINE_SLOT_H
#define TUX_ENGINE_SLOT_H

#include "conn.h"

/* Counts one more connection; false at the limit. What is left when draining is served whatever the limit. */
bool slot_take(struct worker *worker);

/* One that counted is no more. */
void slot_put(struct worker *worker);

/* Whether the limit is reached. */
bool slot_none(const struct worker *worker);

#endif
