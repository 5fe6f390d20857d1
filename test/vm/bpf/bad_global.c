/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has a global function, which the verifier would check once, whatever the number of its calls. */
#include <tux/module.h>

int __attribute__((noinline)) slow(int number);

int __attribute__((noinline)) slow(int number)
{
	volatile int sum = number;

	for (int i = 0; i < 1000; i++)
		sum += i;
	return sum;
}

static enum tux_result handle(struct tux_req *req)
{
	int sum = 0;

	(void)req;
	for (int i = 0; i < 1000; i++)
		sum += slow(i);
	return sum == 1 ? TUX_FAIL : TUX_DECLINE;
}

TUX_MODULE(bad, .handle = handle);
