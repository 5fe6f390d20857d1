/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included before the C code that spin generates. Prints each pair of states that follow each other, once. */
#include <stdio.h>

static unsigned char pairs[16][16];

static void took(int from, int to)
{
	if (!pairs[from][to])
		printf("pair %d %d\n", from, to);
	pairs[from][to] = 1;
}
