/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Begins a reply, and neither gives nor drops it. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	return tux_bpf_reply_begin(tux_bpf_req(req)) ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
