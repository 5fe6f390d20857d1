// SPDX-License-Identifier: GPL-2.0-or-later
/* tux-bpf.ko: handlers in BPF, which the kernel's verifier has checked, as struct_ops "tux_bpf_ops". It is apart from tux.ko, which needs no BTF. */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/module.h>

#include "../version.h"
#include "handler.h"
#include "request.h"

/* Called when the struct_ops is registered, with the BTF of this module. */
static int init(struct btf *btf)
{
	ktux_bpf_functions_permit(btf);
	return 0;
}

/* Called by the verifier before it follows the program. */
static int check_member(const struct btf_type *type, const struct btf_member *member, const struct bpf_prog *prog)
{
	return ktux_bpf_reach_check(prog);
}

/* Returns 1: the member is taken; 0: it is a program, which the kernel takes. In from, it is a descriptor. */
static int init_member(const struct btf_type *type, const struct btf_member *member, void *to, const void *from)
{
	const struct tux_bpf_ops *ops = from;
	struct tux_bpf_ops *taken = to;

	if (__btf_member_bit_offset(type, member) != offsetof(struct tux_bpf_ops, name) * BITS_PER_BYTE)
		return ops->handle ? ktux_bpf_time_check((u32)(unsigned long)ops->handle) : 0;
	return strscpy(taken->name, ops->name, sizeof(taken->name)) > 0 ? 1 : -EINVAL;
}

static int validate(void *ops)
{
	return ((struct tux_bpf_ops *)ops)->handle ? 0 : -EINVAL;
}

static int attach(void *ops, struct bpf_link *link)
{
	return ktux_handler_attach(ops, link);
}

static int replace(void *ops, void *before, struct bpf_link *link)
{
	return ktux_handler_replace(ops, link);
}

static void detach(void *ops, struct bpf_link *link)
{
	ktux_handler_detach(link);
}

/* The form of a handler, for the kernel's checks of indirect calls. */
static int tux_bpf_ops__handle(struct tux_bpf_req *req)
{
	return 0;
}

static struct tux_bpf_ops stubs = { .handle = tux_bpf_ops__handle };

static struct bpf_struct_ops struct_ops = {
	.verifier_ops = &ktux_bpf_verifier_ops,
	.init = init,
	.check_member = check_member,
	.init_member = init_member,
	.validate = validate,
	.reg = attach,
	.update = replace,
	.unreg = detach,
	.cfi_stubs = &stubs,
	.name = "tux_bpf_ops",
	.owner = THIS_MODULE,
};

static int __init tux_bpf_init(void)
{
	int error = ktux_bpf_functions_init();

	if (error != 0)
		return error;
	error = register_bpf_struct_ops(&struct_ops, tux_bpf_ops);
	if (error != 0)
		ktux_bpf_functions_exit();
	return error;
}

/* The kernel forgets the functions and the struct_ops with the module's BTF. Each attached handler holds the module. */
static void __exit tux_bpf_exit(void)
{
	ktux_bpf_functions_exit();
}

module_init(tux_bpf_init);
module_exit(tux_bpf_exit);

MODULE_DESCRIPTION("TUX: handlers that the verifier has checked");
MODULE_AUTHOR("The TUX authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(TUX_VERSION);
MODULE_INFO(import_ns, "TUX"); /* like MODULE_IMPORT_NS(), whose argument is another one since Linux 6.13 */
