/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Restricts a program that TUX starts for itself, such as uacme(1), and all processes that it starts, to its own directory. */
#ifndef TUX_PROGRAM_CONFINE_HELPER_SANDBOX_H
#define TUX_PROGRAM_CONFINE_HELPER_SANDBOX_H

#include <stdbool.h>

/*
 * Permits to change files beneath directory_fd, to execute program_fd, to read and execute programs and libraries of the system, to read what
 * the resolver and TLS libraries read, and to connect; nothing else, if the kernel has Landlock. Sets no_new_privs. Call it in the new process.
 * Returns false with errno if the kernel has Landlock and it failed.
 */
bool tux_helper_sandbox_enter(int directory_fd, int program_fd);

#endif
