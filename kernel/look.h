/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The results of looking at a request. */
#ifndef TUX_KERNEL_LOOK_H
#define TUX_KERNEL_LOOK_H

#include "instance.h"

enum look {
	LOOK_MORE,      /* the request head is incomplete */
	LOOK_ANSWERED,  /* *result tells how much was sent; *used bytes of the request are consumed */
	LOOK_MISS,      /* conn->key is a path to open */
	LOOK_HAND_UP,   /* conn->reason is the reason */
	LOOK_SUSPENDED, /* a module has the request, and the connection is in CONN_SUSPENDED */
	LOOK_BLOCKS,    /* conn->call is for a helper thread */
	LOOK_DECLINED,  /* the module has declined the request, which is for a file */
	LOOK_CHOSEN,    /* the module has replied with a file of the host */
};

static inline enum look ktux_look_hand_up(struct conn *conn, enum tux_reason reason)
{
	conn->reason = (u8)reason;
	return LOOK_HAND_UP;
}

#endif
