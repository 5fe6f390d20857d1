/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports: the status as text, in one of several forms. */
#ifndef TUX_ENGINE_STATS_REPORT_H
#define TUX_ENGINE_STATS_REPORT_H

#include <stddef.h>

#include "snapshot.h"

/*
 * Returns a report of len bytes, freed by the caller; NULL if out of memory. nonce: for a page, the value that its
 * Content-Security-Policy permits.
 */
char *report_write(const struct snapshot *snapshot, enum tux_report_form form, const char *nonce, size_t *len);

/* Returns the media type of a form. */
const char *report_type(enum tux_report_form form);

#endif
