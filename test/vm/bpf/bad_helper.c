/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls a function of the kernel that handlers do not have: it writes to the trace of the system. */
#include <tux/module.h>

static long (*const bpf_trace_printk)(const char *format, uint32_t size, ...) = (void *)6;

static enum tux_result handle(struct tux_req *req)
{
	char text[] = "hello";

	(void)req;
	bpf_trace_printk(text, sizeof(text));
	return TUX_DECLINE;
}

TUX_MODULE(bad, .handle = handle);
