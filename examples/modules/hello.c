/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Says hello. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	static const char text[] = "hello\n";

	return tux_reply(req, 200, "text/plain", text, sizeof(text) - 1) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(hello, .handle = handle);
