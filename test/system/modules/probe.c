/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for tests: the last segment of the path says what it does, the query is its argument. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <tux/module.h>

static const char file[] = "the content of an open file";
static int file_fd = -1;
static unsigned dropped, made, told_gone, stale, calls; /* atomic */
static struct tux_req *old;         /* a request that was given back */
static struct tux_req *never;       /* one that is not given back before the next request says so */

/* A job of the module's thread, which start() has started: no thread can be started within the sandbox. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct tux_req *req; /* NULL: the thread waits for a job */
	void (*function)(struct tux_req *req);
	bool done;
} job = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static bool is(struct tux_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

static enum tux_result say(struct tux_req *req, const char *text)
{
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

/* Tries what the sandbox refuses. A child that there may be ends at once. */
static enum tux_result forbidden(struct tux_req *req)
{
	char *const arguments[] = { "true", NULL };
	const pid_t child = fork();
	const int tried = socket(AF_INET, SOCK_STREAM, 0), opened = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	const bool mapped = mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
	char text[128];

	if (child == 0)
		_exit(0);
	snprintf(text, sizeof(text), "fork %d, socket %d, open %d, map %d, exec %d\n", child != -1, tried >= 0, opened >= 0, mapped,
	         execv("/bin/true", arguments) == 0);
	return say(req, text);
}

/* Writes all that the server tells about the request. */
static enum tux_result echo(struct tux_req *req)
{
	const struct tux_str texts[] = { tux_req_method_text(req), tux_req_path(req), tux_req_query(req), tux_req_target(req), tux_req_host(req),
		                         tux_req_body(req), tux_req_field(req, "x-PROBE"), tux_req_field(req, "none") };
	struct tux_str name, value;
	uint8_t address[16];
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	enum tux_result result;
	uint16_t port;
	uint32_t at = 0;

	if (out == NULL)
		return TUX_FAIL;
	fprintf(out, "method %d\n", tux_req_method(req));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		fprintf(out, "%s%.*s\n", texts[i].at == NULL ? "(none)" : "", (int)texts[i].len, texts[i].at == NULL ? "" : texts[i].at);
	fprintf(out, "client %d", tux_req_client(req, address, &port));
	for (int i = 10; i < 16; i++)
		fprintf(out, " %u", address[i]);
	fprintf(out, "\n");
	while (tux_req_each_field(req, &at, &name, &value))
		fprintf(out, "field %.*s=%.*s\n", (int)name.len, name.at, (int)value.len, value.at);
	fclose(out);
	result = (enum tux_result)tux_reply(req, 200, "text/plain; charset=utf-8", text, (uint32_t)len);
	free(text);
	return result;
}

/* Writes the scheme, and the facts of TLS. */
static enum tux_result connection(struct tux_req *req)
{
	const struct tux_str scheme = tux_req_scheme(req);
	char text[4096];
	int len = snprintf(text, sizeof(text), "%.*s\n", (int)scheme.len, scheme.at);

	for (unsigned fact = 0; fact < 10; fact++) {
		const struct tux_str value = tux_req_tls(req, (enum tux_tls_fact)fact);

		len += snprintf(text + len, sizeof(text) - (size_t)len, "%.*s\n", value.at != NULL ? (int)value.len : 4, value.at != NULL ? value.at : "null");
	}
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)len);
}

static void drop(void *argument)
{
	free(argument);
	__atomic_fetch_add(&dropped, 1, __ATOMIC_SEQ_CST);
}

static void drop_nothing(void *argument)
{
	(void)argument;
	__atomic_fetch_add(&dropped, 1, __ATOMIC_SEQ_CST);
}

static enum tux_result memory(struct tux_req *req, size_t len)
{
	char *data = malloc(len + 1);
	int error;

	if (data == NULL)
		return TUX_FAIL;
	memset(data, 'm', len);
	__atomic_fetch_add(&made, 1, __ATOMIC_SEQ_CST);
	error = tux_reply_memory(req, 200, "text/plain", data, len, drop, data);
	if (error != 0)
		drop(data);
	return (enum tux_result)error;
}

static void answer_later(struct tux_req *req)
{
	const struct tux_str query = tux_req_query(req);
	const unsigned ms = (unsigned)strtoul(query.len > 0 ? query.at : "0", NULL, 10);

	usleep(ms * 1000);
	tux_add_field(req, "X-Thread", "yes");
	tux_reply(req, 200, "text/plain", "later\n", 6);
	tux_resume(req);
}

static void answer_at_once(struct tux_req *req)
{
	tux_reply(req, 200, "text/plain", "at once\n", 8);
	tux_resume(req);
}

static void resume_empty(struct tux_req *req)
{
	tux_resume(req);
}

static int touched; /* result of a function that the module's thread has called for a request of another thread */

static void touch(struct tux_req *req)
{
	touched = tux_reply(req, 200, "text/plain", "no\n", 3);
}

static void *run(void *argument)
{
	(void)argument;
	pthread_mutex_lock(&job.lock);
	for (;;) {
		while (job.req == NULL)
			pthread_cond_wait(&job.changed, &job.lock);
		pthread_mutex_unlock(&job.lock);
		job.function(job.req);
		pthread_mutex_lock(&job.lock);
		job.req = NULL;
		job.done = true;
		pthread_cond_broadcast(&job.changed);
	}
	return NULL;
}

/* Gives the thread a job. wait: until it is done. */
static void give(struct tux_req *req, void (*function)(struct tux_req *req), bool wait)
{
	pthread_mutex_lock(&job.lock);
	while (job.req != NULL)
		pthread_cond_wait(&job.changed, &job.lock);
	job.req = req;
	job.function = function;
	job.done = false;
	pthread_cond_broadcast(&job.changed);
	while (wait && !job.done)
		pthread_cond_wait(&job.changed, &job.lock);
	pthread_mutex_unlock(&job.lock);
}

/* Suspends after some time, in which the client may leave. */
static enum tux_result late_suspend(struct tux_req *req)
{
	int error;

	usleep(1000000); /* the client leaves meanwhile */
	error = tux_suspend(req);
	if (error == -ESTALE)
		__atomic_fetch_add(&stale, 1, __ATOMIC_SEQ_CST);
	if (error != 0)
		return TUX_FAIL;
	tux_reply(req, 200, NULL, "late\n", 5);
	tux_resume(req);
	return TUX_SUSPEND;
}

static enum tux_result in_thread(struct tux_req *req, void (*function)(struct tux_req *req), bool wait)
{
	if (tux_suspend(req) != 0)
		return TUX_FAIL;
	give(req, function, wait);
	return TUX_SUSPEND;
}

static enum tux_result other_thread(struct tux_req *req)
{
	give(req, touch, true);
	return say(req, touched == -EPERM ? "refused\n" : "permitted\n");
}

/* Tries fields and replies that the server has to refuse. */
static enum tux_result wrong(struct tux_req *req)
{
	static const struct {
		const char *name, *value;
	} fields[] = { { "", "x" }, { "A B", "x" }, { "A:", "x" }, { "X", "a\r\nY: z" }, { "X", "a\nb" }, { "content-LENGTH", "3" },
		       { "Transfer-Encoding", "chunked" }, { "X", "\x01" }, { "X\r", "x" } };
	char text[256] = "";
	static char large[5000];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d ", tux_add_field(req, fields[i].name, fields[i].value));
	memset(large, 'v', sizeof(large) - 1);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d|%d %d %d %d %d %d %d\n", tux_add_field(req, "X", large),
	         tux_reply(req, 199, "text/plain", "", 0), tux_reply(req, 600, NULL, "", 0), tux_reply(req, 200, "a\r\nB: c", "", 0),
	         tux_reply_file(req, "x", 1), tux_reply_fd(req, 200, NULL, -1, 0, 1), tux_reply_redirect(req, 200, "/"),
	         tux_reply_redirect(req, 302, "/ \r\n"));
	return say(req, text);
}

/* Adds the field NAME:VALUE of the query twice, and reports the results of the functions that a reply of their own would give. */
static enum tux_result own_field(struct tux_req *req, struct tux_str query)
{
	char name[96], text[96], *value;
	int added, again, to_file, redirected;

	snprintf(name, sizeof(name), "%.*s", (int)query.len, query.at);
	value = strchr(name, ':');
	if (value == NULL)
		return TUX_FAIL;
	*value++ = '\0';
	for (char *at = value; *at != '\0'; at++)
		*at = *at == '+' ? ' ' : *at;
	added = tux_add_field(req, name, value);
	again = tux_add_field(req, name, value);
	to_file = added == 0 ? tux_reply_file(req, "/none", 5) : 0;
	redirected = to_file != 0 ? tux_reply_redirect(req, 303, "/elsewhere") : 0;
	if (to_file != 0 && redirected == 0)
		return TUX_DONE;
	snprintf(text, sizeof(text), "%d %d %d %d\n", added, again, to_file, redirected);
	return say(req, text);
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str path = tux_req_path(req), query = tux_req_query(req);
	struct tux_str word = path;
	char text[64];
	unsigned *count;

	__atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < path.len; i++)
		if (path.at[i] == '/')
			word = (struct tux_str){ path.at + i + 1, path.len - i - 1 };
	if (is(word, "echo"))
		return echo(req);
	if (is(word, "tls"))
		return connection(req);
	if (is(word, "memory"))
		return memory(req, (size_t)strtoul(query.len > 0 ? query.at : "0", NULL, 10));
	if (is(word, "static")) {
		if (tux_reply_memory(req, 200, "text/plain", file, sizeof(file) - 1, drop_nothing, NULL) != 0)
			return TUX_FAIL;
		return TUX_DONE;
	}
	if (is(word, "copy")) {
		static char data[100000];

		memset(data, 'c', sizeof(data));
		return (enum tux_result)tux_reply(req, 200, "text/plain", data, sizeof(data));
	}
	if (is(word, "counts")) {
		snprintf(text, sizeof(text), "dropped %u gone %u\n", __atomic_load_n(&dropped, __ATOMIC_SEQ_CST), __atomic_load_n(&told_gone, __ATOMIC_SEQ_CST));
		return say(req, text);
	}
	if (is(word, "calls")) {
		snprintf(text, sizeof(text), "calls %u stale %u\n", __atomic_load_n(&calls, __ATOMIC_SEQ_CST), __atomic_load_n(&stale, __ATOMIC_SEQ_CST));
		return say(req, text);
	}
	if (is(word, "made")) {
		snprintf(text, sizeof(text), "%u %u\n", __atomic_load_n(&made, __ATOMIC_SEQ_CST), __atomic_load_n(&dropped, __ATOMIC_SEQ_CST));
		return say(req, text);
	}
	if (is(word, "late-suspend"))
		return late_suspend(req);
	if (is(word, "at-once-slow")) {
		const enum tux_result result = in_thread(req, answer_at_once, true);

		usleep(30000); /* the request was given back */
		return result;
	}
	if (is(word, "forever")) {
		static char data[100000];

		memset(data, 'f', sizeof(data));
		return (enum tux_result)tux_reply_memory(req, 200, "text/plain", data, sizeof(data), NULL, NULL);
	}
	if (is(word, "long-field")) {
		static char value[4000];

		memset(value, 'v', sizeof(value) - 1);
		if (tux_add_field(req, "X-Long", value) != 0)
			return TUX_FAIL;
		return (enum tux_result)tux_reply_file(req, query.at, query.len);
	}
	if (is(word, "bad-file")) {
		tux_reply_file(req, "/a b", 4);
		return TUX_DONE;
	}
	if (is(word, "conf")) {
		const char *key, *value;
		uint32_t at = 0;
		char all[256] = "";

		while (tux_conf_each(&at, &key, &value))
			snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s=%s;", key, value);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s\n", tux_conf("none") == NULL ? "none" : "some");
		return say(req, all);
	}
	if (is(word, "fd"))
		return (enum tux_result)tux_reply_fd(req, 200, "text/plain", dup(file_fd), 4, sizeof(file) - 7);
	if (is(word, "file")) {
		tux_add_field(req, "X-From", "module");
		return (enum tux_result)tux_reply_file(req, query.at, query.len);
	}
	if (is(word, "redirect"))
		return (enum tux_result)tux_reply_redirect(req, 303, "/elsewhere?x=1");
	if (is(word, "status")) {
		tux_add_field(req, "X-One", "1");
		tux_add_field(req, "X-Two", "2");
		return (enum tux_result)tux_reply(req, (uint32_t)strtoul(query.at, NULL, 10), "text/plain", "status\n", 7);
	}
	if (is(word, "wait")) {
		snprintf(text, sizeof(text), "%d\n", tux_resume_after(req, 1));
		return say(req, text);
	}
	if (is(word, "decline"))
		return TUX_DECLINE;
	if (is(word, "fail"))
		return TUX_FAIL;
	if (is(word, "errno"))
		return (enum tux_result)-ENOSPC;
	if (is(word, "none"))
		return TUX_DONE;
	if (is(word, "unknown"))
		return (enum tux_result)17;
	if (is(word, "twice")) {
		say(req, "first\n");
		return tux_reply(req, 200, NULL, "second\n", 7) == -EALREADY ? TUX_DONE : TUX_FAIL;
	}
	if (is(word, "unsuspended"))
		return TUX_SUSPEND;
	if (is(word, "suspend-and-done")) {
		tux_suspend(req);
		say(req, "done\n");
		return TUX_DONE;
	}
	if (is(word, "thread"))
		return in_thread(req, answer_later, false);
	if (is(word, "at-once"))
		return in_thread(req, answer_at_once, true);
	if (is(word, "resume-empty"))
		return in_thread(req, resume_empty, false);
	if (is(word, "other-thread"))
		return other_thread(req);
	if (is(word, "own-field"))
		return own_field(req, query);
	if (is(word, "vary")) {
		tux_add_field(req, "Vary", "Cookie");
		return (enum tux_result)tux_reply_file(req, query.at, query.len);
	}
	if (is(word, "wrong"))
		return wrong(req);
	if (is(word, "keep")) {
		old = req;
		return say(req, "kept\n");
	}
	if (is(word, "touch")) {
		snprintf(text, sizeof(text), "%d %d\n", tux_reply(old, 200, NULL, "x", 1), tux_resume(old));
		return say(req, text);
	}
	if (is(word, "never")) {
		if (tux_suspend(req) != 0)
			return TUX_FAIL;
		never = req;
		return TUX_SUSPEND;
	}
	if (is(word, "resume-never")) {
		tux_reply(never, 200, NULL, "x", 1);
		snprintf(text, sizeof(text), "%d\n", tux_resume(never));
		return say(req, text);
	}
	if (is(word, "forbidden"))
		return forbidden(req);
	if (is(word, "crash"))
		abort();
	if (is(word, "exit"))
		exit(3);
	if (is(word, "hang"))
		for (;;)
			pause();
	if (is(word, "slow")) {
		usleep(80000);
		return say(req, "slow\n");
	}
	if (is(word, "log")) {
		tux_log(TUX_LOG_INFO, "a line\n\x1b[31m", 12);
		tux_log(TUX_LOG_WARNING, "another", 7);
		return say(req, "logged\n");
	}
	if (is(word, "counter")) {
		count = tux_req_memory(req);
		snprintf(text, sizeof(text), "%u\n", count != NULL ? ++*count : 0);
		return say(req, text);
	}
	return (enum tux_result)tux_reply(req, 404, "text/plain", "no such word\n", 13);
}

static void gone(struct tux_req *req)
{
	(void)req;
	__atomic_fetch_add(&told_gone, 1, __ATOMIC_SEQ_CST);
}

static int load(void)
{
	file_fd = memfd_create("probe", MFD_CLOEXEC);
	if (file_fd < 0 || write(file_fd, file, sizeof(file) - 1) != (ssize_t)(sizeof(file) - 1))
		return -EIO;
	return tux_conf("load") != NULL ? -ENOENT : 0;
}

static int start(unsigned number)
{
	pthread_t thread;

	return number == 0 ? -pthread_create(&thread, NULL, run, NULL) : 0;
}

static void unload(void)
{
	tux_log(TUX_LOG_INFO, "unload", 6);
}

TUX_MODULE(probe, .handle = handle, .gone = gone, .load = load, .start = start, .unload = unload, .request_bytes = 4);
