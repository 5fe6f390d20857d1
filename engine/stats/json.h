/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TUX_ENGINE_STATS_JSON_H
#define TUX_ENGINE_STATS_JSON_H

#include "snapshot.h"

/* Writes the snapshot as a JSON object. It contains no '<', so a page can include it. */
void json_write(FILE *out, const struct snapshot *snapshot);

#endif
