/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verified handlers that are attached: each is a module of tux.ko. Process context, unless stated otherwise. */
#ifndef TUX_KERNEL_BPF_HANDLER_H
#define TUX_KERNEL_BPF_HANDLER_H

#include "request.h"

struct bpf_link;
struct tux_api;

/* Registers a handler with tux.ko, under the name of ops. ops stays until ktux_handler_detach() or a later ktux_handler_replace() returns. */
int ktux_handler_attach(const struct tux_bpf_ops *ops, struct bpf_link *link);

/* Lets ops respond in place of the handler of a link. No request is lost, and no call of the former is left when it returns. */
int ktux_handler_replace(const struct tux_bpf_ops *ops, struct bpf_link *link);

/* Ends the handler of a link. No call of it is left when it returns. */
void ktux_handler_detach(struct bpf_link *link);

#endif
