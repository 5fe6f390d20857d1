/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TUX_ENGINE_STATS_PROMETHEUS_H
#define TUX_ENGINE_STATS_PROMETHEUS_H

#include "snapshot.h"

/* Writes the snapshot in the text format of Prometheus, version 0.0.4. */
void prometheus_write(FILE *out, const struct snapshot *snapshot);

#endif
