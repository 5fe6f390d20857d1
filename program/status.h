/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tux status`: what the servers of this machine do, and the kernel engine's instances. */
#ifndef TUX_PROGRAM_STATUS_H
#define TUX_PROGRAM_STATUS_H

#include "command.h"

/*
 * Prints what servers say that have a control socket, and, for people, the kernel engine's instances in this network namespace, where
 * it may be asked. The exit status: failure when there is nothing to ask.
 */
int tux_status(const struct tux_command *command);

#endif
