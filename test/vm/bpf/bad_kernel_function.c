/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls a function of the kernel that other kinds of BPF programs have. */
#include <tux/module.h>

extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms")));

static enum tux_result handle(struct tux_req *req)
{
	(void)req;
	bpf_rcu_read_lock();
	return TUX_DECLINE;
}

TUX_MODULE(bad, .handle = handle);
