/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that modules of the kernel call. */
#ifndef TUX_KERNEL_CALL_API_H
#define TUX_KERNEL_CALL_API_H

#include "../include/tux/module.h"

/* Without the module. Functions that the kernel lacks are NULL: include/tux/module.h does not declare them here. */
extern const struct tux_api ktux_call_api;

/* Returns the module that has a call. Any context, while the module has it. */
const struct tux_module *ktux_call_module(const struct tux_req *call);

/* Like tux_req_field() of include/tux/module.h, but for a name of len bytes. Any context, while the module has the call. */
struct tux_str ktux_call_field(const struct tux_req *call, const char *name, u32 len);

/* Returns a value of the configuration that the set-up of a call has for its module; NULL: not set. Any context, within handle(). */
const char *ktux_call_conf(const struct tux_req *call, const char *key);

#endif
