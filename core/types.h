/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The integer types of the core: the only place where it knows whether it is compiled for the kernel
 * or for a program.
 */
#ifndef TUX_CORE_TYPES_H
#define TUX_CORE_TYPES_H

#ifdef __KERNEL__
#include <linux/limits.h>
#include <linux/types.h>
#define INT64_C(number) number##LL
#define UINT64_C(number) number##ULL
#define UINT32_MAX U32_MAX
#define UINT64_MAX U64_MAX
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#endif
