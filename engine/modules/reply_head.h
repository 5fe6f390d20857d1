/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The head of a module's reply: its status and its type. */
#ifndef TUX_ENGINE_MODULES_REPLY_HEAD_H
#define TUX_ENGINE_MODULES_REPLY_HEAD_H

#include "call.h"

/* Returns the octets of a text of the module; a length above 4 GB is that. text may be NULL. */
struct tux_octets octets_of(const char *text);

/*
 * Checks that a function of the module may reply, and keeps the status and the type of the reply. Returns 0, or a negative errno: then
 * another reply may be given.
 */
int reply_head_begin(struct tux_req *call, const char *function, uint32_t status, const char *type);

#endif
