/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core tried on known answers when the module is loaded. */
#ifndef TUX_KERNEL_SELFTEST_H
#define TUX_KERNEL_SELFTEST_H

#include <linux/init.h>

/* 0, or -EIO when an answer differs: the kernel log says which. Process context. */
int __init ktux_selftest(void);

#endif
