/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of C's header that core/ uses. */
#ifndef TUX_KERNEL_COMPAT_STDINT_H
#define TUX_KERNEL_COMPAT_STDINT_H

#include <linux/limits.h>
#include <linux/types.h>

#define INT64_C(number) number##LL
#define UINT64_C(number) number##ULL
#define UINT32_MAX U32_MAX
#define UINT64_MAX U64_MAX

#endif
