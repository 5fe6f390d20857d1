/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends a request body back. READ_POST_DATA. */
#include <tuxmodule.h>

TUXAPI_declare;

void TUXAPI_init(void)
{
}

int TUXAPI_handle_events(user_req_t *req)
{
	static char data[65536];
	char head[200];

	req->object_addr = (unsigned long)data;
	req->objectlen = sizeof(data);
	if (tux(TUX_ACTION_READ_POST_DATA, req) != 0)
		return tux(TUX_ACTION_FINISH_CLOSE_REQ, req);
	sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %u\r\n\r\n", CGI_CONTENT_TYPE(req), req->objectlen);
	write(req->sock, head, strlen(head));
	write(req->sock, data, req->objectlen);
	req->http_status = 200;
	return tux(TUX_ACTION_FINISH_REQ, req);
}
