/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passes idle connections of a retired engine to the engine that took over, as descriptors over a Unix socket. */
#ifndef TUX_ENGINE_HTTP_PASSING_H
#define TUX_ENGINE_HTTP_PASSING_H

#include "../conn.h"

/* State shared by the workers of an engine. */
struct passing {
	bool stays[TUX_MAX_LISTENERS]; /* per listener: its connections can be passed; constant after open is set */
	bool open;   /* atomic */
	bool broken; /* passing has failed permanently; atomic */
	uint64_t inode[TUX_MAX_LISTENERS]; /* per listener: inode of its first socket, the same in all processes; 0: unknown */
};

/* Reads the inodes of the listeners. Call it before the workers start. */
void passing_prepare(struct passing *passing, const struct tux_engine_config *config);

/* Permits passing from now on. Any thread. */
void passing_open(struct passing *passing, const bool stays[TUX_MAX_LISTENERS]);

/* True if a connection of a listener may be passed now. */
bool passing_permits(const struct worker *worker, unsigned listener);

/* Passes a connection. Returns false if that fails now or permanently. The caller closes fd on success, and keeps it on failure. */
bool passing_send(struct worker *worker, int fd, unsigned listener);

/*
 * Receives the next passed connection. *listener is the index of its listener, or TUX_MAX_LISTENERS if this process does not have
 * the listener. *fd is -1 if the process is out of descriptors. Returns false if no message waits.
 */
bool passing_receive(const struct worker *worker, unsigned *listener, int *fd);

#endif
