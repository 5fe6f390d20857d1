// SPDX-License-Identifier: GPL-2.0-or-later
#include "peek.h"

#include <linux/skbuff.h>

/* Where the unread part of an skb begins; at its end when there is none. */
static u32 unread_from(const struct sock *sk, const struct sk_buff *skb)
{
	u32 off = tcp_sk(sk)->copied_seq - TCP_SKB_CB(skb)->seq;

	if (TCP_SKB_CB(skb)->tcp_flags & TCPHDR_SYN)
		off--;
	return (s32)off < 0 ? 0 : min(off, skb->len);
}

/* The bytes of an skb from off on that follow each other in memory. */
static const u8 *piece_at(const struct sk_buff *skb, u32 off, u32 *len)
{
	u32 start = skb_headlen(skb);
	int i;

	*len = 0;
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

void peek_piece(struct sock *sk, struct peek *peek)
{
	struct sk_buff *skb;

	*peek = (struct peek){ .buf = NULL };
	skb_queue_walk(&sk->sk_receive_queue, skb) {
		u32 off = unread_from(sk, skb);

		if (off < skb->len && peek->unread == 0)
			peek->buf = piece_at(skb, off, &peek->len);
		peek->unread += skb->len - off;
	}
}

void peek_gather(struct sock *sk, struct peek *peek, u8 *copy, u32 cap)
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
	}
}

static int drop(read_descriptor_t *desc, struct sk_buff *skb, unsigned int off, size_t len)
{
	size_t used = min(len, desc->count);

	desc->count -= used;
	return (int)used;
}

void peek_consume(struct sock *sk, u32 bytes)
{
	read_descriptor_t desc = { .count = bytes };

	tcp_read_sock(sk, &desc, drop);
}
