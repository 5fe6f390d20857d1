/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of the files, without names, that request bodies are kept in until they are whole. */
#ifndef TUX_PROGRAM_SERVER_BODY_DIRECTORY_H
#define TUX_PROGRAM_SERVER_BODY_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "../../engine/config.h"

/* True if the engine may keep bodies, so that tux_body_directory_open() is needed. */
bool tux_body_directory_needed(const struct tux_engine_config *config);

/*
 * Opens the directory at path; with NULL one of our own, tux-UID beneath /var/tmp or /tmp, which is made if it is missing. Call it as
 * the user that the server runs as, before the sandbox. *fd is -1 if no such directory will do: bodies are kept in memory then. Returns
 * false with a sentence in error if path will not do.
 */
bool tux_body_directory_open(const char *path, int *fd, char *error, size_t error_size);

#endif
