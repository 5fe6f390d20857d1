/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls the modules that are registered in the kernel. Call under the socket's lock, bottom halves off, unless stated otherwise. */
#ifndef TUX_KERNEL_MODULE_CALL_H
#define TUX_KERNEL_MODULE_CALL_H

#include "call.h"
#include "look.h"
#include "send.h"

/*
 * Calls handle() for the request in scratch, whose head is at buf and whose path is in scratch, too. number: argument of its route. *result tells how
 * much of a reply was sent.
 */
enum look ktux_module_look(struct conn *conn, struct scratch *scratch, const u8 *buf, u32 path_len, u32 number, enum send_result *result);

/* Calls blocking() for the call of a connection in CONN_BLOCKING. Returns what ktux_module_block_end() needs. On a helper thread, without locks. */
enum tux_result ktux_module_block(struct conn *conn);

/* Ends ktux_module_block(). Like ktux_module_look(); *used are the bytes of the request. */
enum look ktux_module_block_end(struct conn *conn, enum tux_result result, u32 *used, enum send_result *sent);

/* Continues with a call that the module does not have any more, of a connection in CONN_SUSPENDED. Like ktux_module_block_end(). On a helper thread. */
enum look ktux_module_return(struct conn *conn, u32 *used, enum send_result *sent);

/* Takes the request of a connection in CONN_SUSPENDED from its module. Return false if the module does not have it: a helper thread continues. */
bool ktux_module_expire(struct conn *conn);         /* the time limit has passed: the connection is to be handed up */
bool ktux_module_client_left(struct conn *conn, bool record); /* record: write an access record, because the client has closed its side */

#endif
