/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of the host with which a module has replied: tux_reply_file(). Under the socket's lock, bottom halves off, unless stated otherwise.
 *
 * The reply of handle(), which runs, is in this CPU's scratch memory: the file is sent at once if the cache has it. Otherwise, and if the call
 * has a copy of the request, the connection keeps it until its response, or until the program gets both.
 */
#ifndef TUX_KERNEL_CHOSEN_H
#define TUX_KERNEL_CHOSEN_H

#include "call.h"

/*
 * Replies with a target of the host, of 1 to TUX_MAX_TARGET bytes, and with the fields that were added. Returns 0, -EINVAL if it does not begin with '/', or
 * -ENOMEM. Called by the module's functions, in any context.
 */
int ktux_chosen_take(struct tux_req *call, const char *target, u32 len);

/* Returns the target that the connection keeps, or the one of the call that has just replied. */
const struct chosen *ktux_chosen_of(const struct conn *conn, struct scratch *scratch);

/* Keeps the target with the connection. Returns false if out of memory. */
bool ktux_chosen_keep(struct conn *conn, const struct chosen *chosen);

/*
 * Normalises the target into the path of scratch, with its length. Returns false if the program has to respond: it has a query, or is invalid.
 */
bool ktux_chosen_path(const struct chosen *chosen, struct scratch *scratch, u32 *path_len);

/* Returns the field lines of a route, followed by those of the module, in scratch. Cache-Control of the route stays if the module has added none. */
struct tux_text ktux_chosen_lines(const struct chosen *chosen, struct scratch *scratch, const struct fields *of_route);

#endif
