/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of a process to upstreams, which the server sends for it. */
#ifndef TUX_ENGINE_ISOLATED_LINE_FETCH_H
#define TUX_ENGINE_ISOLATED_LINE_FETCH_H

#include "line_slot.h"

/* Handles the record of a fetch, of its body, or of what the process has of the answer. Returns false if it is nonsense. */
bool line_take_fetch(struct line *line, struct slot *slot, const struct wire_record *record, const uint8_t *buf);

/* Writes the result of a fetch, and the answer as far as the process has received what it has. Returns false if it needs more room. */
bool line_send_fetched(struct line *line, struct slot *slot);

#endif
