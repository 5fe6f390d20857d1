/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module of TUX that runs a historic module: loads it, and takes requests for it. */
#include "historic.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* Linux 6.3 */
#endif

enum {
	MAX_HEADER_LEN = 3000,   /* as the historic parameter of this name */
	MAX_HEADER_LIMIT = 1 << 20,
	STOP_S = 1,              /* for a module that does not return when the process ends */
	LINE_BYTES = 400,
};

struct library library = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .last = &library.first, .last_turn = &library.turns,
	.epoll_fd = -1, .wake_fd = -1, .control = { -1, -1 }, .max_header_len = MAX_HEADER_LEN,
};

void say(enum tux_log_level level, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	tux_log(level, text, (uint32_t)strlen(text));
}

/* Returns false with errno unless root and this user alone can change the folders of a path. */
static bool folders_are_safe(const char *path)
{
	char folder[PATH_MAX];
	struct stat st, top;
	char *slash;

	errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(folder) || stat("/", &top) != 0)
		return false;
	memcpy(folder, path, strlen(path) + 1);
	while ((slash = strrchr(folder, '/')) != NULL) {
		const bool last = slash == folder;

		slash[last] = '\0';
		if (stat(folder, &st) != 0)
			return false;
		errno = EPERM;
		if ((st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != top.st_uid) ||
		    ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0))
			return false;
		if (last)
			return true;
	}
	return true;
}

/* Returns the descriptor of a sealed copy of a file, so that the file may be overwritten; -1 with errno. */
static int copy_open(const char *path)
{
	char real[PATH_MAX];
	const bool safe = folders_are_safe(path) && realpath(path, real) != NULL && folders_are_safe(real);
	const int file = safe ? open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	char bytes[65536];
	struct stat st;
	ssize_t n;
	int copy;

	if (file < 0)
		return -1;
	copy = memfd_create("historic", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (copy < 0 && errno == EINVAL)
		copy = memfd_create("historic", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0 || fstat(file, &st) != 0)
		goto out_close;
	errno = S_ISREG(st.st_mode) ? EPERM : EINVAL;
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()))
		goto out_close; /* other users could change it */
	while ((n = read(file, bytes, sizeof(bytes))) > 0) {
		if (write(copy, bytes, (size_t)n) != n) /* to memory: whole, or no memory */
			goto out_close;
	}
	if (n == 0 && fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0) {
		close(file);
		return copy;
	}
out_close:
	if (copy >= 0)
		close(copy);
	close(file);
	return -1;
}

/* Copies the address of a function out of an object. Returns false if it has no such function. */
static bool function_of(void *object, const char *name, void *function, size_t size)
{
	void *const symbol = dlsym(object, name);

	if (symbol != NULL)
		memcpy(function, &symbol, size);
	return symbol != NULL;
}

/* Lets objects that are loaded later find the functions of this library. Returns 0 or a negative errno. */
static int show_functions(void)
{
	int (*const here)(unsigned int action, user_req_t *req) = tux;
	int (*found)(unsigned int action, user_req_t *req) = NULL;
	void *address;
	Dl_info info;

	memcpy(&address, &here, sizeof(address));
	if (dladdr(address, &info) == 0 || dlopen(info.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD) == NULL) {
		say(TUX_LOG_ERROR, "libtux.so does not find itself");
		return -ENOENT;
	}
	if (function_of(dlopen(NULL, RTLD_NOW), "tux", &found, sizeof(found)) && found == here)
		return 0;
	say(TUX_LOG_ERROR, "a process can have one historic module; set isolate on for this one");
	return -EBUSY;
}

/* Loads the historic module. Returns 0 or a negative errno after a line in the log. */
static int historic_load(const char *path)
{
	const int fd = copy_open(path); /* stays open: an object is known by its name */
	char name[32];
	void *object;
	int *version;

	if (fd < 0) {
		const int error = errno;

		say(TUX_LOG_ERROR, "%s: %s", path, error == EPERM ? "other users can change it, or a folder of its path" : strerror(error));
		return -error;
	}
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL) {
		say(TUX_LOG_ERROR, "%s cannot be loaded: %s", path, dlerror());
		return -ENOEXEC;
	}
	version = dlsym(object, "TUXAPI_protocol_version");
	if (version != NULL && *version != 2 && *version != 3) {
		say(TUX_LOG_ERROR, "%s is for version %d of the interface; libtux.so has versions 2 and 3", path, *version);
		return -ENOEXEC;
	}
	if (!function_of(object, "TUXAPI_handle_events", &library.handle_events, sizeof(library.handle_events)) ||
	    !function_of(object, "TUXAPI_init", &library.init, sizeof(library.init))) {
		say(TUX_LOG_ERROR, "%s lacks TUXAPI_init() or TUXAPI_handle_events()", path);
		return -ENOEXEC;
	}
	return 0;
}

/* Returns the name of a module in the URL: that of its file, without ".so". Malloc'ed; NULL if out of memory. */
static char *name_of_file(const char *path)
{
	const char *const slash = strrchr(path, '/');
	const char *const name = slash != NULL ? slash + 1 : path;
	const size_t len = strlen(name);

	return strndup(name, len > 3 && strcmp(name + len - 3, ".so") == 0 ? len - 3 : len);
}

/* Reads config { }. Returns the path of the module; NULL after a line in the log. */
static const char *configure(void)
{
	const char *const path = tux_conf("historic"), *const name = tux_conf("name"), *const root = tux_conf("root");
	const char *const limit = tux_conf("max_header_len"), *const server = tux_conf("servername");
	const unsigned long header_len = limit != NULL ? strtoul(limit, NULL, 10) : MAX_HEADER_LEN;

	if (path == NULL) {
		say(TUX_LOG_ERROR, "config needs historic: the path of the module");
		return NULL;
	}
	if (header_len < 256 || header_len > MAX_HEADER_LIMIT) {
		say(TUX_LOG_ERROR, "max_header_len: \"%s\" is not a number from 256 to %d", limit, MAX_HEADER_LIMIT);
		return NULL;
	}
	library.max_header_len = (uint32_t)header_len;
	library.name = name != NULL ? strdup(name) : name_of_file(path);
	if (library.name != NULL && data_set(root != NULL ? root : "/", server, library.name))
		return path;
	say(TUX_LOG_ERROR, "memory is missing");
	return NULL;
}

static bool starts_late(void)
{
	const char *const init = tux_conf("init");

	return init != NULL && strcmp(init, "start") == 0;
}

static int load(void)
{
	const char *const path = configure();
	int error;

	if (path == NULL)
		return -EINVAL;
	library.pid = getpid();
	error = relay_open();
	if (error == 0)
		error = show_functions();
	if (error == 0)
		error = historic_load(path);
	if (error == 0 && !starts_late())
		library.init();
	return error;
}

/* Starts a thread that takes no signal. Returns 0 or a negative errno. */
static int thread_start(pthread_t *thread, void *(*run)(void *unused), const char *name)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return -error;
	pthread_detach(*thread);
	pthread_setname_np(*thread, name);
	pthread_mutex_lock(&library.lock);
	library.threads++;
	pthread_mutex_unlock(&library.lock);
	return 0;
}

static int start(unsigned thread)
{
	pthread_t started;
	int error;

	if (thread > 0)
		return 0;
	if (starts_late())
		library.init();
	error = thread_start(&started, relay_run, "tux relay");
	return error == 0 ? thread_start(&started, tux_thread_run, "tux historic") : error;
}

static void unload(void)
{
	struct timespec until;
	int waited = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STOP_S;
	pthread_mutex_lock(&library.lock);
	library.stopping = true;
	pthread_cond_broadcast(&library.more);
	relay_wake();
	while (library.threads > 0 && waited == 0)
		waited = pthread_cond_timedwait(&library.more, &library.lock, &until);
	pthread_mutex_unlock(&library.lock);
}

struct request *request_get(void)
{
	struct request *request = library.unused;

	if (request != NULL) {
		library.unused = request->next;
	} else {
		request = calloc(1, sizeof(*request));
		if (request == NULL)
			return NULL;
	}
	request->next = NULL;
	request->gone = false;
	request->wait = WAIT_NO;
	request->action = ACTION_NONE;
	request->sock[0] = request->sock[1] = request->proxy = -1;
	request->inode = 0;
	request->has_object = request->begun = request->dropped = request->buffer_taken = request->file_begun = request->read_done = false;
	request->input_len = request->input_body = 0;
	request->body = NULL;
	request->body_len = request->headers_len = 0;
	memset(&request->user, 0, sizeof(request->user));
	request->user.id = ++library.serial;
	return request;
}

void request_put(struct request *request)
{
	free(request->body);
	free(request->headers);
	response_forget(&request->response);
	request->body = request->headers = NULL;
	pthread_mutex_lock(&library.lock);
	request->active = false;
	request->req = NULL;
	request->next = library.unused;
	library.unused = request;
	pthread_mutex_unlock(&library.lock);
}

void request_queue(struct request *request)
{
	request->next = NULL;
	*library.last = request;
	library.last = &request->next;
	pthread_cond_broadcast(&library.more);
}

/* Copies a text, which is cut if it is too long, and ends it in NUL. */
static void copy_text(tuxapi_text *to, size_t size, struct tux_str from)
{
	const size_t len = from.len < size ? from.len : size - 1;

	if (len > 0)
		memcpy(to, from.at, len);
	to[len] = '\0';
}

static bool append(struct request *request, const char *text, size_t len)
{
	if (request->headers == NULL || library.max_header_len - request->headers_len <= len) /* a NUL follows */
		return false;
	if (len > 0)
		memcpy(request->headers + request->headers_len, text, len);
	request->headers_len += (uint32_t)len;
	request->headers[request->headers_len] = '\0';
	return true;
}

static bool append_str(struct request *request, struct tux_str text, const char *end)
{
	return append(request, text.at, text.len) && append(request, end, strlen(end));
}

/* Writes the request head for READ_HEADERS. */
static void headers_write(struct request *request, const struct tux_req *req)
{
	struct tux_str name, value;
	uint32_t at = 0;
	bool room;

	request->headers = malloc(library.max_header_len);
	room = append_str(request, tux_req_method_text(req), " ") && append_str(request, tux_req_target(req), " HTTP/1.1\r\n");

	while (room && tux_req_each_field(req, &at, &name, &value))
		room = append_str(request, name, ": ") && append_str(request, value, "\r\n");
	if (!room || !append(request, "\r\n", 2))
		request->headers_len = 0;
}

/* Copies the request body. Returns false if out of memory. */
static bool body_copy(struct request *request, const struct tux_req *req)
{
	const struct tux_str body = tux_req_body(req);

	if (body.len == 0)
		return true;
	request->body = malloc((size_t)body.len + 1);
	if (request->body == NULL)
		return false;
	memcpy(request->body, body.at, body.len);
	request->body[body.len] = '\0';
	request->body_len = body.len;
	return true;
}

static int method_of(const struct tux_req *req)
{
	switch (tux_req_method(req)) {
	case TUX_M_GET:
		return METHOD_GET;
	case TUX_M_HEAD:
		return METHOD_HEAD;
	case TUX_M_POST:
		return METHOD_POST;
	case TUX_M_PUT:
		return METHOD_PUT;
	case TUX_M_OTHER:
	case TUX_M_OPTIONS:
	case TUX_M_DELETE:
	case TUX_M_PATCH:
		break;
	}
	return METHOD_NONE;
}

static bool has_close(struct tux_str connection)
{
	for (uint32_t i = 0; i + 5 <= connection.len; i++)
		if (strncasecmp(connection.at + i, "close", 5) == 0)
			return true;
	return false;
}

/* Fills the structure of the module, except for the path and the query. */
static void user_fill(user_req_t *user, const struct tux_req *req)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }; /* an IPv4 address, RFC 4291 2.5.5.2 */
	const struct tux_str cookies = tux_req_field(req, "Cookie");
	uint8_t address[16];
	uint16_t port;

	user->version_major = 3;
	user->http_version = HTTP_1_1;
	user->http_method = (uint32_t)method_of(req);
	user->module_index = MODULE_INDEX;
	user->keep_alive = !has_close(tux_req_field(req, "Connection"));
	if (tux_req_client(req, address, &port) == 0 && memcmp(address, mapped, sizeof(mapped)) == 0)
		memcpy(&user->client_host, address + sizeof(mapped), sizeof(user->client_host));
	if (cookies.len < sizeof(user->cookies)) { /* a part of a cookie could pass for another one */
		copy_text(user->cookies, sizeof(user->cookies), cookies);
		user->cookies_len = cookies.len;
	}
	copy_text(user->content_type, sizeof(user->content_type), tux_req_field(req, "Content-Type"));
	copy_text(user->user_agent, sizeof(user->user_agent), tux_req_field(req, "User-Agent"));
	copy_text(user->accept, sizeof(user->accept), tux_req_field(req, "Accept"));
	copy_text(user->accept_charset, sizeof(user->accept_charset), tux_req_field(req, "Accept-Charset"));
	copy_text(user->accept_encoding, sizeof(user->accept_encoding), tux_req_field(req, "Accept-Encoding"));
	copy_text(user->accept_language, sizeof(user->accept_language), tux_req_field(req, "Accept-Language"));
	copy_text(user->cache_control, sizeof(user->cache_control), tux_req_field(req, "Cache-Control"));
	copy_text(user->if_modified_since, sizeof(user->if_modified_since), tux_req_field(req, "If-Modified-Since"));
	copy_text(user->negotiate, sizeof(user->negotiate), tux_req_field(req, "Negotiate"));
	copy_text(user->pragma, sizeof(user->pragma), tux_req_field(req, "Pragma"));
	copy_text(user->referer, sizeof(user->referer), tux_req_field(req, "Referer"));
}

static enum tux_result refuse(struct tux_req *req, uint32_t status, const char *text)
{
	return (enum tux_result)tux_reply(req, status, "text/plain", text, (uint32_t)strlen(text));
}

/* Makes the request of the module. Returns NULL if out of memory. */
static struct request *request_make(struct tux_req *req, struct tux_str path, struct tux_str query)
{
	struct request *request;

	pthread_mutex_lock(&library.lock);
	request = request_get();
	pthread_mutex_unlock(&library.lock);
	if (request == NULL)
		return NULL;
	user_fill(&request->user, req);
	copy_text(request->user.objectname, sizeof(request->user.objectname), path);
	copy_text(request->user.query, sizeof(request->user.query), query);
	memcpy(request->path, request->user.objectname, sizeof(request->path));
	headers_write(request, req);
	if (!body_copy(request, req)) {
		request_put(request);
		return NULL;
	}
	request->user.objectlen = request->body_len;
	response_start(&request->response, request->user.http_method == METHOD_HEAD);
	return request;
}

static enum tux_result handle(struct tux_req *req)
{
	struct tux_str path = tux_req_path(req);
	const struct tux_str query = tux_req_query(req);
	struct request **const memory = tux_req_memory(req);
	struct request *request;
	int error;

	if (method_of(req) == METHOD_NONE)
		return TUX_DECLINE;
	while (path.len > 0 && path.at[0] == '/') {
		path.at++;
		path.len--;
	}
	if (path.len >= MAX_URI_LEN || query.len >= MAX_URI_LEN) {
		say(TUX_LOG_WARNING, "a request has a path or a query of more than %d bytes, which the historic interface cannot carry", MAX_URI_LEN - 1);
		return refuse(req, 414, "The path or the query is too long.\n");
	}
	request = memory != NULL ? request_make(req, path, query) : NULL;
	if (request == NULL)
		return refuse(req, 503, "The server is out of memory.\n");
	*memory = request;
	pthread_mutex_lock(&library.lock);
	request->active = true;
	request->req = req; /* gone() may be called as soon as the request is suspended */
	pthread_mutex_unlock(&library.lock);
	error = tux_suspend(req);
	if (error != 0) {
		request_put(request);
		return TUX_FAIL;
	}
	pthread_mutex_lock(&library.lock);
	request_queue(request);
	pthread_mutex_unlock(&library.lock);
	return TUX_SUSPEND;
}

/* Returns what belongs to a request of the server, with the lock held; NULL: the relay has just given it back. */
static struct request *request_of(struct tux_req *req)
{
	struct request **const memory = tux_req_memory(req);
	struct request *const request = memory != NULL ? *memory : NULL;

	return request != NULL && request->active && request->req == req ? request : NULL;
}

/* Ends the wait of a request whose client has left, with the lock held. */
static void wait_lose(struct request *request)
{
	request->wait = WAIT_NO;
	request->req = NULL;
	if (request->action == ACTION_REDIRECT) {
		request->action = ACTION_FINISH;
		return;
	}
	request->action = ACTION_NONE;
	request->user.error = (uint32_t)-ENOENT;
	request->user.objectlen = 0;
	request_queue(request);
}

static void gone(struct tux_req *req)
{
	struct request *request;

	pthread_mutex_lock(&library.lock);
	request = request_of(req);
	if (request != NULL) {
		request->gone = true;
		if (request->wait == WAIT_SERVER)
			wait_lose(request);
		relay_turn(request);
	}
	pthread_mutex_unlock(&library.lock);
}

static void writable(struct tux_req *req)
{
	struct request *request;

	pthread_mutex_lock(&library.lock);
	request = request_of(req);
	if (request != NULL)
		relay_turn(request);
	pthread_mutex_unlock(&library.lock);
}

/* The server has looked a file up. The request goes back to the TUX thread. */
static enum tux_result file_found(struct request *request, struct tux_req *req)
{
	uint64_t size = 0;
	int error = tux_file(req, &size);
	const bool suspended = tux_suspend(req) == 0;

	if (error == 0 && size > UINT32_MAX)
		error = -EFBIG;
	pthread_mutex_lock(&library.lock);
	request->wait = WAIT_NO;
	request->action = ACTION_NONE;
	request->has_object = error == 0;
	request->user.error = error == 0 ? 0 : (uint32_t)-ENOENT;
	request->user.objectlen = error == 0 ? (uint32_t)size : 0;
	if (!suspended) {
		request->req = NULL;
		request->gone = true;
	}
	relay_turn(request); /* for output that came meanwhile */
	request_queue(request);
	pthread_mutex_unlock(&library.lock);
	return suspended ? TUX_SUSPEND : TUX_FAIL;
}

static enum tux_result resumed(struct tux_req *req)
{
	struct request *request;
	bool declined = false;

	pthread_mutex_lock(&library.lock);
	request = request_of(req);
	if (request != NULL && request->action == ACTION_REDIRECT) {
		declined = true;
		request->req = NULL;
		request->wait = WAIT_NO;
		request->action = ACTION_FINISH;
		relay_turn(request);
	} else if (request != NULL) {
		request->wait = WAIT_RESUMED;
	}
	pthread_mutex_unlock(&library.lock);
	if (declined)
		return TUX_DECLINE;
	return request != NULL ? file_found(request, req) : TUX_FAIL;
}

TUX_MODULE(libtux, .handle = handle, .resumed = resumed, .gone = gone, .writable = writable, .load = load, .start = start, .unload = unload,
           .request_bytes = sizeof(struct request *));
