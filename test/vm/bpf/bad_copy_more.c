/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lets a function write more bytes than its memory has. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	char path[32];

	tux_copy_path(req, path, 1024);
	return tux_reply(req, 200, "text/plain", path, sizeof(path)) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
