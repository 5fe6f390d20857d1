/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a request to its answer, as far as the kernel engine makes it. Under the socket's lock, bottom halves off. */
#ifndef TUX_KERNEL_REPLY_H
#define TUX_KERNEL_REPLY_H

#include "send.h"

enum look {
	LOOK_MORE,     /* the head is not complete */
	LOOK_ANSWERED, /* *result says how far; *used bytes of the request are done with */
	LOOK_MISS,     /* conn->key is the path that has to be opened */
	LOOK_HAND_UP,  /* conn->reason says why */
};

/* Looks at the request at buf, and answers it if it can. */
enum look ktux_reply_look(struct conn *conn, const u8 *buf, u32 len, u32 *used, enum send_result *result);

/* Writes the access record of an answer that is over, however it ended. False: there is no room for it yet. */
bool ktux_reply_finish(struct conn *conn);

#endif
