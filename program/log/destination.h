/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens the file of a log for the user who writes it, and never follows a link that another user could have made. */
#ifndef TUX_PROGRAM_LOG_DESTINATION_H
#define TUX_PROGRAM_LOG_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>

#include "../confine/user.h"

/*
 * Opens path for appending; creates the file (0640) if it is missing. Opens it with the rights of user. Root opens it only if these
 * rights do not suffice. Then a new file is given to the user, and so is root's own file in a directory that only root can change.
 * In a directory of another user, root opens only a regular file of that user or of the writer. Returns -1 with a sentence in
 * reason.
 */
int tux_log_destination_open(const char *path, const struct tux_user *user, char *reason, size_t reason_size);

/* Opens the directory of path (O_PATH) by the same rules. Returns -1 with errno. */
int tux_log_destination_directory(const char *path);

#endif
