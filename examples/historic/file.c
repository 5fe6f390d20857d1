/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends the file of the document root that the query names: /file.tux?page.html. GET_OBJECT, SEND_OBJECT, FINISH_REQ. */
#include <tuxmodule.h>

TUXAPI_declare;

void TUXAPI_init(void)
{
}

int TUXAPI_handle_events(user_req_t *req)
{
	static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nno file\n";
	char head[200];

	switch (req->event) {
	case 0:
		strcpy((char *)req->objectname, (const char *)req->query);
		req->event = 1;
		return tux(TUX_ACTION_GET_OBJECT, req);
	case 1:
		if (req->error != 0) {
			req->bytes_sent = write(req->sock, missing, sizeof(missing) - 1);
			req->http_status = 404;
			return tux(TUX_ACTION_FINISH_CLOSE_REQ, req);
		}
		sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %u\r\n\r\n", req->objectlen);
		write(req->sock, head, strlen(head));
		req->event = 2;
		return tux(TUX_ACTION_SEND_OBJECT, req);
	default:
		req->http_status = 200;
		return tux(TUX_ACTION_FINISH_REQ, req);
	}
}
