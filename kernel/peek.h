/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP socket's receive queue, looked at in place. All here: under the socket's spinlock, bottom halves off. */
#ifndef TUX_KERNEL_PEEK_H
#define TUX_KERNEL_PEEK_H

#include <net/tcp.h>

struct peek {
	const u8 *buf;
	u32 len;    /* bytes at buf */
	u32 unread; /* in the queue altogether */
};

/* The first unread bytes, as far as they lie in one piece. len is 0 when they cannot be addressed. */
void peek_piece(struct sock *sk, struct peek *peek);

/* The first unread bytes, at most cap, copied together. */
void peek_gather(struct sock *sk, struct peek *peek, u8 *copy, u32 cap);

/* Takes bytes out of the queue, as far as they are there. */
void peek_consume(struct sock *sk, u32 bytes);

#endif
