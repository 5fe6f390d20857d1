/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket for `tux status`: a Unix socket, named by the process id, in a directory. It reads one word (text, json, prometheus, modules)
 * and responds with the status. It responds only to root and to the server's own user.
 */
#ifndef TUX_PROGRAM_SERVER_STATUS_SOCKET_H
#define TUX_PROGRAM_SERVER_STATUS_SOCKET_H

#include "../../engine/engine.h"
#include "../confine/user.h"

struct tux_control;

/*
 * Listens in a directory and creates the directory if it is missing. NULL is the default: the service manager's directory, /run/tux
 * for root, else tux in XDG_RUNTIME_DIR. Directory and socket belong to user. Returns NULL with a sentence in error; error is empty
 * if there is no default directory.
 */
struct tux_control *tux_control_open(const char *directory, const struct tux_user *user, char *error, size_t error_size);

/* Returns the absolute path of the directory, from which tux_control_close() removes the socket. */
const char *tux_control_directory(const struct tux_control *control);

/* Starts a thread that responds. The engine must outlive it. Returns false with a sentence in error. */
bool tux_control_start(struct tux_control *control, struct tux_engine *engine, char *error, size_t error_size);

/* Ends the thread, removes the socket and frees control. */
void tux_control_close(struct tux_control *control);

/* Writes the default directory to path. Returns false if this machine lacks one. */
bool tux_control_usual(char *path, size_t path_size);

#endif
