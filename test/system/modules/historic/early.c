/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A historic module that starts a thread in TUXAPI_init(), and gives it each request. */
#include <pthread.h>
#include <tuxmodule.h>

TUXAPI_declare;

static int line[2]; /* sockets of postponed requests */

static void *respond(void *unused)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nearly\n";
	int sock;

	while (read(line[0], &sock, sizeof(sock)) == sizeof(sock)) {
		write(sock, text, sizeof(text) - 1);
		tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)(long)sock);
	}
	return unused;
}

void TUXAPI_init(void)
{
	pthread_t thread;

	if (pipe(line) == 0)
		pthread_create(&thread, NULL, respond, NULL);
}

int TUXAPI_handle_events(user_req_t *req)
{
	const int sock = req->sock;

	if (req->event++ > 0)
		return tux(TUX_ACTION_FINISH_REQ, req);
	tux(TUX_ACTION_POSTPONE_REQ, req);
	write(line[1], &sock, sizeof(sock));
	return TUX_CONTINUE_EVENTLOOP;
}
