/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fetches each response from a server at a port of this machine: /proxy.tux?8080. WATCH_PROXY_SOCKET, WAIT_PROXY_SOCKET. */
#include <tuxmodule.h>

TUXAPI_declare;

void TUXAPI_init(void)
{
}

/* Returns a socket with a request to the server; -1: there is no server. */
static int ask(int port)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	struct sockaddr_in address;
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&address, 0, sizeof(address));
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && write(fd, text, sizeof(text) - 1) > 0)
		return fd;
	close(fd);
	return -1;
}

int TUXAPI_handle_events(user_req_t *req)
{
	static char data[16384];
	int fd, count;

	if (req->event == 0) {
		fd = ask(atoi((char *)req->query));
		if (fd < 0)
			return tux(TUX_ACTION_FINISH_CLOSE_REQ, req);
		req->event = 1;
		req->priv = fd;
		req->object_addr = fd;
		tux(TUX_ACTION_WATCH_PROXY_SOCKET, req);
		return tux(TUX_ACTION_WAIT_PROXY_SOCKET, req);
	}
	fd = (int)req->priv;
	count = read(fd, data, sizeof(data));
	if (count > 0) {
		write(req->sock, data, count);
		return tux(TUX_ACTION_WAIT_PROXY_SOCKET, req);
	}
	close(fd);
	req->http_status = 200;
	return tux(TUX_ACTION_FINISH_REQ, req);
}
