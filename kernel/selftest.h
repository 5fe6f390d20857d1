/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests core/ against known results when the module is loaded. */
#ifndef TUX_KERNEL_SELFTEST_H
#define TUX_KERNEL_SELFTEST_H

#include <linux/init.h>

/* Returns 0, or -EIO if a result differs; the kernel log names it. Process context. */
int __init ktux_selftest(void);

#endif
