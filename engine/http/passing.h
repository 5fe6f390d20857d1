/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Idle connections of an engine that retires go to the one that took over: descriptors over a Unix socket. */
#ifndef TUX_ENGINE_HTTP_PASSING_H
#define TUX_ENGINE_HTTP_PASSING_H

#include "../conn.h"

/* State that the workers of an engine share. */
struct passing {
	bool stays[TUX_MAX_LISTENERS]; /* of each listener: connections that came in at it can be sent. Stay as they are once open is set */
	bool open;   /* atomic */
	bool broken; /* nothing can be sent any more; atomic */
	uint64_t inode[TUX_MAX_LISTENERS]; /* of the socket of each listener, which is its name in all processes; 0: unknown */
};

/* Finds the names of the listeners. Before the workers start. */
void passing_prepare(struct passing *passing, const struct tux_engine_config *config);

/* The engine's connections may be sent from now on. Any thread. */
void passing_open(struct passing *passing, const bool stays[TUX_MAX_LISTENERS]);

/* True if a connection that came in at a listener may be sent now. */
bool passing_permits(const struct worker *worker, unsigned listener);

/* Sends a connection. False if that cannot be now, or never: it is still the caller's. On success the fd may be closed. */
bool passing_send(struct worker *worker, int fd, unsigned listener);

/*
 * Takes the next connection that was sent. *listener is the number of the one that it came in at, or TUX_MAX_LISTENERS if this
 * process does not have it; *fd is -1 if no descriptor was left for it. Returns false if no message waits.
 */
bool passing_receive(const struct worker *worker, unsigned *listener, int *fd);

#endif
