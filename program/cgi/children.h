/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our children, also those that became ours because their parents ended (PR_SET_CHILD_SUBREAPER). */
#ifndef TUX_PROGRAM_CGI_CHILDREN_H
#define TUX_PROGRAM_CGI_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

/* Sends SIGKILL to every child, but for those that spare (NULL: none) wants to keep. Single-threaded processes only. */
void tux_children_kill(bool (*spare)(pid_t pid));

#endif
