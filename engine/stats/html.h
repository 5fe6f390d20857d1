/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TUX_ENGINE_STATS_HTML_H
#define TUX_ENGINE_STATS_HTML_H

#include "snapshot.h"

/* Writes a page. nonce: the value that the page's Content-Security-Policy permits. */
void html_write(FILE *out, const struct snapshot *snapshot, const char *nonce);

#endif
