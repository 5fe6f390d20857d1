/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes longer for the query "slow": some thousand turns of a loop. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	char query[8];
	volatile uint32_t sum = 0;

	if (tux_copy_query(req, query, sizeof(query)) == 4 && query[0] == 's')
		for (uint32_t i = 0; i < 4000; i++)
			sum += i;
	if (sum == 7)
		return TUX_FAIL;
	return tux_reply(req, 200, "text/plain", "kernel\n", 7) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(slow, .handle = handle);
