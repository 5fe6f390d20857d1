/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the response to a request, if the kernel engine serves it. Call under the socket's lock, bottom halves off. */
#ifndef TUX_KERNEL_REPLY_H
#define TUX_KERNEL_REPLY_H

#include "send.h"

enum look {
	LOOK_MORE,     /* the request head is incomplete */
	LOOK_ANSWERED, /* *result tells how much was sent; *used bytes of the request are consumed */
	LOOK_MISS,     /* conn->key is a path to open */
	LOOK_HAND_UP,  /* conn->reason is the reason */
};

/* Parses the request at buf, and responds to it if possible. */
enum look ktux_reply_look(struct conn *conn, const u8 *buf, u32 len, u32 *used, enum send_result *result);

/* Writes the access record of a response that is complete or cut short. Returns false if the ring has no room yet. */
bool ktux_reply_finish(struct conn *conn);

#endif
