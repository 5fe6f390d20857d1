/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Postpones each request, and lets a process of its own respond. POSTPONE_REQ, CONTINUE_REQ. */
#include <tuxmodule.h>

TUXAPI_declare;

void TUXAPI_init(void)
{
}

static void respond(int sock)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nprocess\n";
	const int copy = dup(sock); /* another number of the same socket */

	close(sock);
	write(copy, text, sizeof(text) - 1);
	tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)(long)copy);
	_exit(0);
}

int TUXAPI_handle_events(user_req_t *req)
{
	const int sock = (int)req->sock;
	pid_t child;

	if (req->event != 0) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		req->http_status = 200;
		return tux(TUX_ACTION_FINISH_REQ, req);
	}
	req->event = 1;
	tux(TUX_ACTION_POSTPONE_REQ, req); /* the request is no more the current one: only its socket is used */
	child = fork();
	if (child == 0)
		respond(sock);
	if (child < 0)
		tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)(long)sock); /* its response is missing: 502 */
	return tux(TUX_ACTION_EVENTLOOP, req);
}
