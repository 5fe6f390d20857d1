/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes into the request. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	*(volatile char *)req = '/';
	return TUX_DECLINE;
}

TUX_MODULE(bad, .handle = handle);
