// SPDX-License-Identifier: GPL-2.0-or-later
/* The receive queue, with buffers made by hand: heads, fragments, lists of buffers, sequence numbers that wrap. */
#include <linux/skbuff.h>

#include "kunit.h"
#include "recv_queue.h"

static const u32 starts[] = { 0, 1000, 0x7fffff00, U32_MAX - 3, U32_MAX - 20 };

struct queue {
	struct tcp_sock tcp;
	u32 seq;
	u8 next; /* each byte tells its number */
};

static struct sock *sk_of(struct queue *queue)
{
	return (struct sock *)&queue->tcp;
}

static struct queue *queue_new(struct kunit *test, u32 seq)
{
	struct queue *queue = kunit_kzalloc(test, sizeof(*queue), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, queue);
	skb_queue_head_init(&sk_of(queue)->sk_receive_queue);
	queue->seq = seq;
	queue->tcp.copied_seq = seq;
	queue->tcp.rcv_nxt = seq;
	return queue;
}

static struct sk_buff *buffer(struct kunit *test, struct queue *queue, u32 len)
{
	struct sk_buff *skb = alloc_skb(len + 16, GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reserve(skb, 16);
	for (i = 0; i < len; i++)
		*(u8 *)skb_put(skb, 1) = queue->next++;
	return skb;
}

/* Appends a page with bytes. */
static void add_fragment(struct kunit *test, struct queue *queue, struct sk_buff *skb, u32 off, u32 len)
{
	struct page *page = alloc_page(GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (i = 0; i < len; i++)
		((u8 *)page_address(page))[off + i] = queue->next++;
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, (int)off, (int)len, PAGE_SIZE);
}

/* Appends a buffer, whose bytes have the next sequence numbers. */
static void enqueue(struct queue *queue, struct sk_buff *skb)
{
	TCP_SKB_CB(skb)->seq = queue->seq;
	queue->seq += skb->len;
	queue->tcp.rcv_nxt = queue->seq;
	__skb_queue_tail(&sk_of(queue)->sk_receive_queue, skb);
}

/* Three buffers: a head; a head and two fragments; an empty head with a fragment and a list of two. 60 bytes in all. */
static struct queue *queue_of_60(struct kunit *test, u32 seq)
{
	struct queue *queue = queue_new(test, seq);
	struct sk_buff *skb, *second;

	enqueue(queue, buffer(test, queue, 10));
	skb = buffer(test, queue, 5);
	add_fragment(test, queue, skb, 100, 7);
	add_fragment(test, queue, skb, 0, 8);
	enqueue(queue, skb);
	skb = buffer(test, queue, 0);
	add_fragment(test, queue, skb, 4000, 10);
	skb_shinfo(skb)->frag_list = buffer(test, queue, 12);
	second = buffer(test, queue, 3);
	add_fragment(test, queue, second, 9, 5);
	skb_shinfo(skb)->frag_list->next = second;
	skb->len += 20;
	skb->data_len += 20;
	enqueue(queue, skb);
	return queue;
}

static void queue_free(struct queue *queue)
{
	__skb_queue_purge(&sk_of(queue)->sk_receive_queue);
}

/* At each offset the piece starts with the right byte, and lies in the buffers. All pieces together are all bytes. */
static void pieces(struct kunit *test)
{
	size_t start;
	u32 at, i;

	for (start = 0; start < ARRAY_SIZE(starts); start++) {
		struct queue *queue = queue_of_60(test, starts[start]);

		for (at = 0; at < 60; at++) {
			struct peek peek;

			queue->tcp.copied_seq = starts[start] + at;
			ktux_peek_piece(sk_of(queue), &peek);
			KUNIT_EXPECT_EQ(test, peek.unread, 60 - at);
			KUNIT_ASSERT_GT(test, peek.len, 0);
			KUNIT_ASSERT_LE(test, peek.len, 60 - at);
			for (i = 0; i < peek.len; i++)
				KUNIT_EXPECT_EQ(test, peek.buf[i], (u8)(at + i));
		}
		queue_free(queue);
	}
}

static void gathers(struct kunit *test)
{
	static const u32 caps[] = { 1, 10, 11, 29, 30, 59, 60, 61, 200 };
	size_t start, cap;
	u32 at, i;

	for (start = 0; start < ARRAY_SIZE(starts); start++) {
		struct queue *queue = queue_of_60(test, starts[start]);

		for (at = 0; at < 60; at += 3)
			for (cap = 0; cap < ARRAY_SIZE(caps); cap++) {
				u8 copy[201];
				struct peek peek = { .unread = 60 - at };

				memset(copy, 0xee, sizeof(copy));
				queue->tcp.copied_seq = starts[start] + at;
				ktux_peek_gather(sk_of(queue), &peek, copy, caps[cap]);
				KUNIT_ASSERT_EQ(test, peek.len, min(60 - at, caps[cap]));
				for (i = 0; i < peek.len; i++)
					KUNIT_EXPECT_EQ(test, copy[i], (u8)(at + i));
				KUNIT_EXPECT_EQ(test, copy[peek.len], 0xee);
			}
		queue_free(queue);
	}
}

/* Without bytes, and when all are read. The client's FIN is no byte. */
static void ends(struct kunit *test)
{
	struct queue *queue = queue_new(test, 77);
	struct peek peek;

	ktux_peek_piece(sk_of(queue), &peek);
	KUNIT_EXPECT_EQ(test, peek.unread, 0);
	KUNIT_EXPECT_EQ(test, peek.len, 0);
	enqueue(queue, buffer(test, queue, 4));
	queue->tcp.rcv_nxt++;
	sock_set_flag(sk_of(queue), SOCK_DONE);
	ktux_peek_piece(sk_of(queue), &peek);
	KUNIT_EXPECT_EQ(test, peek.unread, 4);
	KUNIT_EXPECT_EQ(test, peek.len, 4);
	queue->tcp.copied_seq += 4;
	ktux_peek_piece(sk_of(queue), &peek);
	KUNIT_EXPECT_EQ(test, peek.unread, 0);
	KUNIT_EXPECT_EQ(test, peek.len, 0);
	queue_free(queue);
}

static void urgent(struct kunit *test)
{
	struct queue *queue = queue_new(test, 0);

	KUNIT_EXPECT_FALSE(test, ktux_peek_is_urgent(sk_of(queue)));
	queue->tcp.urg_data = TCP_URG_NOTYET;
	KUNIT_EXPECT_TRUE(test, ktux_peek_is_urgent(sk_of(queue)));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(pieces), KUNIT_CASE(gathers), KUNIT_CASE(ends), KUNIT_CASE(urgent), {}
};
static struct kunit_suite suite = { .name = "tux_recv_queue", .test_cases = cases };
#define KUNIT_NAME tux_recv_queue
kunit_test_suite(suite);
