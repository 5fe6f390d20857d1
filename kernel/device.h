/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /dev/tux: checks and runs the calls of a program. */
#ifndef TUX_KERNEL_DEVICE_H
#define TUX_KERNEL_DEVICE_H

int ktux_device_init(void);
void ktux_device_exit(void);

#endif
