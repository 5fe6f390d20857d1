/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TUX_ENGINE_STATS_TEXT_H
#define TUX_ENGINE_STATS_TEXT_H

#include "snapshot.h"

/* Writes lines for a terminal. */
void text_write(FILE *out, const struct snapshot *snapshot);

/* Writes lines about the modules for a terminal. */
void text_write_modules(FILE *out, const struct snapshot *snapshot);

#endif
