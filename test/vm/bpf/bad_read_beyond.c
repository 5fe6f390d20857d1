/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the kernel's memory behind the request. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	const uint32_t *const beyond = (const uint32_t *)((const char *)req + 4096);

	return *beyond == 7 ? TUX_DECLINE : TUX_FAIL;
}

TUX_MODULE(bad, .handle = handle);
