/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives a function its own stack in place of the request. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	uint64_t forged[32] = { 0 };

	(void)req;
	return tux_bpf_method((struct tux_bpf_req *)forged) == TUX_M_GET ? TUX_DECLINE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
