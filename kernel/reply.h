/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the response to a request, if the kernel engine serves it. Call under the socket's lock, bottom halves off. */
#ifndef TUX_KERNEL_REPLY_H
#define TUX_KERNEL_REPLY_H

#include "look.h"
#include "send.h"

/* Parses the request at buf, and responds to it if possible. */
enum look ktux_reply_look(struct conn *conn, const u8 *buf, u32 len, u32 *used, enum send_result *result);

#endif
