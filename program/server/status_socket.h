/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where `tux status` asks a server: a Unix socket in a directory, named by the process, that takes one word (text, json, prometheus) and
 * answers with the status. Only root and the server's own user are answered.
 */
#ifndef TUX_PROGRAM_SERVER_STATUS_SOCKET_H
#define TUX_PROGRAM_SERVER_STATUS_SOCKET_H

#include "../../engine/engine.h"
#include "../confine/user.h"

struct tux_control;

/*
 * Listens in a directory, which is made if it is not there; NULL: the usual one, that of the service manager, /run/tux for root, else
 * tux in XDG_RUNTIME_DIR. Directory and socket are user's. NULL with a sentence in error; with error empty where there is no usual one.
 */
struct tux_control *tux_control_open(const char *directory, const struct tux_user *user, char *error, size_t error_size);

/* The absolute path of its directory, in which the socket will be removed. */
const char *tux_control_directory(const struct tux_control *control);

/* Answers from now on, by a thread of its own. The engine outlives it. False with a sentence in error. */
bool tux_control_start(struct tux_control *control, struct tux_engine *engine, char *error, size_t error_size);

/* Ends the thread, removes the socket, frees it. */
void tux_control_close(struct tux_control *control);

/* The usual directory; false where there is none. */
bool tux_control_usual(char *path, size_t path_size);

#endif
