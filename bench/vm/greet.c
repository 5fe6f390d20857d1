/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module that is measured. It builds for the program, for the kernel, and as a verified handler. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	return tux_reply(req, 200, "text/plain", "hello, world\n", 13);
}

TUX_MODULE(greet, .handle = handle);
