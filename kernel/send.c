// SPDX-License-Identifier: GPL-2.0-or-later
#include "send.h"

#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "../core/piece.h"
#include "memcg.h"
#include "own_body.h"
#include "compat/compat.h"

/* A body up to this size is copied and sent together with its head, because a reference costs more than the copy. */
enum { SMALL_BODY = 2048 };

/* Never blocks. No SIGPIPE, because the current process is arbitrary. */
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

static struct sock *sk_of(const struct conn *conn)
{
	return conn->sock->sk;
}

/* Requests write_space. */
static enum send_result blocked(struct conn *conn)
{
	set_bit(SOCK_NOSPACE, &conn->sock->flags);
	/* Without queued data no acknowledgment will come. Memory is short. */
	return sk_of(conn)->sk_wmem_queued > 0 ? SEND_BLOCKED : SEND_FAILED;
}

/* Sends bytes by copy. Returns their number, or a negative errno. */
static int send_bytes(struct conn *conn, const u8 *bytes, u32 len, bool more)
{
	struct kvec vec = { .iov_base = (void *)bytes, .iov_len = len };
	struct msghdr msg = { .msg_flags = SEND_FLAGS | (more ? MSG_MORE : 0) };

	iov_iter_kvec(&msg.msg_iter, WRITE, &vec, 1, len);
	return tcp_sendmsg_locked(sk_of(conn), &msg, len);
}

/* References to valid pages of the body in memory, in order and without a gap. */
struct gathered {
	unsigned int pages;
	unsigned int folios;
	size_t bytes;
};

static bool is_valid(struct folio *folio)
{
	return folio_test_uptodate(folio) && !folio_test_hwpoison(folio);
}

/* Adds the pages of a folio from index on. */
static void take_folio(const struct answer *answer, struct scratch *scratch, struct gathered *got, struct folio *folio,
		       pgoff_t *index)
{
	pgoff_t end = folio->index + folio_nr_pages(folio);

	while (*index < end && got->pages < ARRAY_SIZE(scratch->page) && got->bytes < answer->left) {
		struct tux_span piece = tux_page_piece(answer->off + got->bytes, answer->left - got->bytes, PAGE_SIZE);

		bvec_set_page(&scratch->page[got->pages++], folio_page(folio, *index - folio->index), piece.len, piece.off);
		got->bytes += piece.len;
		++*index;
	}
}

static void gather(const struct answer *answer, struct scratch *scratch, struct gathered *got)
{
	struct address_space *mapping = answer->file->f_mapping;
	pgoff_t index = answer->off >> PAGE_SHIFT;
	pgoff_t last = tux_page_last(answer->off, answer->left, PAGE_SIZE);
	bool whole = true;

	*got = (struct gathered){ .pages = 0 };
	while (whole && got->pages < ARRAY_SIZE(scratch->page) && got->bytes < answer->left) {
		struct folio_batch batch;
		pgoff_t start = index;
		unsigned int i;

		folio_batch_init(&batch);
		if (filemap_get_folios(mapping, &start, last, &batch) == 0)
			return;
		for (i = 0; i < folio_batch_count(&batch); i++) {
			struct folio *folio = batch.folios[i];

			whole = whole && folio->index <= index && index < folio->index + folio_nr_pages(folio) && is_valid(folio) &&
				got->pages < ARRAY_SIZE(scratch->page);
			if (whole) {
				take_folio(answer, scratch, got, folio, &index);
				scratch->folio[got->folios++] = folio;
			} else {
				folio_put(folio);
			}
		}
	}
}

/* Like gather(), but for a body in pages of the kernel engine. */
static void gather_own(const struct answer *answer, struct scratch *scratch, struct gathered *got)
{
	*got = (struct gathered){ .pages = 0 };
	while (got->pages < ARRAY_SIZE(scratch->page) && got->bytes < answer->left) {
		u64 at = answer->off + got->bytes;
		struct tux_span piece = tux_page_piece(at, answer->left - got->bytes, PAGE_SIZE);

		bvec_set_page(&scratch->page[got->pages++], answer->own->page[at >> PAGE_SHIFT], piece.len, piece.off);
		got->bytes += piece.len;
	}
}

static void drop(const struct scratch *scratch, const struct gathered *got)
{
	unsigned int i;

	for (i = 0; i < got->folios; i++)
		folio_put(scratch->folio[i]);
}

/* True if the file still has all bytes of the response. */
static bool is_whole(const struct answer *answer)
{
	return tux_remaining_inside(answer->off, answer->left, (u64)i_size_read(file_inode(answer->file)));
}

static void advance(struct answer *answer, size_t bytes)
{
	tux_remaining_advance(&answer->off, &answer->left, bytes);
}

static enum send_result send_body(struct conn *conn)
{
	struct answer *answer = &conn->answer;
	struct scratch *scratch = ktux_scratch_get();

	while (answer->left > 0) {
		struct gathered got;
		int ret;

		if (answer->own)
			gather_own(answer, scratch, &got);
		else if (is_whole(answer))
			gather(answer, scratch, &got);
		else
			return SEND_FAILED;
		if (got.pages == 0)
			return SEND_PAGES;
		ret = ktux_compat_send_pages(sk_of(conn), scratch->page, got.pages, got.bytes,
					     SEND_FLAGS | (got.bytes < answer->left ? MSG_MORE : 0));
		drop(scratch, &got);
		if (ret == -EAGAIN)
			return blocked(conn);
		if (ret <= 0)
			return SEND_FAILED;
		advance(answer, (size_t)ret);
		conn->turn = tux_bytes_remaining(conn->turn, (u32)ret);
		if (conn->turn == 0 && answer->left > 0)
			return SEND_TURN;
	}
	return SEND_DONE;
}

enum send_result ktux_send_continue(struct conn *conn)
{
	struct answer *answer = &conn->answer;

	while (answer->head_at < answer->head_len) {
		int ret = send_bytes(conn, answer->head + answer->head_at, answer->head_len - answer->head_at,
				     answer->left > 0);

		if (ret == -EAGAIN)
			return blocked(conn);
		if (ret <= 0)
			return SEND_FAILED;
		answer->head_at += (u32)ret;
	}
	return send_body(conn);
}

/* Returns the folio of a small body in one valid page in memory, or NULL: then the body is sent by reference. */
static struct folio *small_body(const struct answer *answer)
{
	struct folio *folio;

	if (answer->left == 0 || answer->left > SMALL_BODY ||
	    tux_page_piece(answer->off, answer->left, PAGE_SIZE).len < answer->left || !is_whole(answer))
		return NULL;
	folio = filemap_get_folio(answer->file->f_mapping, answer->off >> PAGE_SHIFT);
	if (IS_ERR_OR_NULL(folio))
		return NULL;
	if (is_valid(folio))
		return folio;
	folio_put(folio);
	return NULL;
}

/* Sends a head together with a small body. Returns the bytes sent of both, or a negative errno. */
static int send_first(struct conn *conn, const u8 *head, u32 head_len)
{
	const struct answer *answer = &conn->answer;
	struct folio *folio = small_body(answer);
	struct kvec vec[2] = { { .iov_base = (void *)head, .iov_len = head_len }, { .iov_len = answer->left } };
	struct msghdr msg = { .msg_flags = SEND_FLAGS };
	int ret;

	if (!folio)
		return send_bytes(conn, head, head_len, answer->left > 0);
	vec[1].iov_base = kmap_local_folio(folio, offset_in_folio(folio, answer->off));
	iov_iter_kvec(&msg.msg_iter, WRITE, vec, 2, head_len + answer->left);
	ret = tcp_sendmsg_locked(sk_of(conn), &msg, head_len + answer->left);
	kunmap_local(vec[1].iov_base);
	folio_put(folio);
	return ret;
}

/* Keeps what a first send has left of a head. Returns false if out of memory. */
static bool keep_head(struct conn *conn, const u8 *head, u32 head_len, u32 sent)
{
	struct answer *answer = &conn->answer;

	if (sent >= head_len)
		return true;
	answer->head_len = head_len - sent;
	answer->head = ktux_charged_copy(conn->instance, head + sent, answer->head_len);
	return answer->head;
}

/* Ends a first send that memory was missing for. Without a byte of the response in the socket, another one can still be sent. */
static enum send_result run_short(struct conn *conn, u32 sent)
{
	if (sent > 0)
		return SEND_FAILED;
	if (conn->answer.head_len > 0)
		kfree(conn->answer.head);
	conn->answer = (struct answer){ .object = NULL };
	return SEND_NOTHING;
}

/* Waits for room for the rest of a head, and for the body. */
static enum send_result keep_rest(struct conn *conn, const u8 *head, u32 head_len, u32 sent)
{
	if (keep_head(conn, head, head_len, sent) && blocked(conn) == SEND_BLOCKED)
		return SEND_BLOCKED;
	return run_short(conn, sent);
}

enum send_result ktux_send_start(struct conn *conn, const u8 *head, u32 head_len, struct object *object, struct file *file,
				 u64 off, u64 len)
{
	struct answer *answer = &conn->answer;
	u32 sent;
	int ret;

	*answer = (struct answer){ .object = object, .file = file, .off = off, .left = len };
	ret = send_first(conn, head, head_len);
	if (ret < 0 && ret != -EAGAIN)
		return SEND_FAILED;
	sent = ret > 0 ? (u32)ret : 0;
	if (sent < head_len)
		return keep_rest(conn, head, head_len, sent);
	advance(answer, sent - head_len);
	return send_body(conn);
}

enum send_result ktux_send_start_bytes(struct conn *conn, const u8 *head, u32 head_len, const void *data, u32 len)
{
	struct answer *answer = &conn->answer;
	struct kvec vec[2] = { { .iov_base = (void *)head, .iov_len = head_len }, { .iov_base = (void *)data, .iov_len = len } };
	struct msghdr msg = { .msg_flags = SEND_FLAGS };
	struct own_body *own = NULL;
	enum send_result result;
	u32 sent, of_body;
	int ret;

	*answer = (struct answer){ .left = len };
	iov_iter_kvec(&msg.msg_iter, WRITE, vec, len > 0 ? 2 : 1, (size_t)head_len + len);
	ret = tcp_sendmsg_locked(sk_of(conn), &msg, (size_t)head_len + len);
	if (ret < 0 && ret != -EAGAIN)
		return SEND_FAILED;
	sent = ret > 0 ? (u32)ret : 0;
	of_body = sent > head_len ? sent - head_len : 0;
	conn->turn = tux_bytes_remaining(conn->turn, of_body);
	answer->left = len - of_body;
	if (sent == head_len + len)
		return SEND_DONE;
	if (answer->left > 0) {
		own = ktux_own_body_new(conn->instance->memcg, (const u8 *)data + of_body, (u32)answer->left);
		if (!own)
			return run_short(conn, sent);
	}
	answer->own = own;
	result = keep_rest(conn, head, head_len, sent);
	if (result == SEND_NOTHING)
		ktux_own_body_free(own);
	return result;
}

enum send_result ktux_send_start_own(struct conn *conn, const u8 *head, u32 head_len, struct own_body *own)
{
	struct answer *answer = &conn->answer;
	u32 sent;
	int ret;

	*answer = (struct answer){ .own = own, .left = own->len };
	ret = send_bytes(conn, head, head_len, own->len > 0);
	if (ret < 0 && ret != -EAGAIN)
		return SEND_FAILED;
	sent = ret > 0 ? (u32)ret : 0;
	return sent < head_len ? keep_rest(conn, head, head_len, sent) : send_body(conn);
}

void ktux_send_free_cold(struct cold_pages *pages)
{
	while (pages->count > 0)
		put_page(pages->page[--pages->count]);
}

bool ktux_send_read_cold(struct conn *conn, struct cold_pages *pages)
{
	struct answer *answer = &conn->answer;
	loff_t off = (loff_t)answer->off;
	u64 left = answer->left;

	*pages = (struct cold_pages){ .count = 0 };
	while (left > 0 && pages->count < ARRAY_SIZE(pages->page)) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);
		size_t want = tux_bytes_min(PAGE_SIZE, left);
		ssize_t got;

		if (!page)
			break;
		pages->page[pages->count++] = page;
		got = kernel_read(answer->file, page_address(page), want, &off);
		if (got != (ssize_t)want) {
			put_page(pages->page[--pages->count]);
			break;
		}
		pages->bytes += want;
		left -= want;
	}
	return pages->count > 0;
}

enum send_result ktux_send_own_pages(struct conn *conn, const struct cold_pages *pages)
{
	struct answer *answer = &conn->answer;
	struct scratch *scratch = ktux_scratch_get();
	u64 left = pages->bytes;
	unsigned int i;
	int ret;

	for (i = 0; i < pages->count; i++)
		bvec_set_page(&scratch->page[i], pages->page[i], (unsigned int)tux_bytes_take(PAGE_SIZE, &left), 0);
	ret = ktux_compat_send_pages(sk_of(conn), scratch->page, pages->count, pages->bytes,
				     SEND_FLAGS | (pages->bytes < answer->left ? MSG_MORE : 0));
	if (ret == -EAGAIN)
		return blocked(conn);
	if (ret <= 0)
		return SEND_FAILED;
	advance(answer, (size_t)ret);
	return send_body(conn);
}

u64 ktux_send_left(const struct conn *conn)
{
	return conn->answer.left + (conn->answer.head_len - conn->answer.head_at);
}

void ktux_send_release(struct conn *conn)
{
	if (conn->answer.head_len > 0) /* a copy, because only a part was sent at once */
		kfree(conn->answer.head);
	if (conn->answer.object)
		ktux_object_put(conn->answer.object);
	ktux_own_body_free(conn->answer.own);
	conn->answer = (struct answer){ .object = NULL };
}
