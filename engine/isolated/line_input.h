/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that a client sends after the head of its request, for a process that reads them in pieces: a body, or a tunnel. */
#ifndef TUX_ENGINE_ISOLATED_LINE_INPUT_H
#define TUX_ENGINE_ISOLATED_LINE_INPUT_H

#include "line_slot.h"

/* Writes the input that has arrived, as far as the process has taken what it has. Returns false if it needs more room. */
bool line_send_input(struct line *line, struct slot *slot);

/* Handles the record of a process that has taken input, or wants it. Returns false if it is nonsense. */
bool line_take_progress(struct line *line, struct slot *slot, const uint8_t *buf, uint32_t len);

#endif
