/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passes idle connections of a retired engine to the engine that took over, as descriptors over a Unix socket. */
#ifndef TUX_ENGINE_HTTP_PASSING_H
#define TUX_ENGINE_HTTP_PASSING_H

#include "../config.h"

/* State shared by the threads of an engine. */
struct passing {
	const struct tux_engine_config *config;
	const bool *drain; /* the engine's: it drains, so passing has ended; atomic */
	bool stays[TUX_MAX_LISTENERS]; /* per listener: its connections can be passed; constant after open is set */
	bool open;   /* atomic */
	bool broken; /* passing has failed permanently; atomic */
	uint64_t inode[TUX_MAX_LISTENERS]; /* per listener: inode of its first socket, the same in all processes; 0: unknown */
};

enum passing_result {
	PASSING_DONE,
	PASSING_LATER, /* the socket is full: try again after PASSING_AGAIN_MS */
	PASSING_BROKEN,
};

enum { PASSING_AGAIN_MS = 20 };

/* Reads the inodes of the listeners. Call it before the threads start. */
void passing_prepare(struct passing *passing, const struct tux_engine_config *config, const bool *drain);

/* Permits passing from now on. Any thread. */
void passing_open(struct passing *passing, const bool stays[TUX_MAX_LISTENERS]);

/* True if a connection of a listener may be passed now. */
bool passing_permits(const struct passing *passing, unsigned listener);

/* Passes a connection. The caller closes fd after PASSING_DONE, and keeps it otherwise. */
enum passing_result passing_send(struct passing *passing, int fd, unsigned listener);

/*
 * Receives the next passed connection. *listener is the index of its listener, or TUX_MAX_LISTENERS if this process does not have
 * the listener. *fd is -1 if the process is out of descriptors. Returns false if no message waits.
 */
bool passing_receive(const struct passing *passing, unsigned *listener, int *fd);

#endif
