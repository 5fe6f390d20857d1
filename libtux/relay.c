/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The relay: reads what the module writes to its sockets, and gives it to the server as a response. */
#include "historic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS = 64,
	MAX_READS = 16,    /* of one request in a turn */
	LONGER = 4,        /* times a buffer grows */
	PROXY = 1,         /* bit in the data of an event: the watched descriptor of the request */
};

static bool event_add(int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return epoll_ctl(library.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

int relay_open(void)
{
	char number[16];

	library.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	library.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (library.epoll_fd < 0 || library.wake_fd < 0 || pipe2(library.control, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	/* Processes of the module write to it, and may wait. */
	if (fcntl(library.control[1], F_SETFD, 0) != 0 || fcntl(library.control[1], F_SETFL, 0) != 0)
		return -errno;
	snprintf(number, sizeof(number), "%d", library.control[1]);
	if (setenv("TUX_CONTROL", number, 1) != 0 || !event_add(library.wake_fd, EPOLLIN, 0) ||
	    !event_add(library.control[0], EPOLLIN, PROXY))
		return -errno;
	return 0;
}

void relay_wake(void)
{
	const uint64_t one = 1;

	if (write(library.wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		say(TUX_LOG_ERROR, "the relay cannot be woken: %s", strerror(errno));
}

void relay_turn(struct request *request)
{
	if (request->in_turns)
		return;
	request->in_turns = true;
	request->next_turn = NULL;
	if (library.turns == NULL)
		relay_wake();
	*library.last_turn = request;
	library.last_turn = &request->next_turn;
}

bool relay_connect(struct request *request)
{
	struct stat st;
	int sock[2];

	/* Another thread of the module may execute a program meanwhile, which has to do without this one. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock) != 0)
		return false;
	if (fcntl(sock[0], F_SETFD, 0) != 0 || fcntl(sock[1], F_SETFL, O_NONBLOCK) != 0 || fstat(sock[0], &st) != 0 ||
	    !event_add(sock[1], EPOLLIN | EPOLLET, (uintptr_t)request)) {
		const int error = errno;

		close(sock[0]);
		close(sock[1]);
		errno = error;
		return false;
	}
	request->inode = st.st_ino;
	request->user.sock = (uint32_t)sock[0];
	pthread_mutex_lock(&library.lock);
	request->sock[0] = sock[0];
	request->sock[1] = sock[1]; /* from here on the relay may close it */
	pthread_mutex_unlock(&library.lock);
	return true;
}

bool relay_watch(struct request *request)
{
	request->action = ACTION_WAIT_PROXY;
	if (event_add(request->proxy, EPOLLIN | EPOLLONESHOT, (uintptr_t)request | PROXY))
		return true;
	request->action = ACTION_NONE;
	return false;
}

/* Closes the socket of the relay. The module's writes fail then. */
static void relay_socket_close(struct request *request)
{
	int fd;

	pthread_mutex_lock(&library.lock);
	fd = request->sock[1];
	request->sock[1] = -1;
	pthread_mutex_unlock(&library.lock);
	if (fd < 0)
		return;
	epoll_ctl(library.epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* a process of the module may have a copy */
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

/* Closes the sockets of a request. A module may have closed its own one, and its number may be that of another file. */
static void sockets_close(struct request *request)
{
	struct stat st;

	relay_socket_close(request);
	if (request->sock[0] >= 0 && fstat(request->sock[0], &st) == 0 && st.st_ino == request->inode && S_ISSOCK(st.st_mode))
		close(request->sock[0]);
	if (request->proxy >= 0)
		close(request->proxy);
	request->sock[0] = request->proxy = -1;
}

/* Frees the output that was read. */
static void buffer_free(struct request *request)
{
	if (request->buffer_size > READ_BYTES) {
		library.ahead -= request->buffer_size - READ_BYTES;
		munmap(request->buffer, request->buffer_size);
	} else {
		free(request->buffer);
	}
	request->buffer = NULL;
	request->buffer_size = 0;
}

/* Gives the request back to the server, with its response. */
static void give_back(struct request *request)
{
	struct tux_req *req;

	pthread_mutex_lock(&library.lock);
	req = request->req;
	request->req = NULL;
	pthread_mutex_unlock(&library.lock);
	if (req != NULL)
		tux_resume(req);
}

/*
 * Drops the output of the module from now on. A write to its socket fails, like one to a client that has left. Frees what the response
 * needed, because the module may keep the request for ever.
 */
static void drop(struct request *request)
{
	bool watches;

	pthread_mutex_lock(&library.lock);
	watches = request->action == ACTION_WAIT_PROXY && request->proxy >= 0;
	pthread_mutex_unlock(&library.lock);
	request->dropped = true;
	request->input_len = request->input_body = 0;
	relay_socket_close(request);
	buffer_free(request);
	if (watches)
		shutdown(request->proxy, SHUT_RDWR); /* ends the wait */
}

/* Responds with an error, or cuts the response, and drops the rest. */
static void response_fail(struct request *request, uint32_t status, const char *why)
{
	static const char text[] = "The response of the module is invalid.\n", busy[] = "The module cannot respond now.\n";
	const bool cut = request->begun;

	if (why != NULL)
		say(TUX_LOG_ERROR, "the response to /%s is %s: %s", request->path, cut ? "cut" : "invalid", why);
	if (!cut)
		tux_remove_fields(request->req);
	if (cut)
		tux_stream_cut(request->req);
	else if (status == 503)
		tux_reply(request->req, status, "text/plain", busy, sizeof(busy) - 1);
	else
		tux_reply(request->req, status, "text/plain", text, sizeof(text) - 1);
	give_back(request);
	drop(request);
}

/* Handles the error of a function of the server. text: the cause; NULL: that of the error. Nobody waits for a response if the client has left. */
static void server_failed(struct request *request, int error, const char *text)
{
	if (error != -ESTALE) {
		response_fail(request, 502, text != NULL ? text : strerror(-error));
		return;
	}
	give_back(request);
	drop(request);
}

/* Begins the response, whose head is complete. Returns false after a failure. */
static bool stream_begin(struct request *request)
{
	const struct response *const response = &request->response;
	int64_t length = response->length;
	int error = 0;

	for (unsigned i = 0; i < response->field_count && error == 0; i++)
		error = tux_add_field(request->req, response->head + response->field[i].name, response->head + response->field[i].value);
	if (error != 0) {
		server_failed(request, error, "a field of its head is invalid");
		return false;
	}
	if (response->status == 204 || response->status == 304)
		length = 0;
	error = tux_stream_begin(request->req, response->status, response->type, length);
	if (error != 0) {
		server_failed(request, error, error == -EINVAL ? "its status or its Content-Type is invalid" : NULL);
		return false;
	}
	request->begun = true;
	return true;
}

/* Gives bytes of the body to the server. Returns false if it has no room for all, or after a failure. */
static bool body_write(struct request *request)
{
	const uint32_t len = request->input_body < UINT32_MAX / 2 ? (uint32_t)request->input_body : UINT32_MAX / 2;
	int taken;

	taken = tux_stream_write(request->req, request->input, len);
	if (taken < 0 && taken != -EAGAIN) {
		server_failed(request, taken, NULL);
		return false;
	}
	if (taken > 0) {
		request->input += taken;
		request->input_len -= (size_t)taken;
		request->input_body -= (size_t)taken;
	}
	return request->input_body == 0;
}

/* Gives the input to the server. Returns false if it has no room; writable() follows. */
static bool input_push(struct request *request)
{
	struct response *const response = &request->response;

	while (request->input_len > 0 && !request->dropped) {
		size_t used;

		if (request->input_body > 0) {
			if (!body_write(request))
				return request->dropped;
			continue;
		}
		used = response_read(response, request->input, request->input_len, &request->input_body);
		if (response->state == RESPONSE_BROKEN) {
			response_fail(request, 502, response->wrong);
			return true;
		}
		request->input += used;
		request->input_len -= used;
		if (response->has_head && !request->begun && !stream_begin(request))
			return true;
	}
	request->input_len = request->input_body = 0;
	return true;
}

/* Returns a buffer of size bytes with the content of the one of before; NULL if out of memory. Long ones are mapped, so that no heap keeps them. */
static char *buffer_move(struct request *request, size_t size)
{
	char *moved;

	if (request->buffer_size > READ_BYTES) {
		moved = mremap(request->buffer, request->buffer_size, size, MREMAP_MAYMOVE);
		return moved != MAP_FAILED ? moved : NULL;
	}
	moved = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (moved == MAP_FAILED)
		return NULL;
	memcpy(moved, request->buffer, request->buffer_size);
	free(request->buffer);
	return moved;
}

/* Makes the buffer larger. Returns false if it may not grow, or if out of memory. */
static bool buffer_grow(struct request *request)
{
	const size_t size = request->buffer == NULL ? READ_BYTES : LONGER * request->buffer_size;
	const size_t more = size - (request->buffer == NULL ? READ_BYTES : request->buffer_size);
	const size_t off = request->input_len > 0 ? (size_t)(request->input - request->buffer) : 0;
	char *grown;

	if (size > AHEAD_BYTES || library.ahead + more > ALL_AHEAD_BYTES)
		return false;
	grown = request->buffer == NULL ? malloc(size) : buffer_move(request, size);
	if (grown == NULL)
		return false;
	library.ahead += more;
	request->buffer = grown;
	request->buffer_size = size;
	request->input = grown + off;
	return true;
}

/* Makes room for output after that which waits. Returns its bytes; 0: none, because of a limit or of memory. */
static size_t buffer_room(struct request *request)
{
	size_t off, end;

	if (request->input_len == 0 && request->buffer_size > READ_BYTES)
		buffer_free(request); /* it was needed for a client that was slow */
	if (request->input_len == 0)
		request->input = request->buffer;
	off = request->input_len > 0 ? (size_t)(request->input - request->buffer) : 0;
	end = off + request->input_len;
	if (end < request->buffer_size)
		return request->buffer_size - end;
	if (off > 0 && off >= request->buffer_size / 2) { /* less often than for each piece that the client takes */
		memmove(request->buffer, request->input, request->input_len);
		request->input = request->buffer;
		return request->buffer_size - request->input_len;
	}
	return buffer_grow(request) ? request->buffer_size - end : 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Notes that no more output is read. If the TUX thread has the request, its writes block. */
static void blocked_note(struct request *request)
{
	bool current;

	pthread_mutex_lock(&library.lock);
	current = request->inode == library.current_inode;
	pthread_mutex_unlock(&library.lock);
	if (!current || library.blocked == request)
		return;
	library.blocked = request;
	library.blocked_ms = now_ms();
}

/* Cuts the response that has blocked the TUX thread for too long while other requests wait for it. */
static void blocked_check(void)
{
	struct request *const request = library.blocked;
	bool current, others;
	char octet;

	if (request == NULL)
		return;
	pthread_mutex_lock(&library.lock);
	current = request->active && request->req != NULL && request->inode == library.current_inode && request->sock[1] >= 0;
	others = library.first != NULL;
	pthread_mutex_unlock(&library.lock);
	if (!current || request->dropped) {
		library.blocked = NULL;
	} else if (!others || recv(request->sock[1], &octet, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
		library.blocked_ms = now_ms();
	} else if (now_ms() - library.blocked_ms >= BLOCK_MS) {
		library.blocked = NULL;
		response_fail(request, 502, "its client is too slow: the module waits for it, and other requests wait for the module");
	}
}

/*
 * Gives all that the module has written to the server. Reads on if that has no room, so that a slow client does not block the module. Returns
 * false if the server has no room, or if this takes long.
 */
static bool output_move(struct request *request)
{
	for (int reads = 0; reads < MAX_READS; reads++) {
		const bool taken = input_push(request);
		size_t room;
		ssize_t n;

		if (request->sock[1] < 0)
			return taken;
		room = buffer_room(request);
		if (room == 0 && taken) {
			response_fail(request, 503, "memory for it is missing");
			return true;
		}
		if (room == 0) {
			blocked_note(request);
			return false;
		}
		do {
			n = read(request->sock[1], request->buffer + (request->buffer_size - room), room < READ_BYTES ? room : READ_BYTES);
		} while (n < 0 && errno == EINTR);
		if (n <= 0)
			return taken;
		request->input_len += (size_t)n;
	}
	pthread_mutex_lock(&library.lock);
	relay_turn(request);
	pthread_mutex_unlock(&library.lock);
	return false;
}

/* The action is done: the module gets the request again. */
static void give_to_module(struct request *request)
{
	pthread_mutex_lock(&library.lock);
	request->action = ACTION_NONE;
	request_queue(request);
	pthread_mutex_unlock(&library.lock);
}

/* Prepares for a function that lets the request wait in the server. Returns the request. */
static struct tux_req *wait_begin(struct request *request)
{
	pthread_mutex_lock(&library.lock);
	request->wait = WAIT_BEGINS;
	pthread_mutex_unlock(&library.lock);
	return request->req;
}

/* Judges the result of that function. Returns true if resumed() was called or follows; gone() may have been called meanwhile. */
static bool wait_begun(struct request *request, int result)
{
	bool waits;

	pthread_mutex_lock(&library.lock);
	waits = result == TUX_SUSPEND && (request->wait != WAIT_BEGINS || !request->gone);
	if (!waits) {
		request->wait = WAIT_NO;
		if (result == TUX_SUSPEND || result == -ESTALE)
			request->req = NULL;
	} else if (request->wait == WAIT_BEGINS) {
		request->wait = WAIT_SERVER;
	}
	pthread_mutex_unlock(&library.lock);
	if (!waits && request->req == NULL)
		drop(request);
	return waits;
}

static void get_object(struct request *request)
{
	static const char hex[] = "0123456789ABCDEF";
	const tuxapi_text *const name = request->user.objectname;
	char path[3 * MAX_URI_LEN + 1] = "/";
	uint32_t len = 1;

	for (unsigned i = name[0] == '/'; name[i] != '\0'; i++) { /* as in a request */
		if (strchr("-._~!$&'()*+,;=:@/", name[i]) != NULL || (name[i] >= '0' && name[i] <= '9') || ((name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z')) {
			path[len++] = (char)name[i];
		} else {
			path[len++] = '%';
			path[len++] = hex[name[i] >> 4];
			path[len++] = hex[name[i] & 15];
		}
	}
	if (!request->dropped && wait_begun(request, tux_resume_with_file(wait_begin(request), path, len)))
		return;
	request->has_object = false;
	request->user.objectlen = 0;
	request->user.error = (uint32_t)-ENOENT;
	give_to_module(request);
}

static void read_object(struct request *request)
{
	int64_t done = -1;

	if (request->req != NULL) {
		char *const to = (char *)(uintptr_t)request->user.object_addr;
		const uint32_t len = request->user.objectlen;

		done = 0;
		while (done < len) {
			const int n = tux_file_read(request->req, (uint64_t)done, to + done, len - (uint32_t)done);

			if (n <= 0)
				break;
			done += n;
		}
	}
	pthread_mutex_lock(&library.lock);
	request->action = ACTION_NONE;
	request->read = done;
	request->read_done = true;
	pthread_cond_broadcast(&library.more);
	pthread_mutex_unlock(&library.lock);
}

/* Continues the body with the file. Returns true when the module can go on. */
static bool send_object(struct request *request)
{
	int error;

	if (!request->file_begun) {
		const int64_t len = request->dropped || !request->begun ? -1 : response_take_file(&request->response, request->user.objectlen);

		if (len < 0 && !request->dropped)
			response_fail(request, 502, "SEND_OBJECT needs a head that ends, and no chunks");
		request->file_begun = true;
		request->file_left = len > 0 ? (uint64_t)len : 0;
	}
	if (request->file_left > 0 && !request->dropped) {
		error = tux_stream_file(request->req, 0, request->file_left);
		if (error == -EAGAIN)
			return false;
		if (error != 0)
			server_failed(request, error, NULL);
	}
	request->file_begun = false;
	return true;
}

/* Continues the response with memory of the module. Returns true when it was taken. */
static bool send_buffer(struct request *request)
{
	if (!request->buffer_taken) {
		request->buffer_taken = true;
		request->input = (const char *)(uintptr_t)request->user.object_addr;
		request->input_len = request->dropped ? 0 : request->buffer_len;
	}
	if (!input_push(request))
		return false;
	request->buffer_taken = false;
	return true;
}

/* Lets the server respond, as if the route named no module. */
static bool redirect(struct request *request)
{
	if (request->dropped)
		return false;
	if (request->begun || request->response.head_len > 0) {
		response_fail(request, 502, "the module wrote to its socket before REDIRECT_REQ");
		return false;
	}
	if (wait_begun(request, tux_resume_after(wait_begin(request), 0)))
		return true; /* resumed() makes it ACTION_FINISH */
	if (request->req != NULL)
		response_fail(request, 502, "the server cannot take it back");
	return false;
}

/* Ends a request that the module has finished. */
static void finish(struct request *request)
{
	struct response *const response = &request->response;

	if (!request->dropped && !response_finish(response)) {
		response_fail(request, 502, response->wrong);
	} else if (!request->dropped) {
		if (response->excess)
			say(TUX_LOG_WARNING, "the response to /%s is longer than its Content-Length", request->path);
		tux_stream_end(request->req);
		give_back(request);
	}
	sockets_close(request);
	buffer_free(request);
	request_put(request);
}

/* Does the action of the module after its output. */
static void act(struct request *request, enum action action)
{
	switch (action) {
	case ACTION_NONE:
	case ACTION_READ_OBJECT:
	case ACTION_WAIT_PROXY:
		break;
	case ACTION_GET_OBJECT:
		get_object(request);
		break;
	case ACTION_SEND_OBJECT:
		if (send_object(request))
			give_to_module(request);
		break;
	case ACTION_SEND_BUFFER:
		if (send_buffer(request))
			give_to_module(request);
		break;
	case ACTION_REDIRECT:
		if (!redirect(request))
			finish(request);
		break;
	case ACTION_REFUSE:
		if (!request->dropped)
			response_fail(request, request->refusal, NULL);
		finish(request);
		break;
	case ACTION_FINISH:
		finish(request);
		break;
	}
}

/* Does for a request what can be done now. */
static void turn(struct request *request)
{
	enum action action;
	bool active, gone;

	pthread_mutex_lock(&library.lock);
	action = request->action;
	gone = request->gone || request->req == NULL;
	active = request->active && request->wait == WAIT_NO;
	pthread_mutex_unlock(&library.lock);
	if (!active)
		return;
	if (gone && !request->dropped) {
		give_back(request);
		drop(request);
	}
	if (action == ACTION_READ_OBJECT)
		read_object(request);
	else if ((action == ACTION_SEND_BUFFER && request->buffer_taken) || (action == ACTION_SEND_OBJECT && request->file_begun))
		act(request, action); /* it is in progress: later output follows it */
	else if (output_move(request))
		act(request, action);
}

/* The watched descriptor has input. */
static void proxy_ready(struct request *request)
{
	pthread_mutex_lock(&library.lock);
	if (request->active && request->action == ACTION_WAIT_PROXY) {
		epoll_ctl(library.epoll_fd, EPOLL_CTL_DEL, request->proxy, NULL);
		request->action = ACTION_NONE;
		request_queue(request);
	}
	pthread_mutex_unlock(&library.lock);
}

static void event_handle(uint64_t data)
{
	uint64_t woken;

	if (data == 0) {
		if (read(library.wake_fd, &woken, sizeof(woken)) < 0 && errno != EAGAIN)
			say(TUX_LOG_ERROR, "the relay cannot read its event: %s", strerror(errno));
	} else if (data == PROXY) {
		control_read();
	} else if ((data & PROXY) != 0) {
		proxy_ready((struct request *)(uintptr_t)(data - PROXY));
	} else {
		turn((struct request *)(uintptr_t)data);
	}
}

/* Gives each request of the list its turn. Returns false if the library stops. */
static bool turns_take(void)
{
	struct request *request;
	bool stopping;

	pthread_mutex_lock(&library.lock);
	request = library.turns;
	library.turns = NULL;
	library.last_turn = &library.turns;
	stopping = library.stopping;
	while (request != NULL) {
		struct request *const next = request->next_turn;

		request->in_turns = false; /* from here on it may be in the new list */
		pthread_mutex_unlock(&library.lock);
		turn(request);
		pthread_mutex_lock(&library.lock);
		request = next;
	}
	pthread_mutex_unlock(&library.lock);
	return !stopping;
}

void *relay_run(void *unused)
{
	struct epoll_event events[EVENTS];

	(void)unused;
	do {
		const int count = epoll_wait(library.epoll_fd, events, EVENTS, library.blocked != NULL ? BLOCK_STEP_MS : -1);

		for (int i = 0; i < count; i++)
			event_handle(events[i].data.u64);
		blocked_check();
	} while (turns_take());
	pthread_mutex_lock(&library.lock);
	library.threads--;
	pthread_cond_broadcast(&library.more);
	pthread_mutex_unlock(&library.lock);
	return NULL;
}
