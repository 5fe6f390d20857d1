/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TUX thread, and the actions of tux(). */
#include "historic.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(user_req_t) == 1464, "API 3");
_Static_assert(offsetof(user_req_t, sock) == 24 && offsetof(user_req_t, event) == 28 && offsetof(user_req_t, error) == 32, "API 3");
_Static_assert(offsetof(user_req_t, objectlen) == 48 && offsetof(user_req_t, id) == 64 && offsetof(user_req_t, priv) == 72, "API 3");
_Static_assert(offsetof(user_req_t, object_addr) == 80 && offsetof(user_req_t, query) == 88 && offsetof(user_req_t, new_date) == 1432, "API 3");

enum {
	VERSION = 3 << 24,
	DATE_BYTES = 29,
	MAX_TYPE = 128,
	MAX_CACHE_CONTROL = 30,
};

/* The structure that the handler gets. API 2 has a pointer behind it. */
static struct {
	user_req_t req;
	uint64_t post_data;
} own;

/* Names that REGISTER_MODULE has taken. Under the lock of the library. */
static char *modules[MAX_MODULES];

/* State of the server as the module sees it, which actions 1 to 4 change. Of the TUX thread; is_up also under the lock. */
static bool is_up = true, is_bound = true;

static int fail(int error)
{
	errno = error;
	return TUX_ERROR;
}

static bool in_tux_thread(void)
{
	return __atomic_load_n(&library.has_thread, __ATOMIC_ACQUIRE) && pthread_equal(pthread_self(), library.tux_thread);
}

static void *address_of(const user_req_t *req)
{
	return (void *)(uintptr_t)req->object_addr;
}

/* Writes the date as in RFC 9110 5.6.7, in English whatever the locale. */
static void date_write(tuxapi_text date[DATE_LEN])
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	static char text[DATE_LEN * 3];
	static time_t written;
	const time_t now = time(NULL);
	struct tm tm;

	if (now != written && gmtime_r(&now, &tm) != NULL) {
		snprintf(text, sizeof(text), "%s, %02d %s %d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
		         tm.tm_hour, tm.tm_min, tm.tm_sec);
		written = now;
	}
	memcpy(date, text, DATE_LEN);
	date[DATE_LEN - 1] = '\0';
}

/* Takes what belongs to the module out of its structure. */
static void state_take(struct request *request, const user_req_t *req)
{
	request->user.event = req->event;
	request->user.http_status = req->http_status;
	request->user.bytes_sent = req->bytes_sent;
	request->user.priv = req->priv;
	request->user.object_addr = req->object_addr;
}

/* Fills the structure of the module. */
static void user_fill(const struct request *request, user_req_t *req)
{
	*req = request->user;
	date_write(req->new_date);
	if (req == &own.req)
		own.post_data = (uintptr_t)request->body;
}

/* Lets the relay do an action. */
static void give(struct request *request, enum action action)
{
	pthread_mutex_lock(&library.lock);
	request->action = action;
	relay_turn(request);
	pthread_mutex_unlock(&library.lock);
}

/* Gives the current request up, to the relay. */
static void end(enum action action)
{
	struct request *const request = library.current;

	library.current = NULL;
	if (request != NULL)
		give(request, action);
}

static void refuse(struct request *request, uint16_t status)
{
	request->refusal = status;
	give(request, ACTION_REFUSE);
}

/* Makes a request the current one. Returns false if that is not possible; then it has ended. */
static bool take(struct request *request)
{
	if (request->sock[0] < 0 && !relay_connect(request)) {
		say(TUX_LOG_ERROR, "a request gets no socket: %s", strerror(errno));
		refuse(request, 503);
		return false;
	}
	library.current = request;
	pthread_mutex_lock(&library.lock);
	library.current_inode = request->inode;
	library.early_inode = 0;
	pthread_mutex_unlock(&library.lock);
	return true;
}

/* Waits for the next request of the queue. Returns NULL when the library stops. */
static struct request *next_request(void)
{
	struct request *request = NULL;

	pthread_mutex_lock(&library.lock);
	while (library.first == NULL && !library.stopping)
		pthread_cond_wait(&library.more, &library.lock);
	if (!library.stopping) {
		request = library.first;
		library.first = request->next;
		if (library.first == NULL)
			library.last = &library.first;
	}
	pthread_mutex_unlock(&library.lock);
	return request;
}

/* True if the module has not seen the request, and its client has left. */
static bool is_late(struct request *request)
{
	bool late;

	pthread_mutex_lock(&library.lock);
	late = request->gone && request->sock[0] < 0;
	pthread_mutex_unlock(&library.lock);
	return late;
}

/* Waits for a request, and fills the structure. The module has no current request. */
static int event_loop(user_req_t *req)
{
	while (is_up && is_bound) {
		struct request *const request = next_request();

		if (request == NULL)
			return TUX_RETURN_EXIT;
		if (is_late(request)) {
			give(request, ACTION_FINISH);
		} else if (take(request)) {
			user_fill(request, req);
			return TUX_RETURN_USERSPACE_REQUEST;
		}
	}
	return TUX_RETURN_EXIT;
}

/* Looks up the file whose name is in the structure. */
static int get_object(struct request *request, user_req_t *req)
{
	if (memchr(req->objectname, '\0', sizeof(req->objectname)) == NULL || req->objectname[0] == '\0')
		return fail(EINVAL);
	memcpy(request->user.objectname, req->objectname, sizeof(req->objectname));
	request->has_object = false;
	end(ACTION_GET_OBJECT);
	return event_loop(req);
}

static int send_object(struct request *request, user_req_t *req)
{
	if (!request->has_object)
		return fail(EINVAL);
	end(ACTION_SEND_OBJECT);
	return event_loop(req);
}

static int send_buffer(user_req_t *req)
{
	if (req->object_addr == 0 || req->objectlen == 0)
		return fail(EINVAL);
	library.current->buffer_len = req->objectlen;
	end(ACTION_SEND_BUFFER);
	return event_loop(req);
}

/* Copies the whole file into the memory of the module, now. */
static int read_object(struct request *request, user_req_t *req)
{
	bool whole;

	if (!request->has_object || req->object_addr == 0 || req->objectlen < request->user.objectlen)
		return fail(EINVAL);
	request->read_done = false;
	pthread_mutex_lock(&library.lock);
	request->action = ACTION_READ_OBJECT;
	relay_turn(request);
	while (!request->read_done && !library.stopping)
		pthread_cond_wait(&library.more, &library.lock);
	whole = request->read_done && request->read == (int64_t)request->user.objectlen;
	pthread_mutex_unlock(&library.lock);
	if (!whole)
		return fail(EINVAL);
	user_fill(request, req);
	return TUX_RETURN_USERSPACE_REQUEST;
}

static int read_headers(const struct request *request, user_req_t *req)
{
	if (req->object_addr == 0)
		return fail(EINVAL);
	if (request->headers_len == 0) {
		say(TUX_LOG_WARNING, "a request head is longer than max_header_len, which is %u", library.max_header_len);
		return fail(EINVAL);
	}
	memcpy(address_of(req), request->headers, request->headers_len + 1);
	user_fill(request, req);
	req->objectlen = request->headers_len;
	return TUX_RETURN_USERSPACE_REQUEST;
}

static int read_post_data(const struct request *request, user_req_t *req)
{
	const uint32_t len = req->objectlen < request->body_len ? req->objectlen : request->body_len;

	if (req->object_addr == 0 && len > 0)
		return fail(EINVAL);
	if (len > 0)
		memcpy(address_of(req), request->body, len);
	req->objectlen = len;
	return TUX_RETURN_USERSPACE_REQUEST;
}

static int postpone_request(struct request *request)
{
	pthread_mutex_lock(&library.lock);
	postpone(request);
	pthread_mutex_unlock(&library.lock);
	library.current = NULL;
	return TUX_RETURN_USERSPACE_REQUEST;
}

static int watch_proxy(struct request *request, const user_req_t *req)
{
	const int fd = (int)req->object_addr;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode))
		return fail(EINVAL);
	if (request->proxy >= 0)
		close(request->proxy);
	request->proxy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return request->proxy >= 0 ? TUX_RETURN_USERSPACE_REQUEST : fail(EINVAL);
}

static int wait_proxy(struct request *request, user_req_t *req)
{
	struct pollfd ready = { .fd = request->proxy, .events = POLLIN };
	bool watched, lost;

	if (request->proxy < 0)
		return fail(EINVAL);
	if (poll(&ready, 1, 0) != 0)
		return TUX_RETURN_USERSPACE_REQUEST;
	pthread_mutex_lock(&library.lock);
	lost = request->gone || request->req == NULL;
	watched = relay_watch(request);
	pthread_mutex_unlock(&library.lock);
	if (watched && lost) /* the response is dropped, which ends only a wait that has begun */
		shutdown(request->proxy, SHUT_RDWR);
	if (!watched)
		return fail(EINVAL);
	library.current = NULL;
	return event_loop(req);
}

/* Returns a copy of a name that ends in NUL within its room, and is not empty; NULL with errno. */
static char *name_of(const user_req_t *req)
{
	if (req == NULL || req->objectname[0] == '\0' || memchr(req->objectname, '\0', sizeof(req->objectname)) == NULL) {
		errno = EINVAL;
		return NULL;
	}
	return strdup((const char *)req->objectname);
}

/* Returns the place of a name, with the lock held; -1 if it is not registered. */
static int module_find(const char *name)
{
	for (int i = 0; i < MAX_MODULES; i++)
		if (modules[i] != NULL && strcmp(modules[i], name) == 0)
			return i;
	return -1;
}

/* Registers a name, which it owns. Returns 0 or an errno. With the lock held. */
static int module_add(char *name)
{
	if (module_find(name) >= 0 || strcmp(name, library.name) == 0)
		return EEXIST;
	for (int i = 0; i < MAX_MODULES; i++) {
		if (modules[i] == NULL) {
			modules[i] = name;
			return 0;
		}
	}
	return ENOMEM;
}

static int register_module(const user_req_t *req)
{
	char *name;
	int error;

	if (req == NULL || req->version_major != 3 || req->version_minor != 0 || req->module_index == 0)
		return fail(EINVAL);
	name = name_of(req);
	if (name == NULL)
		return TUX_ERROR;
	pthread_mutex_lock(&library.lock);
	error = module_add(name);
	pthread_mutex_unlock(&library.lock);
	if (error == 0)
		return 0;
	free(name);
	return fail(error);
}

static int unregister_module(const user_req_t *req)
{
	char *const name = name_of(req);
	int at;

	if (name == NULL)
		return TUX_ERROR;
	pthread_mutex_lock(&library.lock);
	at = module_find(name);
	if (at >= 0) {
		free(modules[at]);
		modules[at] = NULL;
	}
	pthread_mutex_unlock(&library.lock);
	free(name);
	return at >= 0 ? 0 : fail(EINVAL);
}

/* The server keeps its own time, so the date has no effect. */
static int current_date(const user_req_t *req)
{
	if (req == NULL || strnlen((const char *)req->new_date, sizeof(req->new_date)) != DATE_BYTES)
		return fail(EINVAL);
	return DATE_BYTES;
}

/* The configuration of the server has the types, so this one has no effect. */
static int register_mimetype(const user_req_t *req)
{
	if (req == NULL || req->objectname[0] != '.' || memchr(req->objectname, '\0', sizeof(req->objectname)) == NULL || req->object_addr == 0 ||
	    strnlen(address_of(req), MAX_TYPE + 1) > MAX_TYPE ||
	    strnlen((const char *)req->cache_control, sizeof(req->cache_control)) > MAX_CACHE_CONTROL)
		return fail(EINVAL);
	return 0;
}

static int startup(void)
{
	if (is_up)
		return fail(EINVAL);
	is_up = true;
	return 0;
}

/* Ends the server as far as the module sees it: the event loop returns TUX_RETURN_EXIT. */
static int shutdown_server(void)
{
	if (!is_up)
		return fail(EINVAL);
	is_up = false;
	pthread_mutex_lock(&library.lock);
	for (int i = 0; i < MAX_MODULES; i++) {
		free(modules[i]);
		modules[i] = NULL;
	}
	pthread_mutex_unlock(&library.lock);
	return 0;
}

static int start_thread(const user_req_t *req)
{
	if (!is_up || is_bound || req == NULL || req->thread_nr != 0)
		return fail(EINVAL);
	is_bound = true;
	return 0;
}

static int stop_thread(void)
{
	if (!is_bound)
		return fail(EINVAL);
	end(ACTION_FINISH);
	is_bound = false;
	return 0;
}

/* Does an action of the TUX thread that concerns the current request. */
static int request_action(unsigned int action, struct request *request, user_req_t *req)
{
	state_take(request, req);
	switch (action) {
	case TUX_ACTION_GET_OBJECT:
		return get_object(request, req);
	case TUX_ACTION_SEND_OBJECT:
		return send_object(request, req);
	case TUX_ACTION_READ_OBJECT:
		return read_object(request, req);
	case TUX_ACTION_FINISH_REQ:
	case TUX_ACTION_FINISH_CLOSE_REQ:
		end(ACTION_FINISH);
		return event_loop(req);
	case TUX_ACTION_READ_HEADERS:
		return read_headers(request, req);
	case TUX_ACTION_POSTPONE_REQ:
		return postpone_request(request);
	case TUX_ACTION_REDIRECT_REQ:
		end(ACTION_REDIRECT);
		return event_loop(req);
	case TUX_ACTION_READ_POST_DATA:
		return read_post_data(request, req);
	case TUX_ACTION_SEND_BUFFER:
		return send_buffer(req);
	case TUX_ACTION_WATCH_PROXY_SOCKET:
		return watch_proxy(request, req);
	case TUX_ACTION_WAIT_PROXY_SOCKET:
		return wait_proxy(request, req);
	default:
		return fail(EINVAL);
	}
}

/* Does an action of the TUX thread. */
static int thread_action(unsigned int action, user_req_t *req)
{
	library.actions++;
	switch (action) {
	case TUX_ACTION_STARTUP:
		return startup();
	case TUX_ACTION_SHUTDOWN:
		return shutdown_server();
	case TUX_ACTION_STARTTHREAD:
		return start_thread(req);
	case TUX_ACTION_STOPTHREAD:
		return stop_thread();
	default:
		break;
	}
	if (!is_bound || req == NULL)
		return fail(EINVAL);
	if (action == TUX_ACTION_EVENTLOOP) {
		end(ACTION_FINISH);
		return event_loop(req);
	}
	return library.current != NULL ? request_action(action, library.current, req) : fail(EINVAL);
}

int tux(unsigned int action, user_req_t *req)
{
	if (action == TUX_ACTION_CONTINUE_REQ)
		return continue_request((int)(intptr_t)req);
	if (action == TUX_ACTION_QUERY_VERSION)
		return VERSION;
	if (getpid() != library.pid) /* a process of the module */
		return fail(EINVAL);
	switch (action) {
	case TUX_ACTION_REGISTER_MODULE:
		return register_module(req);
	case TUX_ACTION_UNREGISTER_MODULE:
		return unregister_module(req);
	case TUX_ACTION_CURRENT_DATE:
		return current_date(req);
	case TUX_ACTION_REGISTER_MIMETYPE:
		return register_mimetype(req);
	default:
		return in_tux_thread() ? thread_action(action, req) : fail(EINVAL);
	}
}

/* True if the module has done nothing with a request whose client has left. It could call the handler for ever. */
static bool is_stuck(unsigned long actions)
{
	bool stuck;

	if (library.current == NULL || library.actions != actions)
		return false;
	pthread_mutex_lock(&library.lock);
	stuck = library.current->gone || library.stopping;
	pthread_mutex_unlock(&library.lock);
	return stuck;
}

/* Refuses requests, because the module has ended itself. Returns when the library stops. */
static void refuse_all(void)
{
	struct request *request;

	say(TUX_LOG_ERROR, "the module has ended itself; its requests get 503");
	end(ACTION_FINISH);
	while ((request = next_request()) != NULL)
		refuse(request, 503);
}

static void requests_run(void)
{
	int result = TUX_CONTINUE_EVENTLOOP;

	while (result != TUX_RETURN_EXIT) {
		const unsigned long actions = library.actions;

		if (result == TUX_RETURN_USERSPACE_REQUEST && library.current != NULL) {
			result = library.handle_events(&own.req);
			if (is_stuck(actions))
				result = TUX_CONTINUE_EVENTLOOP;
		} else {
			result = thread_action(TUX_ACTION_EVENTLOOP, &own.req);
			if (result == TUX_ERROR)
				result = TUX_RETURN_EXIT; /* it has stopped its thread */
		}
	}
}

void *tux_thread_run(void *unused)
{
	bool stopping;

	(void)unused;
	library.tux_thread = pthread_self();
	__atomic_store_n(&library.has_thread, true, __ATOMIC_RELEASE);
	requests_run();
	pthread_mutex_lock(&library.lock);
	stopping = library.stopping;
	pthread_mutex_unlock(&library.lock);
	if (!stopping)
		refuse_all();
	pthread_mutex_lock(&library.lock);
	library.threads--;
	pthread_cond_broadcast(&library.more);
	pthread_mutex_unlock(&library.lock);
	return NULL;
}
