/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "body_queue.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

void body_queue_open(struct body_queue *queue)
{
	pthread_mutex_init(&queue->lock, NULL);
	queue->bytes = (struct buffer){ NULL, 0, 0 };
	body_queue_reset(queue);
}

void body_queue_reset(struct body_queue *queue)
{
	buffer_forget(&queue->bytes);
	queue->ended = queue->wanted = queue->full = queue->closing = false;
	queue->error = 0;
	queue->at = 0;
}

void body_queue_close(struct body_queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

/* The caller has the lock. */
static uint32_t room(const struct body_queue *queue)
{
	const uint32_t waiting = queue->bytes.len - queue->at;

	return queue->ended || waiting >= BODY_QUEUE_ROOM ? 0 : BODY_QUEUE_ROOM - waiting;
}

uint32_t body_queue_room(struct body_queue *queue)
{
	uint32_t bytes;

	pthread_mutex_lock(&queue->lock);
	bytes = room(queue);
	if (bytes == 0 && !queue->ended)
		queue->full = true;
	pthread_mutex_unlock(&queue->lock);
	return bytes;
}

bool body_queue_add(struct body_queue *queue, const uint8_t *data, uint32_t len)
{
	bool added;

	pthread_mutex_lock(&queue->lock);
	buffer_drop(&queue->bytes, queue->at);
	queue->at = 0;
	added = buffer_keep(&queue->bytes, data, len);
	pthread_mutex_unlock(&queue->lock);
	return added;
}

void body_queue_open_tunnel(struct body_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->ended = queue->wanted = queue->full = false;
	queue->error = 0;
	pthread_mutex_unlock(&queue->lock);
}

void body_queue_shut(struct body_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closing = true;
	pthread_mutex_unlock(&queue->lock);
}

void body_queue_end(struct body_queue *queue, int error)
{
	pthread_mutex_lock(&queue->lock);
	queue->ended = true;
	queue->error = error;
	pthread_mutex_unlock(&queue->lock);
}

/* Takes bytes. The caller has the lock. */
static int take(struct body_queue *queue, void *to, uint32_t size)
{
	const uint32_t waiting = queue->bytes.len - queue->at;
	const uint32_t taken = size < waiting ? size : waiting;

	if (waiting == 0 && queue->ended)
		return queue->error;
	if (waiting == 0 && queue->closing) {
		queue->closing = false;
		return -ESHUTDOWN;
	}
	if (waiting == 0) {
		queue->wanted = true;
		return -EAGAIN;
	}
	if (taken > 0)
		memcpy(to, queue->bytes.data + queue->at, taken);
	queue->at += taken;
	if (taken == waiting) {
		buffer_forget(&queue->bytes);
		queue->at = 0;
	}
	return (int)taken;
}

int body_queue_take(struct body_queue *queue, void *to, uint32_t size)
{
	int taken;

	pthread_mutex_lock(&queue->lock);
	taken = take(queue, to, size < INT_MAX ? size : INT_MAX);
	pthread_mutex_unlock(&queue->lock);
	return taken;
}

/* True if take() returns something other than -EAGAIN. The caller has the lock. */
static bool is_ready(const struct body_queue *queue)
{
	return queue->ended || queue->closing || queue->bytes.len > queue->at;
}

bool body_queue_is_ready(struct body_queue *queue)
{
	bool ready;

	pthread_mutex_lock(&queue->lock);
	ready = is_ready(queue);
	queue->wanted = queue->wanted || !ready;
	pthread_mutex_unlock(&queue->lock);
	return ready;
}

bool body_queue_tells(struct body_queue *queue)
{
	bool tells;

	pthread_mutex_lock(&queue->lock);
	tells = queue->wanted && is_ready(queue);
	queue->wanted = queue->wanted && !tells;
	pthread_mutex_unlock(&queue->lock);
	return tells;
}

uint32_t body_queue_waiting(struct body_queue *queue)
{
	uint32_t waiting;

	pthread_mutex_lock(&queue->lock);
	waiting = queue->bytes.len - queue->at;
	pthread_mutex_unlock(&queue->lock);
	return waiting;
}

bool body_queue_is_wanted(struct body_queue *queue)
{
	bool wanted;

	pthread_mutex_lock(&queue->lock);
	wanted = queue->wanted;
	pthread_mutex_unlock(&queue->lock);
	return wanted;
}

bool body_queue_is_full(struct body_queue *queue)
{
	bool full;

	pthread_mutex_lock(&queue->lock);
	full = queue->full;
	pthread_mutex_unlock(&queue->lock);
	return full;
}

bool body_queue_has_room_again(struct body_queue *queue)
{
	bool again;

	pthread_mutex_lock(&queue->lock);
	again = queue->full && room(queue) >= BODY_QUEUE_ROOM / 2;
	queue->full = queue->full && !again;
	pthread_mutex_unlock(&queue->lock);
	return again;
}
