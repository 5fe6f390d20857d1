/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /dev/tux: what a program may ask, checked. */
#ifndef TUX_KERNEL_DEVICE_H
#define TUX_KERNEL_DEVICE_H

int device_init(void);
void device_exit(void);

#endif
