/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of the unnamed files in which request bodies are buffered until they are complete. */
#ifndef TUX_PROGRAM_SERVER_BODY_DIRECTORY_H
#define TUX_PROGRAM_SERVER_BODY_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "../../engine/config.h"

/* True if the engine may buffer request bodies. Then it needs tux_body_directory_open(). */
bool tux_body_directory_needed(const struct tux_engine_config *config);

/*
 * Opens the directory at path. With NULL opens tux-UID in /var/tmp or /tmp, and creates it if it is missing. Call it as the user of
 * the server process, before the sandbox. Sets *fd to -1 if path is NULL and no directory is usable; bodies are then buffered in
 * memory. Returns false with a sentence in error if path is not usable.
 */
bool tux_body_directory_open(const char *path, int *fd, char *error, size_t error_size);

#endif
