/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process of an isolated module: takes requests from the rings, calls the module, and writes its replies. */
#ifndef TUX_ENGINE_ISOLATED_HOST_H
#define TUX_ENGINE_ISOLATED_HOST_H

#include "../config.h"
#include "control.h"

/* Steps between loading the module and its first request. Each returns false with a sentence in error. */
struct isolated_host_steps {
	bool (*enclose)(void *context, char *error, size_t error_size);  /* restricts files, after load() */
	bool (*restrain)(void *context, char *error, size_t error_size); /* restricts system calls, after start() */
	void *context;
	const struct control_ready *ready; /* set by then */
};

/*
 * Serves a module until the server ends. object_fd is a sealed copy of its file, control_fd the socket to the server. Returns the exit status
 * of the process.
 */
int isolated_host(const struct tux_module_config *module, int object_fd, int control_fd, const struct isolated_host_steps *steps);

#endif
