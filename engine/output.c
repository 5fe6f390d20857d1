/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/transport.h"
#include "small_tables.h"

enum {
	SPARE_OUTS = TUX_SMALL_TABLES ? 0 : 256,
	TURN_BYTES = 1 << 20,      /* of one body, before other connections get a turn */
	WINDOW_BYTES = 256 * 1024, /* of a file that is copied */
	TLS_WINDOW_BYTES = 65536,  /* like it, over TLS: a client that does not read holds them twice, plain and encrypted */
	CORK_BYTES = 1 << 20,      /* of a file that is not copied: for less, full segments gain nothing on a loaded machine */
	ZERO_COPY_BYTES = 32768,   /* smaller buffers are cheaper to copy than to pin */
};

static struct out *out_get(struct outs *outs)
{
	struct out *out = outs->spare;

	if (out != NULL) {
		outs->spare = out->next;
		outs->spare_count--;
	} else {
		out = malloc(sizeof(*out));
		if (out == NULL)
			return NULL;
		out->waiter.ready = NULL;
	}
	out->waiter.read = NULL;
	out->waiter.end = 0;
	out->len = 0;
	out->sent = 0;
	return out;
}

static void out_put(struct outs *outs, struct out *out)
{
	if (outs->spare_count >= SPARE_OUTS) {
		free(out);
		return;
	}
	out->next = outs->spare;
	outs->spare = out;
	outs->spare_count++;
}

void outs_free(struct outs *outs)
{
	while (outs->spare != NULL) {
		struct out *out = outs->spare;

		outs->spare = out->next;
		free(out);
	}
	outs->spare_count = 0;
}

uint8_t *output_room(struct output *output, uint32_t cap)
{
	if (output->out == NULL)
		output->out = out_get(output->thread->outs);
	if (output->out == NULL || OUT_BYTES - output->out->len < cap)
		return NULL;
	return output->out->data + output->out->len;
}

uint8_t *output_room_left(struct output *output, uint32_t *left)
{
	uint8_t *out = output_room(output, 0);

	*left = out != NULL ? OUT_BYTES - output->out->len : 0;
	return out;
}

bool output_copy(struct output *output, const uint8_t *data, uint32_t len)
{
	uint8_t *out = output_room(output, len);

	if (out == NULL)
		return false;
	if (len > 0)
		memcpy(out, data, len);
	output_wrote(output, len);
	return true;
}

void output_wrote(struct output *output, uint32_t len)
{
	output->out->len += len;
}

void output_body(struct output *output, const struct body_source *body)
{
	output->source = *body;
	if (body->object != NULL)
		object_get(body->object);
}

void output_leave(struct output *output)
{
	if (output->out != NULL)
		residence_leave(&output->out->waiter);
}

void output_release(struct output *output)
{
	struct body_source *source = &output->source;

	output_leave(output);
	if (output->out != NULL)
		out_put(output->thread->outs, output->out);
	output->out = NULL;
	if (source->count == 0)
		return;
	if (source->object != NULL)
		object_put(source->object);
	body_discard(source);
	free(output->window);
	output->window = NULL;
	output->window_len = output->window_at = output->at = 0;
	source->count = 0; /* the other members mean nothing without a part */
}

uint64_t output_left(struct output *output)
{
	return body_parts_left(body_parts(&output->source), output->at, output->source.count);
}

/*
 * Gathers out and the parts in memory after it, up to a turn: a client that reads as fast as the server sends would otherwise hold up
 * the others until it has all. *more is true if more of the body follows. Returns the number of iovecs.
 */
static unsigned gather(struct output *output, bool *more)
{
	struct out *out = output->out;
	const struct body_part *part = body_parts(&output->source);
	uint64_t turn = TURN_BYTES;
	unsigned parts = 0;
	uint32_t i = output->at;

	*more = false;
	if (out->sent < out->len)
		out->iov[parts++] = (struct iovec){ out->data + out->sent, out->len - out->sent };
	for (; i < output->source.count && part[i].memory != NULL && parts < LOOP_MAX_IOV && turn > 0; i++) {
		const size_t len = part[i].len < turn ? part[i].len : turn;

		out->iov[parts++] = (struct iovec){ (uint8_t *)(uintptr_t)part[i].memory, len };
		turn -= len;
		*more = len < part[i].len;
	}
	*more = *more || i < output->source.count;
	return parts;
}

static enum output_result send_memory(struct output *output, unsigned parts, bool more)
{
	struct thread *thread = output->thread;
	struct out *out = output->out;
	bool zero_copy = thread->config->large_body == TUX_LARGE_ZEROCOPY && out->sent == out->len &&
	                 out->iov[0].iov_len >= ZERO_COPY_BYTES;

	out->message = (struct msghdr){ .msg_iov = out->iov, .msg_iovlen = parts };
	transport_send(thread->ops, thread->loop, output->channel, &out->message, more ? MSG_MORE : 0, zero_copy);
	return OUTPUT_PENDING;
}

/* Removes sent bytes from out and the parts. */
static void advance(struct output *output, uint64_t sent)
{
	struct out *out = output->out;

	count(&output->thread->counters.sent_bytes, sent);
	out->sent += (uint32_t)tux_bytes_take(out->len - out->sent, &sent);
	output->at = body_parts_advance(body_parts(&output->source), output->at, output->source.count, &sent);
}

static void cork(struct output *output, bool corked)
{
	if (output->corked != corked)
		transport_cork(output->channel, corked);
	output->corked = corked;
}

/* True if files are read into memory before they are sent. */
static bool copies_files(const struct output *output)
{
	return thread_copies_bodies(output->thread) || !transport_sends_files(output->channel);
}

/* True if the body is sent by sendfile(2), and long enough for full segments to pay. */
static bool is_long(struct output *output)
{
	const struct body_source *source = &output->source;

	return source->count > 0 && source->fd >= 0 && !source->pipe && !copies_files(output) && output_left(output) >= CORK_BYTES;
}

static enum output_result wait_for_room(struct output *output)
{
	output->thread->ops->wait_writable(output->thread->loop, output->channel);
	return OUTPUT_PENDING;
}

/* Returns the next bytes of a part that can be sent without a wait for the disk; 0: the output waits until they are read. */
static uint64_t in_memory(struct output *output, const struct body_part *part)
{
	struct reads *reads = output->thread->reads;
	struct read_waiter *waiter = &output->out->waiter;
	const struct body_source *source = &output->source;

	waiter->owner = output;
	if (!residence_holds(reads, waiter, part->off) &&
	    !residence_find(reads, waiter, source->object, source->fd, part->off, part->off + part->len))
		return 0;
	return waiter->end - part->off;
}

/* Sends the current part from its descriptor, without copying it. */
static enum output_result send_direct(struct output *output)
{
	struct thread *thread = output->thread;
	struct body_part *part = &body_parts(&output->source)[output->at];
	const struct body_source *source = &output->source;
	uint64_t turn = source->pipe ? UINT64_MAX : TURN_BYTES;

	while (part->len > 0 && turn > 0) {
		const uint64_t ready = source->pipe ? UINT64_MAX : in_memory(output, part);
		uint64_t most = part->len < turn ? part->len : turn;
		int64_t n;

		if (most > ready)
			most = ready;
		if (most == 0)
			return OUTPUT_READING;
		n = source->pipe ? transport_send_pipe(thread->ops, output->channel, source->fd, most) :
		                   transport_send_file(thread->ops, output->channel, source->fd, part->off, most);
		if (n == -EAGAIN)
			return wait_for_room(output);
		if (n <= 0 || (uint64_t)n > most) /* 0: the file shrank, so Content-Length is wrong */
			return OUTPUT_FAILED;
		count(&thread->counters.sent_bytes, (uint64_t)n);
		body_part_advance(part, (uint64_t)n);
		turn -= (uint64_t)n;
	}
	if (part->len > 0)
		return wait_for_room(output);
	output->at++;
	return OUTPUT_DONE;
}

/* Sends the next part of a file from the window, after refilling it if empty. */
static enum output_result send_window(struct output *output)
{
	struct body_part *part = &body_parts(&output->source)[output->at];
	const size_t window_bytes = transport_is_plain(output->channel) ? WINDOW_BYTES : TLS_WINDOW_BYTES;
	bool more;

	if (output->window == NULL)
		output->window = malloc(window_bytes);
	if (output->window == NULL)
		return OUTPUT_FAILED;
	if (output->window_at == output->window_len) {
		const uint64_t ready = in_memory(output, part);
		size_t want = part->len < window_bytes ? (size_t)part->len : window_bytes;
		ssize_t n;

		if (ready == 0)
			return OUTPUT_READING;
		if (want > ready)
			want = ready;
		do
			n = pread(output->source.fd, output->window, want, (off_t)part->off);
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return OUTPUT_FAILED;
		output->window_len = (uint32_t)n;
		output->window_at = 0;
	}
	more = output->window_len - output->window_at < part->len || output->at + 1 < output->source.count;
	output->out->iov[0] =
		(struct iovec){ output->window + output->window_at, output->window_len - output->window_at };
	return send_memory(output, 1, more);
}

/*
 * True if the bytes in memory get a record of their own, because a file follows that the kernel encrypts (kTLS): its records begin with its
 * pages then. Otherwise each page would end within a block of the cipher, which the kernel copies.
 */
static bool ends_record(struct output *output)
{
	const struct body_source *source = &output->source;

	return output->channel->sealed && source->count == 1 && !source->pipe && body_parts(&output->source)[0].memory == NULL;
}

enum output_result output_start(struct output *output)
{
	if (output->out == NULL && output_room(output, 0) == NULL)
		return OUTPUT_FAILED;
	if (is_long(output)) /* before the head, so that it shares its segment with the body */
		cork(output, true);
	for (;;) {
		enum output_result result;
		bool more;
		unsigned parts = gather(output, &more);

		if (parts > 0)
			return send_memory(output, parts, more && !ends_record(output));
		if (output->at == output->source.count)
			break;
		if (!output->source.pipe && copies_files(output))
			return send_window(output);
		result = send_direct(output);
		if (result != OUTPUT_DONE)
			return result;
	}
	cork(output, false);
	output_release(output);
	return OUTPUT_DONE;
}

enum output_result output_advance(struct output *output, int64_t result)
{
	if (result < 0)
		return OUTPUT_FAILED;
	output->window_at += tux_bytes_min(output->window_len - output->window_at, (uint64_t)result);
	advance(output, (uint64_t)result);
	return output_start(output);
}

bool output_progressed(struct output *output)
{
	const uint64_t acked = transport_acked(output->channel);

	if (acked == output->acked)
		return false;
	output->acked = acked;
	return true;
}
