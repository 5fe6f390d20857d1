/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included before the C code that spin generates. Prints each pair of states that follow each other, once for each machine. */
#include <stdio.h>

static unsigned char pairs[2][16][16];

static void took(int machine, int from, int to)
{
	if (!pairs[machine][from][to])
		printf("pair %d %d %d\n", machine, from, to);
	pairs[machine][from][to] = 1;
}
