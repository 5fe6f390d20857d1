/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which file beneath a directory of CGI scripts a path means. */
#ifndef TUX_PROGRAM_CGI_SCRIPT_H
#define TUX_PROGRAM_CGI_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Goes along the path, which has no '/' in front, to the first thing that is no directory: *len bytes of the path name it, and
 * *directory_fd is where it is, O_PATH, the caller's to close. 0, or why there is no script: ENOENT and the like; EACCES; EPERM, it is
 * no file, or everybody may write to it; EXDEV and ELOOP, a link leads out. Names that begin with a dot are not there. The path is
 * written to meanwhile. root_owned: what is not root's, user and group, or lies in a directory that
 * others may write to, is EPERM too, and what a link leads to is ELOOP. May block.
 */
int tux_script_find(int root_fd, bool root_owned, char *path, uint32_t *len, int *directory_fd);

#endif
