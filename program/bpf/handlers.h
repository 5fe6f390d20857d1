/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verified handlers of a configuration. The supervisor has them, because it has the privileges, and because it stays: a reload replaces a handler and
 * keeps its maps. A handler that cannot be loaded gets a message. Then the one before it responds, or the module's other builds.
 */
#ifndef TUX_PROGRAM_BPF_HANDLERS_H
#define TUX_PROGRAM_BPF_HANDLERS_H

#include <stdio.h>

#include "../settings/settings.h"
#include "loader.h"

struct tux_verified {
	const char *name; /* malloc'ed: of the module */
	int ops_fd;       /* the handler, loaded; -1: it could not be, and link_fd is that of the one before */
	int link_fd;      /* while it is attached; else -1 */
	struct bpf_maps maps;
};

/* Zero-initialize before use. */
struct tux_handlers {
	struct tux_verified *handler; /* malloc'ed */
	unsigned count;
	unsigned taken; /* the handlers that the loader has given */
	bool loading;
	struct bpf_loader loader; /* while loading */
};

/*
 * Begins to load the handlers of the settings, with the maps of those before (or NULL), in a process of its own. Without the kernel engine it loads none.
 */
void tux_handlers_load(struct tux_handlers *handlers, struct tux_settings *settings, const struct tux_handlers *before);

/*
 * Takes the handlers that are loaded. Writes a message about each failure to errors. Returns true if none is missing: then they can be attached.
 * before: as for tux_handlers_load().
 */
bool tux_handlers_loaded(struct tux_handlers *handlers, const struct tux_settings *settings, const struct tux_handlers *before, FILE *errors);

/* Returns the descriptor that is readable when a handler is loaded; -1: none is being loaded. */
int tux_handlers_fd(const struct tux_handlers *handlers);

/* True if pid, which has ended, was the process that loads handlers. */
bool tux_handlers_ended(struct tux_handlers *handlers, pid_t pid);

/*
 * Checks the handlers of the settings for `tux check`: their files, and where tux-bpf.ko is loaded and this process may ask, by the verifier. Writes each
 * failure to errors, after the name of the configuration file and the line. Returns the number of failures.
 */
unsigned tux_handlers_check(const struct tux_settings *settings, const char *path, FILE *errors);

/*
 * Attaches the loaded handlers of modules that have none attached in those before (or NULL): they respond as soon as a process serves. Notes in the settings
 * each module whose handler is attached, also by those before. Writes a message about each failure to errors.
 */
void tux_handlers_attach(struct tux_handlers *handlers, struct tux_settings *settings, const struct tux_handlers *before, FILE *errors);

/* Attaches the others in place of those before, and detaches the rest of those. Writes a message about each failure to errors. */
void tux_handlers_replace(struct tux_handlers *handlers, struct tux_handlers *before, FILE *errors);

/* Detaches all handlers, and closes their maps. */
void tux_handlers_close(struct tux_handlers *handlers);

/* Closes the descriptors in a child process: a handler that it held would outlive the supervisor. */
void tux_handlers_leave(struct tux_handlers *handlers);

#endif
