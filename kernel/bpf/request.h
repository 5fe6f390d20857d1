/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types that verified handlers see. Both structures have no byte, so that a handler cannot read anything through a pointer: it gives the pointer to
 * functions alone. Their member is for the verifier: it takes any memory of a handler for a structure without members, or with numbers alone. It refuses
 * memory for a structure with an array of pointers, and refuses to read that array (kernel/bpf/verifier.c: get_kfunc_ptr_arg_type(), kernel/bpf/btf.c:
 * btf_struct_walk()). Their names are part of the interface: include/tux/bpf.h has them, too.
 */
#ifndef TUX_KERNEL_BPF_REQUEST_H
#define TUX_KERNEL_BPF_REQUEST_H

#include <linux/types.h>

struct tux_req;

/* A request, from the call of handle() to its return: the struct tux_req of tux.ko. */
struct tux_bpf_req {
	void *none[0];
};

/* The right to reply to a request. The verifier checks that it is given back once. */
struct tux_bpf_reply {
	void *none[0];
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

struct btf;
struct bpf_prog;

/* Registers the functions that handlers call. Returns 0 or a negative errno. */
int ktux_bpf_functions_init(void);
void ktux_bpf_functions_exit(void);

/* Permits the functions to handlers alone: the programs of the struct_ops that this BTF, of this module, describes. */
void ktux_bpf_functions_permit(const struct btf *btf);

/* Lets the handler that is called on this CPU call TUX_BPF_CALLS functions for a request, until the end. Bottom halves are off. */
void ktux_bpf_functions_begin(struct tux_req *req);
void ktux_bpf_functions_end(void);

struct bpf_verifier_ops;

/* The verifier's rules for handlers. */
extern const struct bpf_verifier_ops ktux_bpf_verifier_ops;

/* Returns 0 if a program limits itself to what a handler may use; else -EACCES, with a line in the kernel log. Process context. */
int ktux_bpf_reach_check(const struct bpf_prog *prog);

/*
 * Returns 0 if the program of a descriptor, which the verifier has followed, takes as little time as a handler may; else -E2BIG, with a line in the kernel
 * log, or -EBADF. Process context.
 */
int ktux_bpf_time_check(u32 fd);

#endif
