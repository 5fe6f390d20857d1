/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that a log is written to: opened for the user who writes it, never through a link that another user could make. */
#ifndef TUX_PROGRAM_LOG_DESTINATION_H
#define TUX_PROGRAM_LOG_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>

#include "../confine/user.h"

/*
 * Opens path for appending; makes the file (0640) if it does not exist. Opens it with the rights of user. Root opens it only if these
 * do not suffice: a new file becomes the user's, as does one of root's in a directory that root alone can change. In a directory of
 * another user root opens only a regular file of that user, or of the writer. Returns -1 with a sentence that begins with the reason.
 */
int tux_log_destination_open(const char *path, const struct tux_user *user, char *reason, size_t reason_size);

/* Opens the directory of path (O_PATH) by the same rules; -1 with errno. */
int tux_log_destination_directory(const char *path);

#endif
