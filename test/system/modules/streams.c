/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for tests of streams and waits: the last segment of the path says what it does, the query has its numbers. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tux/module.h>

enum { JOBS = 64 };

/* Of a request, in its memory. */
struct state {
	unsigned long left;  /* bytes, or turns */
	unsigned long at;    /* bytes written */
	unsigned ms;
	bool begun;
	bool room;           /* writable() was called; protected by lock */
	bool gone;           /* gone() was called; protected by lock */
	enum tux_result (*then)(struct tux_req *req, struct state *state);
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
	struct tux_req *req;
	void (*function)(struct tux_req *req, struct state *state);
} jobs[JOBS];
static unsigned job_first, job_count;
static unsigned told_gone, stale, resumes, calls; /* atomic; calls of handle() but those for the counts */
static int ends[2] = { -1, -1 };            /* of a pipe */
static int null = -1;                      /* a file that is always ready */
static struct tux_req *kept;               /* a request that another one ends */

static bool is(struct tux_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

static enum tux_result say(struct tux_req *req, const char *text)
{
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

static int put(struct tux_req *req, const char *text)
{
	return tux_stream_write(req, text, (uint32_t)strlen(text));
}

/* Writes the next bytes of a pattern. Returns false if there is no room for all of them. */
static bool write_pattern(struct tux_req *req, struct state *state)
{
	char data[10000];
	int taken = 0;

	while (state->left > 0) {
		const uint32_t len = state->left < sizeof(data) ? (uint32_t)state->left : (uint32_t)sizeof(data);

		for (uint32_t i = 0; i < len; i++)
			data[i] = (char)('a' + (state->at + i) % 26);
		do
			taken = tux_stream_write(req, data, len);
		while (taken == -ENOMEM);
		if (taken < 0)
			return false;
		state->at += (unsigned)taken;
		state->left -= (unsigned)taken;
		if ((uint32_t)taken < len)
			return false;
	}
	return true;
}

/* Returns a result. -ESTALE: the client has left while a function of this module ran, so gone() is not called. */
static enum tux_result counted(int result)
{
	if (result == -ESTALE)
		__atomic_fetch_add(&told_gone, 1, __ATOMIC_SEQ_CST);
	return (enum tux_result)result;
}

static enum tux_result pump(struct tux_req *req, struct state *state)
{
	return counted(write_pattern(req, state) ? tux_stream_end(req) : tux_resume_on_room(req));
}

static enum tux_result tick(struct tux_req *req, struct state *state)
{
	char text[32];
	int taken;

	if (state->left-- == 0)
		return counted(tux_stream_end(req));
	snprintf(text, sizeof(text), "tick %lu\n", state->left);
	taken = put(req, text);
	return counted(taken < 0 ? taken : tux_resume_after(req, state->ms));
}

static enum tux_result reply_after(struct tux_req *req, struct state *state)
{
	if (state->left-- > 0)
		return counted(tux_resume_after(req, state->ms));
	return say(req, "after\n");
}

static enum tux_result fail(struct tux_req *req, struct state *state)
{
	(void)req;
	(void)state;
	return TUX_FAIL;
}

static enum tux_result decline(struct tux_req *req, struct state *state)
{
	(void)req;
	(void)state;
	return TUX_DECLINE;
}

static enum tux_result spin(struct tux_req *req, struct state *state)
{
	return counted(state->left-- > 0 ? tux_resume_on_room(req) : tux_stream_end(req));
}

/* Sends the file that was looked up, with text before and after it, in pieces if left is not 0; or tells why not. */
static enum tux_result send_file(struct tux_req *req, struct state *state)
{
	uint64_t size, len;
	const int error = tux_file(req, &size);
	char text[64];
	int result;

	if (error == -EBUSY || error == -EIO) /* the server is to blame */
		return TUX_FAIL;
	if (error != 0) {
		snprintf(text, sizeof(text), "error %d\n", error);
		return say(req, text);
	}
	if (!state->begun) {
		state->begun = true;
		if (tux_stream_begin(req, 200, "text/plain", -1) != 0 || put(req, "before:") != 7)
			return TUX_FAIL;
	}
	while (state->at < size) {
		len = state->left > 0 && state->left < size - state->at ? state->left : size - state->at;
		result = tux_stream_file(req, state->at, len);
		if (result == -EAGAIN)
			return (enum tux_result)tux_resume_on_room(req);
		if (result != 0)
			return TUX_FAIL;
		state->at += len;
	}
	if (put(req, ":after") == 0)
		return (enum tux_result)tux_resume_on_room(req);
	return (enum tux_result)tux_stream_end(req);
}

/* Sends the file, with left 1 a text, and another file, which is looked up while the client takes what was sent before. */
static enum tux_result send_twice(struct tux_req *req, struct state *state)
{
	static const char other[] = "/file.txt";
	uint64_t size;
	int result;

	if (tux_file(req, &size) != 0)
		return TUX_FAIL;
	if (state->at == 0 && (tux_stream_begin(req, 200, "text/plain", -1) != 0 || tux_stream_file(req, 0, size) != 0))
		return TUX_FAIL;
	if (state->at == 0)
		state->at = state->left == 1 ? 1 : 2;
	if (state->at == 1 && put(req, ":text:") == 0)
		return (enum tux_result)tux_resume_on_room(req);
	if (state->at < 3) {
		state->at = 3;
		return (enum tux_result)tux_resume_with_file(req, other, sizeof(other) - 1);
	}
	result = tux_stream_file(req, 0, size);
	if (result == -EAGAIN)
		return (enum tux_result)tux_resume_on_room(req);
	return result == 0 ? (enum tux_result)tux_stream_end(req) : TUX_FAIL;
}

/* Reads the first bytes of the file, and checks the limits. */
static enum tux_result read_file(struct tux_req *req, struct state *state)
{
	uint64_t size;
	char text[200] = "", part[17] = "";

	(void)state;
	tux_file(req, &size);
	snprintf(text, sizeof(text), "%llu ", (unsigned long long)size);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d ", tux_file_read(req, 2, part, sizeof(part) - 1));
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", part);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d ", tux_file_read(req, size, part, 4));
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d ", tux_stream_file(req, 1, size));
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d", tux_stream_file(req, 0, size));
	return say(req, text);
}

/* Replies with a copy of the whole file. */
static enum tux_result copy_file(struct tux_req *req, struct state *state)
{
	uint64_t size;
	const int error = tux_file(req, &size);
	char *const bytes = error == 0 ? malloc(size) : NULL;
	const int n = bytes != NULL ? tux_file_read(req, 0, bytes, (uint32_t)size) : error;

	(void)state;
	if (n == (int)size && tux_reply_memory(req, 200, "text/plain", bytes, (uint64_t)n, free, bytes) == 0)
		return TUX_DONE;
	free(bytes);
	return TUX_FAIL;
}

static void copy_file_now(struct tux_req *req, struct state *state)
{
	copy_file(req, state);
	if (tux_resume(req) == -ESTALE)
		__atomic_fetch_add(&stale, 1, __ATOMIC_SEQ_CST);
}

/* Thread: writes, and waits for writable() while there is no room. */
static void write_in_thread(struct tux_req *req, struct state *state)
{
	int error;

	for (;;) {
		pthread_mutex_lock(&lock);
		state->room = false;
		pthread_mutex_unlock(&lock);
		if (write_pattern(req, state))
			break;
		pthread_mutex_lock(&lock);
		while (!state->room && !state->gone)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
		if (state->gone)
			break;
	}
	error = tux_stream_end(req);
	if (error == -ESTALE)
		__atomic_fetch_add(&stale, 1, __ATOMIC_SEQ_CST);
	tux_resume(req);
}

static void write_slowly(struct tux_req *req, struct state *state)
{
	for (; state->left > 0; state->left--) {
		put(req, "piece\n");
		usleep(state->ms * 1000);
	}
	tux_stream_end(req);
	usleep(1000); /* the response may be over before the request is given back */
	tux_resume(req);
}

static void wait_in_thread(struct tux_req *req, struct state *state)
{
	state->then = reply_after;
	if (tux_resume_after(req, state->ms) == -ESTALE)
		__atomic_fetch_add(&stale, 1, __ATOMIC_SEQ_CST);
}

static void resume_unended(struct tux_req *req, struct state *state)
{
	(void)state;
	put(req, "unended\n");
	tux_resume(req);
}

static void *run(void *argument)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		while (job_count == 0)
			pthread_cond_wait(&changed, &lock);
		const unsigned at = job_first;
		struct tux_req *const req = jobs[at].req;

		job_first = (job_first + 1) % JOBS;
		job_count--;
		pthread_mutex_unlock(&lock);
		jobs[at].function(req, tux_req_memory(req));
		pthread_mutex_lock(&lock);
	}
	return argument;
}

static enum tux_result in_thread(struct tux_req *req, void (*function)(struct tux_req *req, struct state *state))
{
	const int error = tux_suspend(req);

	if (counted(error) != 0)
		return TUX_FAIL;
	pthread_mutex_lock(&lock);
	jobs[(job_first + job_count) % JOBS].req = req;
	jobs[(job_first + job_count) % JOBS].function = function;
	job_count++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return TUX_SUSPEND;
}

static enum tux_result copy_file_in_thread(struct tux_req *req, struct state *state)
{
	(void)state;
	return in_thread(req, copy_file_now);
}

/* Appends a number to a text. */
static void add(char *text, size_t size, int number)
{
	snprintf(text + strlen(text), size - strlen(text), "%d ", number);
}

/* Replies with what is in the pipe, or waits for it. The descriptor that is watched is closed at once, if left is 1. */
static enum tux_result read_pipe(struct tux_req *req, struct state *state)
{
	char text[64];
	const ssize_t n = read(ends[0], text, sizeof(text));
	int fd, result;

	if (n > 0)
		return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)n);
	fd = state->left == 1 ? dup(ends[0]) : ends[0];
	result = tux_resume_on(req, fd, POLLIN);
	if (fd != ends[0])
		close(fd);
	return counted(result);
}

/* A pipe has room at once, and a regular file is always ready. */
static enum tux_result ready_at_once(struct tux_req *req, struct state *state)
{
	if (state->at++ == 0)
		return (enum tux_result)tux_resume_on(req, ends[1], POLLOUT);
	return say(req, "ready\n");
}

/* Waits for a time, for what is there at once, and for a time again. */
static enum tux_result ready_between(struct tux_req *req, struct state *state)
{
	if (state->at == 3)
		return say(req, "ready\n");
	return (enum tux_result)(state->at++ == 1 ? tux_resume_on(req, null, POLLIN) : tux_resume_after(req, 1));
}

/* Mistakes in one request: streams the results of the functions as text. */
static enum tux_result wrong(struct tux_req *req)
{
	char text[256] = "";

	add(text, sizeof(text), tux_stream_write(req, "x", 1));
	add(text, sizeof(text), tux_stream_end(req));
	add(text, sizeof(text), tux_stream_cut(req));
	add(text, sizeof(text), tux_resume_on_room(req));
	add(text, sizeof(text), tux_stream_begin(req, 199, NULL, -1));
	add(text, sizeof(text), tux_stream_begin(req, 200, NULL, -2));
	add(text, sizeof(text), tux_stream_begin(req, 204, NULL, 5));
	add(text, sizeof(text), tux_stream_begin(req, 200, "text/plain", -1));
	add(text, sizeof(text), tux_stream_begin(req, 200, NULL, -1));
	add(text, sizeof(text), tux_reply(req, 200, NULL, "x", 1));
	add(text, sizeof(text), tux_add_field(req, "X", "y"));
	add(text, sizeof(text), tux_stream_write(req, NULL, 3));
	put(req, text);
	tux_stream_end(req);
	if (tux_stream_end(req) != -EALREADY || put(req, "x") != -EALREADY || tux_stream_cut(req) != -EALREADY || tux_suspend(req) != -EALREADY ||
	    tux_resume_after(req, 1) != -EALREADY)
		tux_log(TUX_LOG_ERROR, "not refused", 11);
	return TUX_DONE;
}

/* Ends the stream of another request, which may have ended. touch: also uses it in other ways before. */
static enum tux_result release(struct tux_req *req, bool touch)
{
	char text[100] = "";

	if (touch) {
		add(text, sizeof(text), tux_stream_write(kept, "x", 1));
		add(text, sizeof(text), tux_resume_after(kept, 1));
	}
	add(text, sizeof(text), tux_stream_end(kept));
	add(text, sizeof(text), tux_resume(kept));
	return say(req, text);
}

/* Streams that begin at once. */
static enum tux_result stream(struct tux_req *req, struct tux_str word, struct state *state)
{
	if (is(word, "pump"))
		return pump(req, state);
	if (is(word, "tick"))
		return tick(req, state);
	if (is(word, "spin"))
		return spin(req, state);
	if (is(word, "thread"))
		return in_thread(req, write_in_thread);
	if (is(word, "slowly"))
		return in_thread(req, write_slowly);
	if (is(word, "unended"))
		return in_thread(req, resume_unended);
	if (is(word, "hold")) {
		if (tux_suspend(req) != 0)
			return TUX_FAIL;
		kept = req;
		put(req, "begun\n");
		return TUX_SUSPEND;
	}
	put(req, "begun\n");
	if (is(word, "whole"))
		return (enum tux_result)tux_stream_end(req);
	if (is(word, "cut"))
		return (enum tux_result)tux_stream_cut(req);
	if (is(word, "open"))
		return TUX_DONE;
	if (is(word, "declines"))
		return TUX_DECLINE;
	if (is(word, "fails"))
		return TUX_FAIL;
	if (is(word, "errno"))
		return (enum tux_result)-ENOSPC;
	if (is(word, "fails-later") || is(word, "declines-later")) {
		state->then = is(word, "fails-later") ? fail : decline;
		return (enum tux_result)tux_resume_after(req, 1);
	}
	if (is(word, "long")) /* longer than its length of 10 */
		return tux_stream_write(req, "0123456789", 10) == -EMSGSIZE && put(req, "0123") == 4 ? (enum tux_result)tux_stream_end(req) : TUX_FAIL;
	if (is(word, "short"))
		return tux_stream_end(req) == -EMSGSIZE ? TUX_DONE : TUX_FAIL;
	return TUX_FAIL;
}

static bool streams(struct tux_str word, struct state *state)
{
	static const struct {
		const char *word;
		enum tux_result (*then)(struct tux_req *req, struct state *state);
	} words[] = { { "pump", pump }, { "tick", tick }, { "spin", spin }, { "thread", NULL }, { "slowly", NULL }, { "unended", NULL }, { "whole", NULL },
		      { "cut", NULL }, { "open", NULL }, { "declines", NULL }, { "fails", NULL }, { "errno", NULL }, { "fails-later", NULL },
		      { "declines-later", NULL }, { "long", NULL }, { "short", NULL }, { "hold", NULL } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is(word, words[i].word)) {
			state->then = words[i].then;
			return true;
		}
	return false;
}

/* The query is COUNT, COUNT,MS or COUNT,MS,LENGTH. */
static int64_t read_query(struct tux_req *req, struct state *state)
{
	const struct tux_str query = tux_req_query(req);
	char text[64] = "";
	unsigned long count = 0;
	long long length = -1;
	unsigned ms = 0;

	if (query.len < sizeof(text))
		memcpy(text, query.at, query.len);
	(void)sscanf(text, "%lu,%u,%lld", &count, &ms, &length);
	state->left = count;
	state->ms = ms;
	return length;
}

/* Returns the function for the file of the query; NULL: the word names no file. */
static enum tux_result (*file_word(struct tux_str word))(struct tux_req *req, struct state *state)
{
	if (is(word, "file"))
		return send_file;
	if (is(word, "file-read"))
		return read_file;
	if (is(word, "file-twice"))
		return send_twice;
	if (is(word, "file-copy"))
		return copy_file;
	return is(word, "file-copy-in-thread") ? copy_file_in_thread : NULL;
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str path = tux_req_path(req);
	struct state *state = tux_req_memory(req);
	const int64_t length = state != NULL ? read_query(req, state) : 0;
	struct tux_str word = path;
	char text[100] = "";

	if (state == NULL)
		return TUX_FAIL;
	for (uint32_t i = 0; i < path.len; i++)
		if (path.at[i] == '/')
			word = (struct tux_str){ path.at + i + 1, path.len - i - 1 };
	if (is(word, "counts")) {
		snprintf(text, sizeof(text), "gone %u stale %u resumes %u calls %u\n", __atomic_load_n(&told_gone, __ATOMIC_SEQ_CST),
		         __atomic_load_n(&stale, __ATOMIC_SEQ_CST), __atomic_load_n(&resumes, __ATOMIC_SEQ_CST), __atomic_load_n(&calls, __ATOMIC_SEQ_CST));
		return say(req, text);
	}
	__atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
	if (streams(word, state)) {
		const uint32_t status = is(word, "whole") && state->left > 0 ? (uint32_t)state->left : 200;
		int error;

		tux_add_field(req, "X-Stream", "yes");
		error = tux_stream_begin(req, status, "text/plain", length);
		return error != 0 ? (enum tux_result)error : stream(req, word, state);
	}
	if (is(word, "wrong"))
		return wrong(req);
	if (is(word, "after")) {
		state->then = reply_after;
		return reply_after(req, state);
	}
	if (is(word, "after-in-thread"))
		return in_thread(req, wait_in_thread);
	if (is(word, "wait-twice")) {
		const int first = tux_resume_after(req, 1), second = tux_resume_after(req, 1), third = tux_resume(req);

		state->then = reply_after; /* the memory is still there: handle() has not returned */
		state->left = 0;
		if (first != TUX_SUSPEND || second != -EPERM || third != -EPERM)
			tux_log(TUX_LOG_ERROR, "not refused", 11);
		return TUX_SUSPEND;
	}
	if (is(word, "wait-done")) {
		state->then = reply_after;
		return tux_resume_after(req, 1) == TUX_SUSPEND ? TUX_DONE : TUX_FAIL;
	}
	if (is(word, "wait-empty")) {
		state->then = NULL;
		return (enum tux_result)tux_resume_after(req, 1);
	}
	if (is(word, "reply-and-wait")) {
		say(req, "replied\n");
		return tux_resume_after(req, 1) == -EALREADY ? TUX_DONE : TUX_FAIL;
	}
	if (file_word(word) != NULL) { /* the query is PIECE:PATH */
		const struct tux_str query = tux_req_query(req);
		const char *const colon = query.len > 0 ? memchr(query.at, ':', query.len) : NULL;
		uint64_t size;
		int error;

		if (colon == NULL || tux_file(req, &size) != -EINVAL)
			return TUX_FAIL;
		state->then = file_word(word);
		error = tux_resume_with_file(req, colon + 1, (uint32_t)(query.at + query.len - colon - 1));
		if (error == TUX_SUSPEND || error == -ENOMEM)
			return (enum tux_result)error;
		snprintf(text, sizeof(text), "error %d\n", error);
		return say(req, text);
	}
	if (is(word, "ready-between")) {
		state->then = ready_between;
		return ready_between(req, state);
	}
	if (is(word, "read-pipe") || is(word, "ready")) {
		state->then = is(word, "ready") ? ready_at_once : read_pipe;
		return state->then(req, state);
	}
	if (is(word, "write-pipe"))
		return write(ends[1], "piped\n", 6) == 6 ? say(req, "written\n") : TUX_FAIL;
	if (is(word, "bad-descriptor")) {
		add(text, sizeof(text), tux_resume_on(req, -1, POLLIN));
		add(text, sizeof(text), tux_resume_on(req, ends[0], 0));
		add(text, sizeof(text), tux_resume_on(req, ends[0], POLLIN | POLLHUP));
		return say(req, text);
	}
	if (is(word, "touch") || is(word, "release"))
		return release(req, is(word, "touch"));
	return (enum tux_result)tux_reply(req, 404, "text/plain", "no such word\n", 13);
}

static enum tux_result resumed(struct tux_req *req)
{
	struct state *state = tux_req_memory(req);

	__atomic_fetch_add(&resumes, 1, __ATOMIC_SEQ_CST);
	return state->then != NULL ? state->then(req, state) : TUX_DONE;
}

static void gone(struct tux_req *req)
{
	struct state *state = tux_req_memory(req);

	__atomic_fetch_add(&told_gone, 1, __ATOMIC_SEQ_CST);
	pthread_mutex_lock(&lock);
	state->gone = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void writable(struct tux_req *req)
{
	struct state *state = tux_req_memory(req);

	pthread_mutex_lock(&lock);
	state->room = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int load(void)
{
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0 ? 0 : -errno;
}

static int start(unsigned number)
{
	pthread_t thread;
	int error = 0;

	for (int i = 0; number == 0 && i < 4 && error == 0; i++)
		error = -pthread_create(&thread, NULL, run, NULL);
	return error;
}

TUX_MODULE(streams, .handle = handle, .resumed = resumed, .gone = gone, .writable = writable, .load = load, .start = start,
           .request_bytes = sizeof(struct state));
