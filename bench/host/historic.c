/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest module of tux(2). */
#include <tuxmodule.h>

TUXAPI_declare;

void TUXAPI_init(void)
{
}

int TUXAPI_handle_events(user_req_t *req)
{
	static const char response[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nhello, world\n";

	write(req->sock, response, sizeof(response) - 1);
	req->http_status = 200;
	req->bytes_sent = 13;
	return tux(TUX_ACTION_FINISH_REQ, req);
}
