/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loops until the client's method changes. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	while (tux_req_method(req) != TUX_M_DELETE)
		;
	return TUX_DECLINE;
}

TUX_MODULE(bad, .handle = handle);
