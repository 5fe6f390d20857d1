/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uses a reply after it was given. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	struct tux_bpf_reply *const reply = tux_bpf_reply_begin(tux_bpf_req(req));

	if (!reply)
		return TUX_FAIL;
	tux_bpf_reply(reply, 200, "one\n", 4);
	tux_bpf_reply(reply, 200, "two\n", 4);
	return TUX_DONE;
}

TUX_MODULE(bad, .handle = handle);
