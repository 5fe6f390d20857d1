/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest FastCGI program, with libfcgi. */
#include <fcgiapp.h>

int main(void)
{
	FCGX_Request request;

	if (FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0)
		return 1;
	while (FCGX_Accept_r(&request) == 0) {
		FCGX_PutS("Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nhello, world\n", request.out);
		FCGX_Finish_r(&request);
	}
	return 0;
}
