/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules of TUX: handlers in C that respond to requests.
 *
 *     #include <tux/module.h>
 *
 *     static enum tux_result handle(struct tux_req *req)
 *     {
 *             return tux_reply(req, 200, "text/plain", "hello\n", 6);
 *     }
 *
 *     TUX_MODULE(hello, .handle = handle);
 *
 * Build it without any library: cc -shared -fPIC hello.c -o hello.so
 *
 * The same source builds as a module of the kernel, for tux.ko, if it limits itself to the functions that the kernel has: those outside
 * of #ifndef __KERNEL__. docs/modules.md has the Makefile. Then handle() runs in softirq, where nothing may sleep. It builds as a handler that the
 * kernel verifies, too, if it limits itself to the functions of <tux/bpf.h>.
 *
 * ABI: a number is never used again, a structure grows at its end and says its size, and a function is added at the end of struct
 * tux_api. So a module that was built with this header runs on every TUX that has the same TUX_MODULE_ABI and at least its
 * functions, whatever compiler built either. A server that lacks one of them refuses the module when it loads it.
 *
 * Ownership: a request belongs to the module while handle() or resumed() runs, and after tux_suspend() until it is given back. At all
 * other times it belongs to the server. The server checks this: a function that is called for a request that is not the module's returns
 * -EPERM, or an empty value, and the error log says so. A request gets exactly one reply: a second one returns -EALREADY, and a request
 * that goes back without a reply gets 500.
 *
 * A request goes back with its reply: handle() returns TUX_DONE, or another thread calls tux_resume(). Or it goes back with something to
 * wait for: one of the functions tux_resume_...(). Then the server calls resumed() as soon as that is there.
 *
 * handle() runs on a thread of the server. It must not wait: no sleep, no lock that is held long, no system call that may block. The error
 * log tells each call that takes more than 50 ms. A module that has to wait is configured with threads, or uses
 * tux_suspend(). After the start, the server's sandbox holds for a module, too: it cannot execute programs, open sockets, or open
 * files outside the document roots. A module opens its files in load().
 *
 * Functions that return int return 0 or more, or a negative errno. Texts that the server returns are valid until the reply is given,
 * or until the request is suspended or given back. They do not end in NUL.
 */
#ifndef TUX_MODULE_H
#define TUX_MODULE_H

#if defined(__bpf__)
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __INT32_TYPE__ int32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT64_TYPE__ int64_t;
#elif defined(__KERNEL__)
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/stddef.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define TUX_MODULE_ABI 1

/* A request, from its head to its reply. */
struct tux_req;

/* A module, as the server sees it. */
struct tux_loaded;

/* A text of the server: len bytes, which do not end in NUL. */
struct tux_str {
	const char *at; /* NULL: no such text */
	uint32_t len;   /* bytes */
};

/*
 * Result of handle() and resumed(). A negative errno is like TUX_FAIL, so a handler may end with "return tux_reply(...);". It gets a line in the error log.
 */
enum tux_result {
	TUX_DONE = 0,    /* a reply was given */
	TUX_DECLINE = 1, /* no reply was given: the server responds as if the route did not name a module */
	TUX_SUSPEND = 2, /* tux_suspend() was called: the module keeps the request. Or a tux_resume_...() was called: the request waits */
	TUX_FAIL = 3,    /* the server responds with 500. The module has logged the cause */
	TUX_BLOCKS = 4,  /* no reply was given: the server calls blocking(), which may wait. From handle() alone */
};

enum tux_request_method {
	TUX_M_OTHER = 0,
	TUX_M_GET = 1,
	TUX_M_HEAD = 2,
	TUX_M_OPTIONS = 3,
	TUX_M_POST = 4,
	TUX_M_PUT = 5,
	TUX_M_DELETE = 6,
	TUX_M_PATCH = 7,
};

/* Facts of a connection over TLS, for tux_req_tls(). */
enum tux_tls_fact {
	TUX_TLS_VERSION = 0,            /* "TLSv1.2" or "TLSv1.3" */
	TUX_TLS_CIPHER = 1,             /* cipher suite, such as "TLS_AES_128_GCM_SHA256" */
	TUX_TLS_NAME = 2,               /* host in the handshake (SNI), as the client has sent it: of any bytes but NUL */
	TUX_TLS_RESUMED = 3,            /* "1": the connection has resumed a session; else "0" */
	TUX_TLS_CLIENT_VERIFY = 4,      /* "SUCCESS": the client's certificate was verified; "NONE": it has none; NULL: the host wants none */
	TUX_TLS_CLIENT_SUBJECT = 5,     /* of the client's certificate, RFC 2253; NULL also if it is longer than 1023 bytes */
	TUX_TLS_CLIENT_ISSUER = 6,      /* like TUX_TLS_CLIENT_SUBJECT */
	TUX_TLS_CLIENT_SERIAL = 7,      /* hexadecimal */
	TUX_TLS_CLIENT_FINGERPRINT = 8, /* SHA-256, hexadecimal */
};

enum tux_log_level {
	TUX_LOG_ERROR = 0,
	TUX_LOG_WARNING = 1,
	TUX_LOG_INFO = 2,
};

#ifdef __bpf__
#ifdef __cplusplus
}
#endif
#include "bpf.h"
#else

enum tux_module_flag {
	TUX_MODULE_BODY_STREAMED = 1, /* handle() is called when the head is complete; tux_req_body_read() brings the body as it arrives */
};

/* A module. Members that TUX_MODULE() does not name are 0. */
struct tux_module {
	uint32_t size;      /* bytes of this structure, which TUX_MODULE() sets */
	uint32_t abi;       /* TUX_MODULE_ABI, which TUX_MODULE() sets */
	uint32_t api_bytes; /* bytes of struct tux_api, which TUX_MODULE() sets: the functions that the module may call */
	uint32_t flags;     /* set of enum tux_module_flag */
	const char *name;   /* for messages */

	/* Handles a request. Its body has arrived completely, unless flags say otherwise. The only member that must be set. */
	enum tux_result (*handle)(struct tux_req *req);

	/*
	 * Tells that the client has disconnected, or that the time limit of the module has passed, while the request was suspended or
	 * waited. Called by the server's thread. A suspended request still has to be given back, which returns -ESTALE; another thread may
	 * be doing so now. Other functions may be called until then, and tux_req_memory() until gone() returns. A request that waited ends
	 * when gone() returns. NULL: nothing is told.
	 */
	void (*gone)(struct tux_req *req);

	/*
	 * Called once per process, with the user of the server and before the sandbox: the module opens its files here. It must not start
	 * threads. Returns 0, or a
	 * negative errno: then the server does not start. NULL: nothing to do.
	 */
	int (*load)(void);

	/*
	 * Called once per thread of the server, number thread from 0, within the sandbox of files, and before its filter of system calls.
	 * A module may start threads here. Returns 0, or a negative errno: then the server does not start. NULL: nothing to do.
	 */
	int (*start)(unsigned thread);

	/* Called once, after the last request, when the process ends in order. NULL: nothing to do. */
	void (*unload)(void);

	uint32_t request_bytes; /* size of tux_req_memory(), at most 4096 */

	/*
	 * Continues a request that waited, with the rights and duties of handle(): it replies, suspends, waits again, or streams. In the
	 * thread of the request, or with threads in one of the module's. NULL: the functions tux_resume_...() return -ENOSYS.
	 */
	enum tux_result (*resumed)(struct tux_req *req);

	/*
	 * Tells that the stream of a suspended request has room again, after tux_stream_write() has taken less than it was given. Called by
	 * the server's thread, like gone(), at most once for each short write. NULL: nothing is told.
	 */
	void (*writable)(struct tux_req *req);

	/*
	 * Continues a request for which handle() has returned TUX_BLOCKS, with its rights and duties, but it may wait. In the program it runs in
	 * the thread of the module that has run handle(): the module needs threads, or a process of its own. In the kernel it runs in a thread
	 * that the program lends, with the program's user and cgroup. NULL: TUX_BLOCKS is an error.
	 */
	enum tux_result (*blocking)(struct tux_req *req);

	/*
	 * Tells that tux_req_body_read() returns something for a suspended request, after it has returned -EAGAIN. Called by the server's
	 * thread, like gone(), at most once for each -EAGAIN. NULL: nothing is told.
	 */
	void (*readable)(struct tux_req *req);
};

/* A request of the module's own, for tux_fetch(). Members that are not set are 0. */
struct tux_fetch_request {
	uint32_t size;        /* sizeof(struct tux_fetch_request) */
	const char *upstream; /* name of a block upstream of the configuration */
	const char *method;   /* NULL: GET */
	const char *target;   /* path and query, escaped; it begins with '/' */
	const char *fields;   /* lines "Name: value\r\n"; NULL: none */
	const void *body;
	uint64_t len;         /* bytes of body, at most 64 MB */
	uint32_t max_answer;  /* bytes of the answer's content, at most 256 MB; 0: 1 MB */
};

/* The functions below, as the server gives them to the module. */
struct tux_api {
	uint32_t bytes; /* of the server's structure */
	uint32_t abi;
	struct tux_loaded *module;
	enum tux_request_method (*req_method)(const struct tux_req *req);
	struct tux_str (*req_method_text)(const struct tux_req *req);
	struct tux_str (*req_path)(const struct tux_req *req);
	struct tux_str (*req_query)(const struct tux_req *req);
	struct tux_str (*req_target)(const struct tux_req *req);
	struct tux_str (*req_host)(const struct tux_req *req);
	struct tux_str (*req_field)(const struct tux_req *req, const char *name);
	bool (*req_each_field)(const struct tux_req *req, uint32_t *at, struct tux_str *name, struct tux_str *value);
	int (*req_client)(const struct tux_req *req, uint8_t address[16], uint16_t *port);
	struct tux_str (*req_body)(const struct tux_req *req);
	void *(*req_memory)(struct tux_req *req);
	int (*add_field)(struct tux_req *req, const char *name, const char *value);
	int (*reply)(struct tux_req *req, uint32_t status, const char *type, const void *data, uint32_t len);
	int (*reply_memory)(struct tux_req *req, uint32_t status, const char *type, const void *data, uint64_t len,
	                    void (*drop)(void *argument), void *argument);
	int (*reply_file)(struct tux_req *req, const char *path, uint32_t len);
	int (*reply_fd)(struct tux_req *req, uint32_t status, const char *type, int fd, uint64_t off, uint64_t len);
	int (*reply_redirect)(struct tux_req *req, uint32_t status, const char *location);
	int (*suspend)(struct tux_req *req);
	int (*resume)(struct tux_req *req);
	const char *(*conf)(const struct tux_loaded *module, const char *key);
	bool (*conf_each)(const struct tux_loaded *module, uint32_t *at, const char **key, const char **value);
	void (*log)(struct tux_loaded *module, enum tux_log_level level, const char *text, uint32_t len);
	int (*resume_after)(struct tux_req *req, uint32_t ms);
	int (*resume_on_room)(struct tux_req *req);
	int (*stream_begin)(struct tux_req *req, uint32_t status, const char *type, int64_t length);
	int (*stream_write)(struct tux_req *req, const void *data, uint32_t len);
	int (*stream_end)(struct tux_req *req);
	int (*stream_cut)(struct tux_req *req);
	int (*resume_with_file)(struct tux_req *req, const char *path, uint32_t len);
	int (*file)(const struct tux_req *req, uint64_t *size);
	int (*file_read)(struct tux_req *req, uint64_t off, void *to, uint32_t len);
	int (*stream_file)(struct tux_req *req, uint64_t off, uint64_t len);
	int (*resume_on)(struct tux_req *req, int fd, short events);
	int (*resume_on_body)(struct tux_req *req);
	int64_t (*req_body_length)(const struct tux_req *req);
	int (*req_body_read)(struct tux_req *req, void *to, uint32_t size);
	int (*fetch)(struct tux_req *req, const struct tux_fetch_request *ask);
	int (*fetched)(const struct tux_req *req, uint32_t *status, struct tux_str *body);
	struct tux_str (*fetched_field)(const struct tux_req *req, const char *name);
	int (*remove_fields)(struct tux_req *req);
	int (*upgrade)(struct tux_req *req, const char *protocol);
	struct tux_str (*req_tls)(const struct tux_req *req, enum tux_tls_fact fact);
};

/* The functions of this module. TUX_MODULE() defines it. */
extern const struct tux_api *tux_api_here __attribute__((visibility("hidden")));

/*
 * The request. These functions may be called by the thread that runs handle(), and after tux_suspend() by any thread, one at a time.
 */

/* Returns the method. TUX_M_OTHER: tux_req_method_text() has it. */
static inline enum tux_request_method tux_req_method(const struct tux_req *req)
{
	return tux_api_here->req_method(req);
}

static inline struct tux_str tux_req_method_text(const struct tux_req *req)
{
	return tux_api_here->req_method_text(req);
}

/* Returns the path, normalised, as routes see it: it begins with '/', and escapes are decoded. */
static inline struct tux_str tux_req_path(const struct tux_req *req)
{
	return tux_api_here->req_path(req);
}

/* Returns the query as sent, without the '?'. */
static inline struct tux_str tux_req_query(const struct tux_req *req)
{
	return tux_api_here->req_query(req);
}

/* Returns the target as sent (RFC 9112 3.2). */
static inline struct tux_str tux_req_target(const struct tux_req *req)
{
	return tux_api_here->req_target(req);
}

/* Returns the host, with the port if the client has sent it (RFC 9110 7.2). */
static inline struct tux_str tux_req_host(const struct tux_req *req)
{
	return tux_api_here->req_host(req);
}

/* Returns the value of the first field line with this name, in any case. */
static inline struct tux_str tux_req_field(const struct tux_req *req, const char *name)
{
	return tux_api_here->req_field(req, name);
}

/* Returns one field line after the other: *at is 0 for the first. Returns false after the last. */
static inline bool tux_req_each_field(const struct tux_req *req, uint32_t *at, struct tux_str *name, struct tux_str *value)
{
	return tux_api_here->req_each_field(req, at, name, value);
}

/* Copies the client's address, an IPv4 address as ::ffff:a.b.c.d, and its port. Returns 0; -ENOENT for a Unix socket. */
static inline int tux_req_client(const struct tux_req *req, uint8_t address[16], uint16_t *port)
{
	return tux_api_here->req_client(req, address, port);
}

/* Returns a fact of the connection's TLS. NULL: this fact is missing, or the connection has no TLS, as always in the kernel. */
static inline struct tux_str tux_req_tls(const struct tux_req *req, enum tux_tls_fact fact)
{
	return tux_api_here->req_tls(req, fact);
}

/* Returns the scheme of the request: "https" if its connection has TLS, else "http". */
static inline struct tux_str tux_req_scheme(const struct tux_req *req)
{
	const bool secure = tux_req_tls(req, TUX_TLS_VERSION).at != NULL;
	const struct tux_str scheme = { secure ? "https" : "http", secure ? 5u : 4u };

	return scheme;
}

/* Returns the body, whose framing is removed. It is complete: a body that is longer than max-body got 413. */
static inline struct tux_str tux_req_body(const struct tux_req *req)
{
	return tux_api_here->req_body(req);
}

/*
 * Returns the length of the body as the client has announced it; 0 without a body, -1 for a body in chunks, whose length is known at its
 * end. For any module.
 */
static inline int64_t tux_req_body_length(const struct tux_req *req)
{
	return tux_api_here->req_body_length(req);
}

#ifndef __KERNEL__
/*
 * Copies up to size bytes of the body that have arrived. Returns their number; 0 at the end; -EAGAIN: none have arrived, so tux_resume_on_body()
 * waits for them; -EBADMSG: the body is malformed; -EFBIG: it is longer than max-body; -ENOMEM. The module may still reply after an error. At
 * most 64 KB wait in the server; then the client waits. A client that expects 100 (Continue) gets it when the module wants the body for the
 * first time. Returns -EINVAL without TUX_MODULE_BODY_STREAMED, and for size 0. After tux_upgrade() it reads the tunnel.
 */
static inline int tux_req_body_read(struct tux_req *req, void *to, uint32_t size)
{
	return tux_api_here->req_body_read(req, to, size);
}
#endif /* !__KERNEL__ */

/*
 * Like the functions above, but they copy a text to size bytes at to, and zeros after it: the form that verified handlers have, too. They return the length
 * of the text; -ENOENT: no such text; -E2BIG: it is longer than size, and only zeros were written.
 */
static inline int tux_copy_text(struct tux_str text, void *to, uint32_t size)
{
	const uint32_t len = text.at && text.len <= size ? text.len : 0;

	__builtin_memset(to, 0, size);
	if (!text.at)
		return -ENOENT;
	__builtin_memcpy(to, text.at, len);
	return text.len <= size ? (int)len : -E2BIG;
}

static inline int tux_copy_method(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_copy_text(tux_req_method_text(req), to, size);
}

static inline int tux_copy_path(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_copy_text(tux_req_path(req), to, size);
}

static inline int tux_copy_query(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_copy_text(tux_req_query(req), to, size);
}

static inline int tux_copy_target(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_copy_text(tux_req_target(req), to, size);
}

static inline int tux_copy_host(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_copy_text(tux_req_host(req), to, size);
}

static inline int tux_copy_field(const struct tux_req *req, const char *name, void *to, uint32_t size)
{
	return tux_copy_text(tux_req_field(req, name), to, size);
}

/* Returns request_bytes of memory of the module, zeroed before handle() and valid as long as the request. NULL: out of memory. */
static inline void *tux_req_memory(struct tux_req *req)
{
	return tux_api_here->req_memory(req);
}

/*
 * The reply. All functions return 0, or a negative errno: then no reply was given, and another one may be. -EALREADY: there is a reply.
 * status is from 200 to 599. type is the Content-Type; NULL: no body type is sent. For HEAD the server leaves out the body.
 */

/*
 * Adds a field to the reply that follows. Returns -EINVAL if it is no valid field (RFC 9110 5); if the server writes it: Connection,
 * Content-Length, Content-Type, Date, Keep-Alive, Server, Trailer, Transfer-Encoding, Upgrade; and for a second Content-Range, ETag,
 * Last-Modified or Location. Returns -E2BIG if the fields are too long.
 */
static inline int tux_add_field(struct tux_req *req, const char *name, const char *value)
{
	return tux_api_here->add_field(req, name, value);
}

/* Removes all fields that tux_add_field() has added: an error needs neither Content-Encoding nor Set-Cookie of the reply in whose place it is. */
static inline int tux_remove_fields(struct tux_req *req)
{
	return tux_api_here->remove_fields(req);
}

/* Replies with a copy of len bytes at data. */
static inline int tux_reply(struct tux_req *req, uint32_t status, const char *type, const void *data, uint32_t len)
{
	return tux_api_here->reply(req, status, type, data, len);
}

/*
 * Replies with len bytes at data, which the server sends without copying them. They stay unchanged until the server calls drop(argument),
 * in any thread of the server: after the last byte was sent, or when the connection ended. drop NULL: they stay for ever. After an error
 * drop is not called.
 */
static inline int tux_reply_memory(struct tux_req *req, uint32_t status, const char *type, const void *data, uint64_t len,
                                   void (*drop)(void *argument), void *argument)
{
	return tux_api_here->reply_memory(req, status, type, data, len, drop, argument);
}

/*
 * Lets the server respond as if the client had requested this target of the same host with GET: a path, escaped as in a request, with a
 * query if need be. Hidden routes are permitted. Conditions, ranges and codings of the client hold. The fields that were added are kept, beside those of
 * the configuration for the module's route, whose Cache-Control a Cache-Control of the module replaces. Without added fields those for the target's route hold.
 * Returns -EINVAL after a field that the file has itself: Accept-Ranges, Content-Encoding, Content-Range, ETag, Last-Modified, Location.
 * In the kernel, a file in the cache of the kernel engine is sent without a copy or a wake-up; the program responds for what that does not serve.
 */
static inline int tux_reply_file(struct tux_req *req, const char *path, uint32_t len)
{
	return tux_api_here->reply_file(req, path, len);
}

#ifndef __KERNEL__
/* Replies with len bytes of an open file from off on. The server owns fd from then on, but not after an error. */
static inline int tux_reply_fd(struct tux_req *req, uint32_t status, const char *type, int fd, uint64_t off, uint64_t len)
{
	return tux_api_here->reply_fd(req, status, type, fd, off, len);
}
#endif /* !__KERNEL__ */

/* Redirects to a location: status is 301, 302, 303, 307 or 308. Returns -EINVAL after a field Location. */
static inline int tux_reply_redirect(struct tux_req *req, uint32_t status, const char *location)
{
	return tux_api_here->reply_redirect(req, status, location);
}

/*
 * Takes the request out of the server's thread: from now on any thread may use it, one at a time, and handle() returns TUX_SUSPEND. Texts
 * of the request that were returned before become invalid. Returns 0; -ENOMEM; -EALREADY after a reply; -ESTALE if the client has
 * disconnected or the time limit has passed. After an error the request stays where it is. For handle().
 */
static inline int tux_suspend(struct tux_req *req)
{
	return tux_api_here->suspend(req);
}

/*
 * Gives a suspended request back, with its reply. Any thread, once. Returns 0; -ESTALE if the client has disconnected or the time limit
 * has passed: then the reply is dropped. In either case the request must not be used any more.
 */
static inline int tux_resume(struct tux_req *req)
{
	return tux_api_here->resume(req);
}

#ifndef __KERNEL__
/*
 * Waits. These functions give a request back with something to wait for, once: in handle() and resumed(), or from any thread that has a
 * suspended request. Afterwards the caller does not have the request any more. They return TUX_SUSPEND, so that a handler ends with
 * "return tux_resume_after(req, 1000);". After a negative errno the request is still the caller's, but for -ESTALE: it has ended, and must
 * not be used any more. -ENOSYS: the module has no resumed(). -EALREADY: there is a reply, or the stream has ended.
 *
 * The module's timeout limits each time for which the module has the request. It begins anew with each call of resumed(), and with each
 * tux_stream_write() that takes bytes. It does not limit a wait for a time or for the client, which has limits of its own.
 */

/* Lets the server call resumed() after ms milliseconds. */
static inline int tux_resume_after(struct tux_req *req, uint32_t ms)
{
	return tux_api_here->resume_after(req, ms);
}

/*
 * Lets the server call resumed() as soon as a descriptor is ready, or has an error: events is POLLIN, POLLOUT, or both, as for poll(2). The
 * descriptor stays the module's, which may close it meanwhile. resumed() may be called although it is not ready, so it has to be non-blocking.
 * The module's timeout limits the wait. Returns -EINVAL for other events, -EBADF, -EMFILE.
 */
static inline int tux_resume_on(struct tux_req *req, int fd, short events)
{
	return tux_api_here->resume_on(req, fd, events);
}

/* Lets the server call resumed() as soon as tux_req_body_read() returns something other than -EAGAIN. */
static inline int tux_resume_on_body(struct tux_req *req)
{
	return tux_api_here->resume_on_body(req);
}

/* Lets the server call resumed() as soon as tux_stream_write() takes bytes again, which may be at once. */
static inline int tux_resume_on_room(struct tux_req *req)
{
	return tux_api_here->resume_on_room(req);
}

/*
 * Lets the server call resumed() as soon as it has looked up the file of a path of the same host: len bytes, escaped as in a request.
 * The server's cache and the rules for files of the host hold: permissions, links, hidden names. Hidden routes are permitted, as with
 * tux_reply_file(). tux_file() has the result, until the next look-up. Returns -EINVAL, too, if the path is invalid.
 */
static inline int tux_resume_with_file(struct tux_req *req, const char *path, uint32_t len)
{
	return tux_api_here->resume_with_file(req, path, len);
}

/*
 * Returns the result of tux_resume_with_file(): 0 and the size; -ENOENT: no such file; -EISDIR: a directory without an index; -EACCES: not
 * permitted; -EBUSY: the server is out of descriptors or memory, or loads too many files; -EIO. Returns -EINVAL before a look-up.
 */
static inline int tux_file(const struct tux_req *req, uint64_t *size)
{
	return tux_api_here->file(req, size);
}

/*
 * Copies up to len bytes of the file from off on. Returns their number, which is less at the end or before an error; 0 at the end; or the error of
 * tux_file(). The first 64 KB are in memory after tux_resume_with_file(). Beyond them it may wait for the disk; in a process of its own, for the
 * server. Then the other requests of the calling thread wait, too.
 */
static inline int tux_file_read(struct tux_req *req, uint64_t off, void *to, uint32_t len)
{
	return tux_api_here->file_read(req, off, to, len);
}

/*
 * Streams: a reply in pieces. After tux_stream_begin() every tux_reply...() and tux_add_field() returns -EALREADY. In handle() and
 * resumed(), a stream is written and ended before they return TUX_DONE, or they wait or suspend. While the request is suspended, any
 * thread may write; it ends the stream, and then calls tux_resume(). The client gets what was written at once. A request that
 * goes back to the server with a stream that was not ended gets a line in the error log, and its response is cut.
 *
 * These functions return -EINVAL before tux_stream_begin(), -EALREADY after the end, and -ESTALE if the request has ended: the client has
 * disconnected, or the time limit has passed. For HEAD the server counts the content, and drops it.
 */

/*
 * Begins a stream with the fields that were added. length is the number of its bytes; -1: unknown. Then the content is sent in chunks, or
 * to a client of HTTP/1.0 until the connection closes. A status of 204 or 304 has no content. Returns 0, or what tux_reply() returns.
 */
static inline int tux_stream_begin(struct tux_req *req, uint32_t status, const char *type, int64_t length)
{
	return tux_api_here->stream_begin(req, status, type, length);
}

/*
 * Copies up to len bytes at data to the stream, in which at most 64 KB wait. Returns the number of bytes taken: less than len if there is
 * no room. The rest may be written after tux_resume_on_room(), or after writable(). Returns -EMSGSIZE, and takes nothing, if the length
 * does not permit len bytes; -ENOMEM.
 */
static inline int tux_stream_write(struct tux_req *req, const void *data, uint32_t len)
{
	return tux_api_here->stream_write(req, data, len);
}

/*
 * Continues the stream with len bytes of the file of tux_resume_with_file(), from off on, which the server sends without copying them. Returns
 * 0; -EAGAIN if bytes of a file wait already: call it again after tux_resume_on_room(), or after writable(). Returns -EINVAL if the file
 * does not have the bytes, -EMSGSIZE like tux_stream_write(), and the error of tux_file().
 */
static inline int tux_stream_file(struct tux_req *req, uint64_t off, uint64_t len)
{
	return tux_api_here->stream_file(req, off, len);
}

/* Ends the stream. Returns 0; -EMSGSIZE if fewer bytes than the length were written: then the response is cut. */
static inline int tux_stream_end(struct tux_req *req)
{
	return tux_api_here->stream_end(req);
}

/*
 * Ends the stream so that the client sees that it is not whole: the connection closes before the last chunk, or before the length. Only a
 * client of HTTP/1.0 cannot see that, if the length is unknown. Returns 0.
 */
static inline int tux_stream_cut(struct tux_req *req)
{
	return tux_api_here->stream_cut(req);
}

/*
 * Tunnels: after a response 101 (Switching Protocols) the connection carries another protocol, such as that of WebSockets (RFC 9110 7.8).
 */

/*
 * Switches to a protocol that the client has listed in Upgrade, with the fields that were added. From then on, tux_stream_write() and the other
 * functions of streams write the bytes of the tunnel, and tux_req_body_read() with tux_resume_on_body() and readable() read them, whatever the
 * flags of the module; those that the client has sent after its request, too. At most 64 KB wait in either direction.
 *
 * tux_req_body_read() returns 0 when the client has closed its side; the module may still write. It returns -ESHUTDOWN once when the server
 * process will end, at a reload or a stop: the module should say so to the client, and end the tunnel. After tux_stream_end() the client sees
 * the end of the server's side, and the module may still read. The connection closes when the module gives the request back, and
 * tux_stream_cut() closes it without sending what waits. While the module waits or has suspended the request, tunnel-timeout limits the time
 * without a byte in either direction, and not the module's timeout.
 *
 * Returns 0; -EPROTO: the client has not asked for this protocol, or by HTTP/1.0 or with a request body, or it has also asked for one that
 * carries requests, such as h2c; or what tux_reply() returns.
 */
static inline int tux_upgrade(struct tux_req *req, const char *protocol)
{
	return tux_api_here->upgrade(req, protocol);
}

/*
 * Requests of the module's own to an upstream of the configuration. The server chooses one of its servers, tries another one, limits the time
 * and keeps connections as for requests that it forwards.
 */

/*
 * Sends a request, which is copied, and lets the server call resumed() as soon as the answer is there, or why it is not. It gives the request
 * back, like the functions tux_resume_...(). Host is that of the client's request unless fields has one. Content-Length and the fields about the
 * client, such as X-Forwarded-For, are the server's. Returns also -ENOENT: no upstream has this name; -EINVAL: no valid request, or a field
 * Connection, Content-Length, Expect, Transfer-Encoding or Upgrade; -EFBIG: the body is too long; -ENOMEM.
 */
static inline int tux_fetch(struct tux_req *req, const struct tux_fetch_request *ask)
{
	return tux_api_here->fetch(req, ask);
}

/*
 * Returns 0 with the status and the content of the answer, which stay until the next tux_fetch(), or until the request is given back with a
 * reply. Returns why there is no answer: -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH (the name of the server is not resolved), -ECONNRESET,
 * -EFBIG (longer than max_answer), -EBADMSG (no valid answer, or not a whole one), -ENOMEM; -EINVAL before any tux_fetch().
 */
static inline int tux_fetched(const struct tux_req *req, uint32_t *status, struct tux_str *body)
{
	return tux_api_here->fetched(req, status, body);
}

/* Returns the value of the first field line of the answer with this name, in any case. */
static inline struct tux_str tux_fetched_field(const struct tux_req *req, const char *name)
{
	return tux_api_here->fetched_field(req, name);
}
#endif /* !__KERNEL__ */

/* Returns the value of a key in config { } of the module's configuration. NULL: not set. Any time, any thread. */
static inline const char *tux_conf(const char *key)
{
	return tux_api_here->conf(tux_api_here->module, key);
}

/* Copies the value of a key for a request, like tux_copy_field(). */
static inline int tux_copy_conf(const struct tux_req *req, const char *key, void *to, uint32_t size)
{
	const char *const value = tux_conf(key);

	(void)req;
	return tux_copy_text((struct tux_str){ value, value ? (uint32_t)__builtin_strlen(value) : 0 }, to, size);
}

/* Returns one key of config { } after the other: *at is 0 for the first. Returns false after the last. Any time, any thread. */
static inline bool tux_conf_each(uint32_t *at, const char **key, const char **value)
{
	return tux_api_here->conf_each(tux_api_here->module, at, key, value);
}

/* Writes the line "tux: module NAME: TEXT" to the error log, with "error:" or "warning:" before the text; at most 100 in a second. Any thread. */
static inline void tux_log(enum tux_log_level level, const char *text, uint32_t len)
{
	tux_api_here->log(tux_api_here->module, level, text, len);
}

#ifdef __KERNEL__
/*
 * Registers a module with tux.ko, and sets *api before it calls a function of the module. The module responds for each program whose configuration
 * has a module of its name with kernel on. Returns 0, or a negative errno with a line in the kernel log: -EEXIST: the name is taken; -EINVAL;
 * -ENOMEM; -EPROTO: another ABI. TUX_MODULE() calls it. Process context.
 */
int tux_module_register(const struct tux_module *module, const struct tux_api **api);

/*
 * Ends a registered module. It returns after the last call of the module has returned. Suspended requests get 503, and gone() is called for them;
 * they have to be given back within the time limit of the configuration, which begins anew with gone(). The memory of one that is not becomes
 * invalid, and the kernel log has a line. No function may be called after it. TUX_MODULE() calls it. Process context.
 */
void tux_module_unregister(const struct tux_module *module);
#else
/* The server finds the module by this function, which TUX_MODULE() defines. */
const struct tux_module *tux_module_entry(const struct tux_api *api);
#endif

#ifdef __cplusplus
}
#endif

/* Defines the module of this file: TUX_MODULE(name, .handle = function, ...) with members of struct tux_module. */
#ifdef __KERNEL__
#define TUX_MODULE_ENTRY(ident)                                                                                               \
	static int __init tux_module_begin(void)                                                                              \
	{                                                                                                                     \
		return tux_module_register(&tux_module_here, &tux_api_here);                                                  \
	}                                                                                                                     \
	static void __exit tux_module_end(void)                                                                               \
	{                                                                                                                     \
		tux_module_unregister(&tux_module_here);                                                                      \
	}                                                                                                                     \
	module_init(tux_module_begin);                                                                                        \
	module_exit(tux_module_end);                                                                                          \
	MODULE_DESCRIPTION(#ident ": a module of TUX");                                                                       \
	MODULE_LICENSE("GPL"); /* the functions of tux.ko are for such modules alone */                                       \
	MODULE_INFO(import_ns, "TUX") /* like MODULE_IMPORT_NS(), whose argument is another one since Linux 6.13 */
#else
#define TUX_MODULE_ENTRY(ident)                                                                                               \
	__attribute__((visibility("default"))) const struct tux_module *tux_module_entry(const struct tux_api *api)           \
	{                                                                                                                     \
		tux_api_here = api;                                                                                           \
		return &tux_module_here;                                                                                      \
	}                                                                                                                     \
	extern const struct tux_api *tux_api_here
#endif

#define TUX_MODULE(ident, ...)                                                                                                \
	const struct tux_api *tux_api_here __attribute__((visibility("hidden")));                                             \
	static const struct tux_module tux_module_here = {                                                                    \
		.size = sizeof(struct tux_module),                                                                            \
		.abi = TUX_MODULE_ABI,                                                                                        \
		.api_bytes = sizeof(struct tux_api),                                                                          \
		.name = #ident,                                                                                               \
		__VA_ARGS__                                                                                                   \
	};                                                                                                                    \
	TUX_MODULE_ENTRY(ident)

#endif /* !__bpf__ */

#endif
