/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives a function the arguments of handle() in place of the first one. */
#include <tux/module.h>

SEC("struct_ops/handle") int tux_bpf_handle(unsigned long long *context)
{
	char path[16];

	return tux_copy_path((struct tux_req *)context, path, sizeof(path)) > 0 ? TUX_DECLINE : TUX_FAIL;
}

SEC(".struct_ops.link") struct tux_bpf_ops tux_bpf_ops_here = { .handle = (void *)tux_bpf_handle, .name = "bad" };
SEC("license") char tux_bpf_license[] = "GPL";
