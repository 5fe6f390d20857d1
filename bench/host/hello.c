/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest CGI program, so that what is measured is what it costs to start one. */
#include <stdio.h>

int main(void)
{
	return fputs("Content-Type: text/plain\nContent-Length: 13\n\nhello, world\n", stdout) < 0;
}
