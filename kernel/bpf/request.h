/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types that verified handlers see. Both structures are empty, so that a handler cannot read anything through a pointer: it gives the pointer to
 * functions alone. Their names are part of the interface: include/tux/bpf.h has them, too.
 */
#ifndef TUX_KERNEL_BPF_REQUEST_H
#define TUX_KERNEL_BPF_REQUEST_H

#include <linux/types.h>

struct tux_req;

/* A request, from the call of handle() to its return: the struct tux_req of tux.ko. */
struct tux_bpf_req {
};

/* The right to reply to a request. The verifier checks that it is given back once. */
struct tux_bpf_reply {
};

enum {
	TUX_BPF_NAME = 65,         /* bytes of a module's name with its NUL */
	TUX_BPF_CALLS = 256,       /* calls of functions for one request */
};

/* A verified handler. */
struct tux_bpf_ops {
	int (*handle)(struct tux_bpf_req *req);
	char name[TUX_BPF_NAME];
};

static inline struct tux_req *ktux_bpf_req(const struct tux_bpf_req *req)
{
	return (struct tux_req *)req;
}

static inline struct tux_req *ktux_bpf_reply(const struct tux_bpf_reply *reply)
{
	return (struct tux_req *)reply;
}

/* Registers the functions that handlers call. Returns 0 or a negative errno. */
int ktux_bpf_functions_init(void);

/* Lets the handler that is called on this CPU call TUX_BPF_CALLS functions. Bottom halves are off. */
void ktux_bpf_functions_begin(void);

struct bpf_prog;
struct bpf_verifier_ops;

/* The verifier's rules for handlers. */
extern const struct bpf_verifier_ops ktux_bpf_verifier_ops;

/* Returns 0 if a program limits itself to what a handler may use; else -EACCES, with a line in the kernel log. Process context. */
int ktux_bpf_reach_check(const struct bpf_prog *prog);

#endif
