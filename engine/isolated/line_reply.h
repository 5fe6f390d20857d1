/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies of a process: whole, in pieces, or a tunnel; and the files that it asks for meanwhile. */
#ifndef TUX_ENGINE_ISOLATED_LINE_REPLY_H
#define TUX_ENGINE_ISOLATED_LINE_REPLY_H

#include "line_slot.h"

/* Handles a record about a request that the process has. Returns false if it is nonsense. */
bool line_take_record(struct line *line, struct slot *slot, const struct wire_record *record, uint8_t *buf);

/* Moves what came of a reply in pieces to its stream. Returns false if it is nonsense. */
bool line_move(struct line *line, struct slot *slot);

#endif
