/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies with more bytes than its text has. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	char text[32] = "short\n";

	return tux_reply(req, 200, "text/plain", text, 4000) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
