/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way out of a connection: heads and small bodies by copy, the rest by reference to the page cache's pages. All under the
 * socket's lock.
 */
#ifndef TUX_KERNEL_SEND_H
#define TUX_KERNEL_SEND_H

#include "instance.h"

enum send_result {
	SEND_DONE,    /* all of the answer is in the socket */
	SEND_BLOCKED, /* goes on when there is room */
	SEND_PAGES,   /* a page is not in memory: send_cold() on a lent thread */
	SEND_TURN,    /* the turn's bytes are sent */
	SEND_FAILED,  /* the peer is gone, the file has shrunk, or there is no memory */
};

/* Begins: a head, and with object (a reference that is taken over) the bytes of file behind it. Bottom halves are off. */
enum send_result ktux_send_start(struct conn *conn, const u8 *head, u32 head_len, struct object *object, struct file *file,
				 u64 off, u64 len);

/* Goes on. Bottom halves are off. */
enum send_result ktux_send_continue(struct conn *conn);

/* Reads what is not in memory into pages of our own; then ktux_send_own_pages() sends them. Sleeps, without the socket's lock. */
struct cold_pages {
	unsigned int count;
	size_t bytes;
	struct page *page[16];
};
bool ktux_send_read_cold(struct conn *conn, struct cold_pages *pages);
enum send_result ktux_send_own_pages(struct conn *conn, const struct cold_pages *pages);
void ktux_send_free_cold(struct cold_pages *pages);

/* Bytes of the answer that are not in the socket yet. */
u64 ktux_send_left(const struct conn *conn);

/* Releases what the answer holds. */
void ktux_send_release(struct conn *conn);

#endif
