/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tux status`: prints the status of this machine's servers and of the kernel engine's instances. */
#ifndef TUX_PROGRAM_STATUS_H
#define TUX_PROGRAM_STATUS_H

#include "command.h"

/*
 * Prints the status of all servers with a control socket. For people, also prints the kernel engine's instances in this network
 * namespace, if permitted. Returns the exit status: failure if there is no status to print.
 */
int tux_status(const struct tux_command *command);

#endif
