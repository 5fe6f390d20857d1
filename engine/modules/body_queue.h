/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that a module reads in pieces: the body of a request, or the bytes of a tunnel. The thread of the request adds what arrives, and
 * a thread of the module takes it at the same time, so each function but body_queue_open() and body_queue_reset() takes the lock.
 */
#ifndef TUX_ENGINE_MODULES_BODY_QUEUE_H
#define TUX_ENGINE_MODULES_BODY_QUEUE_H

#include <pthread.h>

#include "../io/buffer.h"

enum { BODY_QUEUE_ROOM = 64 * 1024 }; /* bytes that wait for the module */

struct body_queue {
	pthread_mutex_t lock; /* protects the members after it */
	bool ended;           /* no more bytes follow */
	bool wanted;          /* the module has asked for bytes before they were there */
	bool full;            /* the client waits for room */
	bool closing;         /* the server process ends, and the module does not know it yet */
	int error;            /* a negative errno after the bytes; 0: the body is whole */
	uint32_t at;          /* bytes that were taken */
	struct buffer bytes;
};

/* Initializes the lock once, and the members before each use. body_queue_reset() frees what they have. */
void body_queue_open(struct body_queue *queue);
void body_queue_reset(struct body_queue *queue);

/* Frees the lock of a queue that was reset. */
void body_queue_close(struct body_queue *queue);

/* Returns the bytes for which there is room. */
uint32_t body_queue_room(struct body_queue *queue);

/* Adds bytes. Returns false if out of memory. */
bool body_queue_add(struct body_queue *queue, const uint8_t *data, uint32_t len);

/* Lets other bytes follow after the end of the body: those of a tunnel. */
void body_queue_open_tunnel(struct body_queue *queue);

/* Tells the module that the server process ends: body_queue_take() returns -ESHUTDOWN once, after the bytes that are there. */
void body_queue_shut(struct body_queue *queue);

/* Tells that no more bytes follow: the body has ended, or there is an error, a negative errno. */
void body_queue_end(struct body_queue *queue, int error);

/* Takes up to size bytes. Returns their number; 0 at the end; -EAGAIN; -ESHUTDOWN; or the error. */
int body_queue_take(struct body_queue *queue, void *to, uint32_t size);

/* True if body_queue_take() returns something other than -EAGAIN. Otherwise the module wants bytes. */
bool body_queue_is_ready(struct body_queue *queue);

/* True once after body_queue_take() has returned -EAGAIN, as soon as it would return something else. */
bool body_queue_tells(struct body_queue *queue);

/* Returns the bytes that wait for the module. */
uint32_t body_queue_waiting(struct body_queue *queue);

/* True if the module has asked for bytes before they were there. */
bool body_queue_is_wanted(struct body_queue *queue);

/* True if the client waits for room. */
bool body_queue_is_full(struct body_queue *queue);

/* True once after the queue was full, as soon as a good part of it has room. */
bool body_queue_has_room_again(struct body_queue *queue);

#endif
