/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that verified handlers call. include/tux/bpf.h has them, too, and documents them under the names of include/tux/module.h. */
#ifndef TUX_KERNEL_BPF_FUNCTIONS_H
#define TUX_KERNEL_BPF_FUNCTIONS_H

#include "request.h"

u32 tux_bpf_method(struct tux_bpf_req *req);
int tux_bpf_copy_text(struct tux_bpf_req *req, u32 which, void *to, u32 to__sz);
int tux_bpf_copy_field(struct tux_bpf_req *req, const void *name, u32 name__sz, void *to, u32 to__sz);
int tux_bpf_copy_conf(struct tux_bpf_req *req, const void *key, u32 key__sz, void *to, u32 to__sz);
int tux_bpf_add_field(struct tux_bpf_req *req, const void *name, u32 name__sz, const void *value, u32 value__sz);
struct tux_bpf_reply *tux_bpf_reply_begin(struct tux_bpf_req *req);
void tux_bpf_reply_drop(struct tux_bpf_reply *reply);
int tux_bpf_reply_type(struct tux_bpf_reply *reply, const void *type, u32 type__sz);
int tux_bpf_reply(struct tux_bpf_reply *reply, u32 status, const void *data, u32 data__sz);
int tux_bpf_reply_file(struct tux_bpf_reply *reply, const void *path, u32 path__sz);
int tux_bpf_redirect(struct tux_bpf_reply *reply, u32 status, const void *location, u32 location__sz);

#endif
