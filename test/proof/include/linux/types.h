/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the proof, which has no headers of Linux: the types of include/uapi/tux.h. */
#ifndef TUX_PROOF_LINUX_TYPES_H
#define TUX_PROOF_LINUX_TYPES_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;

#endif
