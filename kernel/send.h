/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends responses: heads and small bodies by copy, other bodies by reference to pages of the page cache. Call under the socket's
 * lock.
 */
#ifndef TUX_KERNEL_SEND_H
#define TUX_KERNEL_SEND_H

#include "instance.h"

enum send_result {
	SEND_DONE,    /* the socket has the whole response */
	SEND_BLOCKED, /* continues when there is room */
	SEND_PAGES,   /* a page is not in memory: ktux_send_read_cold() on a helper thread */
	SEND_TURN,    /* the turn's bytes are used up */
	SEND_FAILED,  /* the client disconnected, the file has shrunk, or out of memory after a part was sent */
	SEND_NOTHING, /* out of memory, and nothing was sent: only of ktux_send_start...(), which then takes nothing over */
};

/*
 * Starts a response: a head, followed by bytes of file if object is not NULL. Takes over the reference to object. Bottom halves
 * are off.
 */
enum send_result ktux_send_start(struct conn *conn, const u8 *head, u32 head_len, struct object *object, struct file *file,
				 u64 off, u64 len);

/* Like ktux_send_start(), but for len bytes at data, which are copied. */
enum send_result ktux_send_start_bytes(struct conn *conn, const u8 *head, u32 head_len, const void *data, u32 len);

/* Like ktux_send_start(), but for bytes in pages, which it takes over. */
enum send_result ktux_send_start_own(struct conn *conn, const u8 *head, u32 head_len, struct own_body *own);

/* Continues a response. Bottom halves are off. */
enum send_result ktux_send_continue(struct conn *conn);

/*
 * Copies of body pages that are not in memory. ktux_send_read_cold() reads them and sleeps, without the socket's lock.
 * ktux_send_own_pages() sends them.
 */
struct cold_pages {
	unsigned int count;
	size_t bytes;
	struct page *page[16];
};
bool ktux_send_read_cold(struct conn *conn, struct cold_pages *pages);
enum send_result ktux_send_own_pages(struct conn *conn, const struct cold_pages *pages);
void ktux_send_free_cold(struct cold_pages *pages);

/* Returns the bytes of the response that are not in the socket yet. */
u64 ktux_send_left(const struct conn *conn);

/* Releases the response's file and memory. */
void ktux_send_release(struct conn *conn);

#endif
