/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a TCP socket's receive queue in place. Call under the socket's spinlock, bottom halves off. */
#ifndef TUX_KERNEL_RECV_QUEUE_H
#define TUX_KERNEL_RECV_QUEUE_H

#include <net/tcp.h>

struct peek {
	const u8 *buf;
	u32 len;    /* bytes at buf */
	u32 unread; /* bytes in the queue */
};

/* Returns the first unread bytes that are contiguous in memory. len is 0 if they cannot be addressed. */
void ktux_peek_piece(struct sock *sk, struct peek *peek);

/* Copies the first unread bytes, at most cap, into one buffer. */
void ktux_peek_gather(struct sock *sk, struct peek *peek, u8 *copy, u32 cap);

/* True if urgent data was announced and is not yet read. TCP then delivers the bytes before it, never the rest. */
bool ktux_peek_is_urgent(const struct sock *sk);

/* Removes up to `bytes` bytes from the queue. Returns the number removed, which is smaller if urgent data is among them. */
u32 ktux_peek_consume(struct sock *sk, u32 bytes);

#endif
