/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `tux status`: what the kernel engine's instances have done. */
#ifndef TUX_PROGRAM_STATUS_H
#define TUX_PROGRAM_STATUS_H

/* Prints the instances of this network namespace to the standard output. The exit status: failure when there is no tux.ko, or it
 * may not be asked. */
int tux_status(void);

#endif
