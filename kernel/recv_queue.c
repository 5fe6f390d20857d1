// SPDX-License-Identifier: GPL-2.0-or-later
#include "recv_queue.h"

#include <linux/skbuff.h>

/* Returns the offset of an skb's unread part; skb->len if all is read. */
static u32 unread_from(const struct sock *sk, const struct sk_buff *skb)
{
	u32 off = tcp_sk(sk)->copied_seq - TCP_SKB_CB(skb)->seq;

	if (TCP_SKB_CB(skb)->tcp_flags & TCPHDR_SYN)
		off--;
	return (s32)off < 0 ? 0 : min(off, skb->len);
}

/* Returns the number of unread bytes in the queue, by sequence numbers. */
static u32 unread(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 bytes = tp->rcv_nxt - tp->copied_seq;

	return bytes > 0 && sock_flag(sk, SOCK_DONE) ? bytes - 1 : bytes; /* the client's FIN is not data */
}

/* Like piece_at(), without the list of further buffers. */
static const u8 *piece_in(const struct sk_buff *skb, u32 off, u32 *len)
{
	u32 start = skb_headlen(skb);
	int i;

	if (off < start) {
		*len = start - off;
		return skb->data + off;
	}
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		const u8 *at;

		if (off - start < skb_frag_size(frag)) {
			at = skb_frag_address_safe(frag);
			if (!at)
				return NULL;
			*len = skb_frag_size(frag) - (off - start);
			return at + (off - start);
		}
		start += skb_frag_size(frag);
	}
	return NULL;
}

/* Returns the contiguous bytes of an skb from off on, or NULL if they cannot be addressed. */
static const u8 *piece_at(const struct sk_buff *skb, u32 off, u32 *len)
{
	u32 start = skb_pagelen(skb);
	const struct sk_buff *each;

	*len = 0;
	if (off < start)
		return piece_in(skb, off, len);
	skb_walk_frags(skb, each) {
		if (off - start < each->len)
			return piece_in(each, off - start, len);
		start += each->len;
	}
	return NULL;
}

void ktux_peek_piece(struct sock *sk, struct peek *peek)
{
	struct sk_buff *skb;

	*peek = (struct peek){ .unread = unread(sk) };
	if (peek->unread == 0)
		return;
	skb_queue_walk(&sk->sk_receive_queue, skb) { /* TCP frees read buffers: the unread one is the first or second */
		u32 off = unread_from(sk, skb);

		if (off < skb->len) {
			peek->buf = piece_at(skb, off, &peek->len);
			return;
		}
	}
}

void ktux_peek_gather(struct sock *sk, struct peek *peek, u8 *copy, u32 cap)
{
	struct sk_buff *skb;

	peek->buf = copy;
	peek->len = 0;
	skb_queue_walk(&sk->sk_receive_queue, skb) {
		u32 off = unread_from(sk, skb);
		u32 len = min(skb->len - off, cap - peek->len);

		if (len == 0)
			continue;
		if (skb_copy_bits(skb, (int)off, copy + peek->len, (int)len) != 0)
			return;
		peek->len += len;
		if (peek->len == cap)
			return;
	}
}

static int drop(read_descriptor_t *desc, struct sk_buff *skb, unsigned int off, size_t len)
{
	size_t used = min(len, desc->count);

	desc->count -= used;
	return (int)used;
}

bool ktux_peek_is_urgent(const struct sock *sk)
{
	return tcp_sk(sk)->urg_data != 0;
}

u32 ktux_peek_consume(struct sock *sk, u32 bytes)
{
	read_descriptor_t desc = { .count = bytes };

	tcp_read_sock(sk, &desc, drop);
	return bytes - (u32)desc.count;
}
