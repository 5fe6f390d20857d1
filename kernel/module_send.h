/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends the reply of a module. Call under the socket's lock, bottom halves off. */
#ifndef TUX_KERNEL_MODULE_SEND_H
#define TUX_KERNEL_MODULE_SEND_H

#include "call.h"

/*
 * Sends the reply of handle(), which runs: the head, followed by len bytes at data, which are copied. location: of a redirect; NULL: none. Returns 0;
 * -E2BIG: the head is too long, -ENOMEM: out of memory. Then nothing was sent.
 */
int ktux_module_send(struct tux_req *call, const void *data, u32 len, const char *location);

/* Like ktux_module_send(), but for a reply that a detached call has kept. */
int ktux_module_send_kept(struct tux_req *call, struct conn *conn);

#endif
