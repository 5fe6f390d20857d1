/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the script of a path beneath a directory of CGI scripts. */
#ifndef TUX_PROGRAM_CGI_SCRIPT_H
#define TUX_PROGRAM_CGI_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Follows the path, which has no leading '/', to the first file that is not a directory. *len bytes of the path name that script.
 * *directory_fd is its directory (O_PATH); the caller closes it. Returns 0 or an errno: ENOENT and similar; EACCES; EPERM if it is
 * not a regular file or everybody may write to it; EXDEV or ELOOP if a link leads out. Names that start with a dot are ENOENT.
 * Modifies the path during the call. With root_owned, the file must belong to root (user and group) and its directories must be
 * writable only by root, else EPERM; links are ELOOP. May block.
 */
int tux_script_find(int root_fd, bool root_owned, char *path, uint32_t *len, int *directory_fd);

#endif
