/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts its requests in memory that processes share. TUXAPI_malloc_shared(), TUXAPI_down(), TUXAPI_up(). */
#include <tuxmodule.h>

TUXAPI_declare;

struct counter {
	int lock;
	int requests;
};

static struct counter *shared;

void TUXAPI_init(void)
{
	shared = TUXAPI_malloc_shared(sizeof(*shared));
}

int TUXAPI_handle_events(user_req_t *req)
{
	char text[20], response[200];

	TUXAPI_down(&shared->lock);
	sprintf(text, "%d\n", ++shared->requests);
	TUXAPI_up(&shared->lock);
	sprintf(response, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", (int)strlen(text), text);
	req->bytes_sent = write(req->sock, response, strlen(response));
	req->http_status = 200;
	return tux(TUX_ACTION_FINISH_REQ, req);
}
