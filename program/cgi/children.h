/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Children of this process, including those that it inherited from ended parents (PR_SET_CHILD_SUBREAPER). */
#ifndef TUX_PROGRAM_CGI_CHILDREN_H
#define TUX_PROGRAM_CGI_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

/* Sends SIGKILL to every child except those for which spare returns true (NULL = kill all). For single-threaded processes only. */
void tux_children_kill(bool (*spare)(pid_t pid));

#endif
