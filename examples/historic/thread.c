/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Postpones each request, and lets a thread of its own respond. POSTPONE_REQ, CONTINUE_REQ. */
#include <pthread.h>
#include <tuxmodule.h>

TUXAPI_declare;

void TUXAPI_init(void)
{
}

static void *respond(void *argument)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\nthread\n";
	const long sock = (long)argument;

	usleep(1000);
	write((int)sock, text, sizeof(text) - 1);
	tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)sock);
	return NULL;
}

int TUXAPI_handle_events(user_req_t *req)
{
	const long sock = (long)req->sock;
	pthread_t thread;

	if (req->event != 0) {
		req->http_status = 200;
		return tux(TUX_ACTION_FINISH_REQ, req);
	}
	req->event = 1;
	tux(TUX_ACTION_POSTPONE_REQ, req); /* the request is no more the current one: only its socket is used */
	if (pthread_create(&thread, NULL, respond, (void *)sock) == 0)
		pthread_detach(thread);
	else
		tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)sock); /* its response is missing: 502 */
	return tux(TUX_ACTION_EVENTLOOP, req);
}
