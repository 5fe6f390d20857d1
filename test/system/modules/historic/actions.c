/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A historic module for tests: the query says what it does. */
#include <tuxmodule.h>

TUXAPI_declare;

#include <pthread.h>
#include <signal.h>

static char data[4 << 20];
static int waits; /* a socket that stays postponed */
static int held;  /* requests that stay postponed */
static int ended; /* waits for a descriptor that are over */

void TUXAPI_init(void)
{
}

static int is(const user_req_t *req, const char *word)
{
	return strcmp((const char *)req->query, word) == 0;
}

static void say(const user_req_t *req, const char *text)
{
	char head[200];

	sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", (int)strlen(text));
	write(req->sock, head, strlen(head));
	write(req->sock, text, strlen(text));
}

static void say_raw(const user_req_t *req, const char *text)
{
	write(req->sock, text, strlen(text));
}

/* Writes what the structure says of the request. */
static void say_fields(user_req_t *req)
{
	static char text[8192];

	sprintf(text, "%u.%u.%u\nHTTP %u\nmethod %u %s\nclient %s\nobjectlen %u\nmodule %u %s\nkeep-alive %u\n%s?%s\ncookies %u %s\n%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s\n"
		"%s %s %s %d\n%s %s %s\nevent %u error %u\n",
	        req->version_major, req->version_minor, req->version_patch, req->http_version, req->http_method, CGI_REQUEST_METHOD(req),
	        inet_ntoa(req->client_host), req->objectlen, req->module_index, CGI_SCRIPT_NAME(req), req->keep_alive, req->objectname, req->query,
	        req->cookies_len, req->cookies, req->content_type, req->user_agent, req->accept, req->accept_charset, req->accept_encoding,
	        req->accept_language, req->cache_control, req->if_modified_since, req->negotiate, req->pragma, req->referer,
	        CGI_SERVER_NAME(req), CGI_GATEWAY_INTERFACE(req), CGI_SERVER_PROTOCOL(req), CGI_SERVER_PORT(req), CGI_DOCUMENT_ROOT(req),
	        CGI_QUERY_STRING(req), TUXAPI_version, req->event, req->error);
	say(req, text);
}

/* Writes a response of this many bytes. */
static void say_many(const user_req_t *req, long count)
{
	static char text[100000];
	char head[100];
	long n = 1;

	memset(text, 'm', sizeof(text));
	sprintf(head, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n", count);
	write(req->sock, head, strlen(head));
	for (; count > 0 && n > 0; count -= n)
		n = write(req->sock, text, count < (long)sizeof(text) ? (size_t)count : sizeof(text));
}

/* Appends the result of an action: 0 or more, or the name of the error. */
static void add(char *text, int result)
{
	char number[20];

	sprintf(number, "%d ", result);
	strcat(text, result >= 0 ? number : errno == EINVAL ? "EINVAL " : errno == EEXIST ? "EEXIST " : "other ");
}

static int with_name(int action, const char *name, int version)
{
	user_req_t req;

	memset(&req, 0, sizeof(req));
	req.version_major = version;
	req.module_index = 1;
	strcpy((char *)req.objectname, name);
	strcpy((char *)req.new_date, name);
	req.object_addr = (unsigned long)"text/plain";
	return tux(action, &req);
}

/* Does the actions that concern the process, and those that fail. */
static void say_results(user_req_t *req)
{
	char text[500] = "";

	add(text, tux(TUX_ACTION_QUERY_VERSION, NULL));
	add(text, tux(TUX_ACTION_STARTUP, NULL));
	add(text, with_name(TUX_ACTION_STARTTHREAD, "", 3));
	strcat(text, "| ");
	add(text, with_name(TUX_ACTION_REGISTER_MODULE, "other.tux", 3));
	add(text, with_name(TUX_ACTION_REGISTER_MODULE, "other.tux", 3));
	add(text, with_name(TUX_ACTION_REGISTER_MODULE, "more.tux", 2));
	add(text, with_name(TUX_ACTION_REGISTER_MODULE, "", 3));
	add(text, with_name(TUX_ACTION_UNREGISTER_MODULE, "other.tux", 3));
	add(text, with_name(TUX_ACTION_UNREGISTER_MODULE, "other.tux", 3));
	strcat(text, "| ");
	add(text, with_name(TUX_ACTION_CURRENT_DATE, "Sun, 06 Nov 1994 08:49:37 GMT", 3));
	add(text, with_name(TUX_ACTION_CURRENT_DATE, "now", 3));
	add(text, with_name(TUX_ACTION_REGISTER_MIMETYPE, ".txt", 3));
	add(text, with_name(TUX_ACTION_REGISTER_MIMETYPE, "txt", 3));
	strcat(text, "| ");
	add(text, tux(0, req));
	add(text, tux(MAX_TUX_ACTION, req));
	add(text, tux(TUX_ACTION_SEND_OBJECT, req));
	add(text, tux(TUX_ACTION_READ_OBJECT, req));
	add(text, tux(TUX_ACTION_SEND_BUFFER, req));
	add(text, tux(TUX_ACTION_WAIT_PROXY_SOCKET, req));
	req->object_addr = (unsigned long)-1;
	add(text, tux(TUX_ACTION_WATCH_PROXY_SOCKET, req));
	add(text, tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)-1L));
	add(text, tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)(long)req->sock)); /* it is not postponed */
	say(req, text);
}

static int finish(user_req_t *req)
{
	req->http_status = 200;
	return tux(TUX_ACTION_FINISH_REQ, req);
}

/* Does an action after another one. */
static int go_on(user_req_t *req)
{
	if (is(req, "read")) {
		req->object_addr = (unsigned long)data;
		req->objectlen = sizeof(data);
		if (req->event == 1) {
			req->event = 2;
			return req->error == 0 ? tux(TUX_ACTION_READ_OBJECT, req) : finish(req);
		}
		data[req->objectlen] = '\0';
		say(req, data);
		return finish(req);
	}
	if (is(req, "buffers") && req->event < 4) {
		static char pieces[64][8]; /* they stay as long as they are sent */
		static int next;
		char *const piece = pieces[next++ % 64];

		req->priv = req->priv * 10 + req->event;
		req->event++;
		req->object_addr = (unsigned long)piece;
		req->objectlen = sprintf(piece, "%lu;", (unsigned long)req->priv);
		return tux(TUX_ACTION_SEND_BUFFER, req);
	}
	ended++;
	return finish(req);
}

/* Writes until the server drops the response. */
static void write_until_dropped(int sock)
{
	while (write(sock, "x", 1) == 1)
		usleep(1000);
}

static void *write_in_thread(void *argument)
{
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL); /* like a thread that the module has started before it got a request */
	write_until_dropped((int)(long)argument);
	tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)argument);
	return NULL;
}

/* Waits for a descriptor that never has input, for a request whose response the server drops. */
static int wait_in_vain(user_req_t *req)
{
	int pair[2];

	say_raw(req, "garbage");
	write_until_dropped(req->sock);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	req->event = 1;
	req->object_addr = pair[0];
	tux(TUX_ACTION_WATCH_PROXY_SOCKET, req);
	return tux(TUX_ACTION_WAIT_PROXY_SOCKET, req);
}

/* Lets another process continue the request before it is postponed. */
static int postpone_late(user_req_t *req)
{
	pid_t child;

	req->event = 1;
	say(req, "early\n");
	child = fork();
	if (child == 0) {
		tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)(long)req->sock);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	usleep(20000); /* the server reads it meanwhile */
	tux(TUX_ACTION_POSTPONE_REQ, req);
	return TUX_CONTINUE_EVENTLOOP;
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

int TUXAPI_handle_events(user_req_t *req)
{
	pthread_t thread;

	if (req->event > 0)
		return go_on(req);
	if (is(req, "fields")) {
		say_fields(req);
	} else if (is(req, "results")) {
		say_results(req);
	} else if (is(req, "headers")) {
		req->object_addr = (unsigned long)data;
		if (tux(TUX_ACTION_READ_HEADERS, req) == 0)
			say(req, data);
	} else if (is(req, "read")) {
		req->event = 1;
		strcpy((char *)req->objectname, "page.html");
		return tux(TUX_ACTION_GET_OBJECT, req);
	} else if (is(req, "buffers")) {
		req->event = 1;
		say_raw(req, "HTTP/1.1 200 OK\r\n\r\n");
		return go_on(req);
	} else if (is(req, "large")) {
		memset(data, 'l', sizeof(data));
		say_raw(req, "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n");
		sprintf(data, "%d", (int)write(req->sock, data, sizeof(data)) == (int)sizeof(data)); /* a socket that blocks takes all */
		if (data[0] != '1')
			say_raw(req, "short");
	} else if (strncmp((const char *)req->query, "many=", 5) == 0) {
		say_many(req, atol((const char *)req->query + 5));
	} else if (is(req, "no-length")) {
		say_raw(req, "HTTP/1.1 200 OK\nX-A: b\n\nno length");
	} else if (is(req, "chunked")) {
		say_raw(req, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	} else if (is(req, "garbage")) {
		say_raw(req, "hello");
	} else if (is(req, "bad-field")) {
		say_raw(req, "HTTP/1.1 200 OK\r\nB@d: \001\r\n\r\n");
	} else if (is(req, "short")) {
		say_raw(req, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
	} else if (is(req, "long")) {
		say_raw(req, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nlonger");
	} else if (is(req, "forget")) {
		return TUX_CONTINUE_EVENTLOOP;
	} else if (is(req, "error")) {
		return TUX_ERROR;
	} else if (is(req, "spin")) {
		return TUX_RETURN_USERSPACE_REQUEST;
	} else if (is(req, "twice")) {
		say(req, "once\n");
		finish(req); /* req has the next request then */
		return finish(req);
	} else if (is(req, "close")) {
		say(req, "closed\n");
		close(req->sock);
	} else if (is(req, "never")) {
		waits = req->sock;
		held++;
		req->event = 9;
		tux(TUX_ACTION_POSTPONE_REQ, req);
		return TUX_CONTINUE_EVENTLOOP;
	} else if (is(req, "waits")) {
		say(req, waits > 0 ? "yes" : "no");
	} else if (is(req, "wake")) {
		sprintf(data, "%d %d\n", tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)(long)waits), tux(TUX_ACTION_CONTINUE_REQ, (user_req_t *)(long)waits));
		say(req, data);
	} else if (is(req, "204")) {
		say_raw(req, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");
	} else if (is(req, "304")) {
		say_raw(req, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n");
	} else if (is(req, "short-gzip")) {
		say_raw(req, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\nCache-Control: max-age=9\r\nContent-Length: 10\r\n\r\nshort");
	} else if (is(req, "bad-gzip")) {
		say_raw(req, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\nCache-Control: max-age=9\r\nB@d: 1\r\n\r\nbody");
	} else if (is(req, "bad-type")) {
		say_raw(req, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\nCache-Control: max-age=9\r\nContent-Type: \001\r\n\r\nbody");
	} else if (is(req, "thread")) {
		req->event = 1;
		say_raw(req, "HTTP/1.1 200 OK\r\n\r\n");
		tux(TUX_ACTION_POSTPONE_REQ, req);
		pthread_create(&thread, NULL, write_in_thread, (void *)(long)req->sock);
		pthread_detach(thread);
		waits = req->sock;
		return TUX_CONTINUE_EVENTLOOP;
	} else if (is(req, "vain")) {
		return wait_in_vain(req);
	} else if (is(req, "late")) {
		return postpone_late(req);
	} else if (is(req, "held")) {
		sprintf(data, "%d", held);
		say(req, data);
	} else if (is(req, "ended")) {
		sprintf(data, "%d", ended);
		say(req, data);
	} else if (is(req, "pid")) {
		sprintf(data, "%d", (int)getpid());
		say(req, data);
	} else if (is(req, "descriptors")) {
		sprintf(data, "%d", descriptors());
		say(req, data);
	} else if (is(req, "shutdown")) {
		say(req, "down\n");
		finish(req);
		tux(TUX_ACTION_SHUTDOWN, NULL);
		return tux(TUX_ACTION_EVENTLOOP, req);
	} else if (is(req, "exit")) {
		_exit(3);
	} else if (is(req, "crash")) {
		abort();
	}
	return finish(req);
}
