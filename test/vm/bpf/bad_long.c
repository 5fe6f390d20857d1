/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has an end, which the verifier finds, after more instructions than a handler may take in softirq. */
#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	volatile uint32_t sum = 0;

	(void)req;
	for (uint32_t i = 0; i < 20000; i++)
		sum += i;
	return sum == 7 ? TUX_FAIL : TUX_DECLINE;
}

TUX_MODULE(bad, .handle = handle);
