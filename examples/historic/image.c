/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends an image that is in memory. SEND_BUFFER. It is written for version 2 of the interface, which has pointers. */
#define INTERFACE_VERSION 2
#include <tuxmodule.h>

static char response[4096];
static int response_len;

void TUXAPI_init(void)
{
	static const char image[] = "GIF89a\1\0\1\0\200\0\0\377\377\377\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";

	response_len = sprintf(response, "HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: %d\r\n\r\n", (int)sizeof(image) - 1);
	memcpy(response + response_len, image, sizeof(image) - 1);
	response_len += (int)sizeof(image) - 1;
}

int TUXAPI_handle_events(user_req_t *req)
{
	if (req->event == 0) {
		req->event = 1;
		req->object_addr = response;
		req->objectlen = response_len;
		return tux(TUX_ACTION_SEND_BUFFER, req);
	}
	req->http_status = 200;
	req->bytes_sent = response_len;
	return tux(TUX_ACTION_FINISH_REQ, req);
}
