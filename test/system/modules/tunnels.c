/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for tests of tunnels: the last segment of the path says what it does after 101, the query has its number. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tux/module.h>

struct state {
	unsigned long left;  /* bytes to write */
	unsigned long at;    /* bytes written */
	unsigned long total; /* bytes read */
	bool over;           /* the other side has ended */
	uint32_t in_at, in_len;
	char in[3000];
	enum tux_result (*then)(struct tux_req *req, struct state *state);
};

static unsigned told_gone, told_readable, told_writable; /* atomic */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of suspended requests: one function at a time has one */

static bool is(struct tux_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

static int put(struct tux_req *req, const char *text)
{
	return tux_stream_write(req, text, (uint32_t)strlen(text));
}

/* Reads into in. Returns what tux_req_body_read() returns. */
static int fill(struct tux_req *req, struct state *state)
{
	const int n = tux_req_body_read(req, state->in, sizeof(state->in));

	state->in_at = 0;
	state->in_len = n > 0 ? (uint32_t)n : 0;
	state->total += state->in_len;
	return n;
}

/* Writes what is in in. Returns 1; 0 without room; or an error. */
static int flush(struct tux_req *req, struct state *state)
{
	while (state->in_at < state->in_len) {
		const int n = tux_stream_write(req, state->in + state->in_at, state->in_len - state->in_at);

		if (n <= 0)
			return n;
		state->in_at += (uint32_t)n;
	}
	return 1;
}

/* Sends everything back. At the end of the client it says how much that was. */
static enum tux_result echo(struct tux_req *req, struct state *state)
{
	char text[64];

	for (;;) {
		int n = flush(req, state);

		if (n == 0)
			return (enum tux_result)tux_resume_on_room(req);
		if (n < 0)
			return (enum tux_result)n;
		if (state->over)
			return (enum tux_result)tux_stream_end(req);
		n = fill(req, state);
		if (n == -EAGAIN)
			return (enum tux_result)tux_resume_on_body(req);
		if (n < 0 && n != -ESHUTDOWN)
			return (enum tux_result)n;
		if (n > 0)
			continue;
		snprintf(text, sizeof(text), n == 0 ? "end %lu\n" : "bye %lu\n", state->total);
		strcpy(state->in, text);
		state->in_len = (uint32_t)strlen(text);
		state->over = true;
	}
}

/* Like echo(), but while the request is suspended. The caller has the lock. Returns true at the end. */
static bool echo_suspended(struct tux_req *req, struct state *state)
{
	int n;

	while ((n = flush(req, state)) == 1) {
		if (state->over)
			return tux_stream_end(req) == 0;
		n = fill(req, state);
		if (n > 0)
			continue;
		if (n != 0 && n != -ESHUTDOWN)
			break;
		snprintf(state->in, sizeof(state->in), n == 0 ? "end %lu\n" : "bye %lu\n", state->total);
		state->in_len = (uint32_t)strlen(state->in);
		state->over = true;
	}
	return false;
}

static void go_on(struct tux_req *req)
{
	bool over;

	pthread_mutex_lock(&lock);
	over = echo_suspended(req, tux_req_memory(req));
	pthread_mutex_unlock(&lock);
	if (over)
		tux_resume(req);
}

static void readable(struct tux_req *req)
{
	__atomic_fetch_add(&told_readable, 1, __ATOMIC_SEQ_CST);
	go_on(req);
}

static void writable(struct tux_req *req)
{
	__atomic_fetch_add(&told_writable, 1, __ATOMIC_SEQ_CST);
	go_on(req);
}

static enum tux_result suspended(struct tux_req *req, struct state *state)
{
	const int error = tux_suspend(req);
	char first;

	(void)state;
	if (error != 0)
		return (enum tux_result)error;
	pthread_mutex_lock(&lock);
	if (tux_req_body_read(req, &first, 1) == -EAGAIN) /* so readable() is called */
		put(req, "suspended\n");
	pthread_mutex_unlock(&lock);
	return TUX_SUSPEND;
}

/* Writes left bytes of a pattern, ends its side, and then reads until the client ends. */
static enum tux_result push(struct tux_req *req, struct state *state)
{
	char data[10000];
	int n;

	while (state->left > 0) {
		const uint32_t len = state->left < sizeof(data) ? (uint32_t)state->left : (uint32_t)sizeof(data);

		for (uint32_t i = 0; i < len; i++)
			data[i] = (char)('a' + (state->at + i) % 26);
		n = tux_stream_write(req, data, len);
		if (n < 0)
			return (enum tux_result)n;
		state->at += (unsigned)n;
		state->left -= (unsigned)n;
		if ((uint32_t)n < len)
			return (enum tux_result)tux_resume_on_room(req);
	}
	if (!state->over && tux_stream_end(req) != 0)
		return TUX_FAIL;
	state->over = true;
	while ((n = fill(req, state)) > 0)
		;
	if (n == -EAGAIN)
		return (enum tux_result)tux_resume_on_body(req);
	if (n == 0) {
		n = snprintf(data, sizeof(data), "after the end of its output it has read %lu", state->total);
		tux_log(TUX_LOG_INFO, data, (uint32_t)n);
	}
	return n == 0 ? TUX_DONE : (enum tux_result)n;
}

/* Reads nothing before it has waited left times. */
static enum tux_result late(struct tux_req *req, struct state *state)
{
	if (state->left > 0) {
		state->left--;
		return (enum tux_result)tux_resume_after(req, 10);
	}
	return echo(req, state);
}

/* Waits for times, and writes nothing. */
static enum tux_result tick(struct tux_req *req, struct state *state)
{
	(void)state;
	return (enum tux_result)tux_resume_after(req, 20);
}

/* Writes until the client has not read for some time, and then waits for a byte of it. */
static enum tux_result both(struct tux_req *req, struct state *state)
{
	static const char zeros[65536];
	int n;

	if (state->at < 25) {
		n = tux_stream_write(req, zeros, sizeof(zeros));
		state->at = n > 0 ? 0 : state->at + 1;
		return n < 0 ? (enum tux_result)n : (enum tux_result)tux_resume_after(req, 10);
	}
	n = fill(req, state);
	if (n == -EAGAIN && state->at++ == 25)
		tux_log(TUX_LOG_INFO, "the client does not read", 24);
	if (n > 0)
		tux_log(TUX_LOG_INFO, "heard while it writes", 21);
	return n > 0 ? (enum tux_result)tux_stream_cut(req) : n == -EAGAIN ? (enum tux_result)tux_resume_on_body(req) : (enum tux_result)n;
}

static enum tux_result cut(struct tux_req *req, struct state *state)
{
	(void)state;
	put(req, "cut");
	return (enum tux_result)tux_stream_cut(req);
}

static enum tux_result crash(struct tux_req *req, struct state *state)
{
	(void)req;
	(void)state;
	abort();
}

/* Ends with a mistake. */
static enum tux_result forget(struct tux_req *req, struct state *state)
{
	(void)state;
	put(req, "forgotten");
	return TUX_DONE;
}

static enum tux_result twice(struct tux_req *req, struct state *state)
{
	char text[200];

	(void)state;
	snprintf(text, sizeof(text), "%d %d %d %d %d", tux_upgrade(req, "raw"), tux_reply(req, 200, NULL, "", 0), tux_stream_begin(req, 200, NULL, -1),
	         tux_add_field(req, "A", "b"), tux_req_body_read(req, text, 0));
	put(req, text);
	return (enum tux_result)tux_stream_end(req);
}

static enum tux_result counts(struct tux_req *req)
{
	char text[100];

	snprintf(text, sizeof(text), "gone %u readable %u writable %u\n", told_gone, told_readable, told_writable);
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

static const struct {
	const char *word;
	enum tux_result (*then)(struct tux_req *req, struct state *state);
} words[] = {
	{ "echo", echo }, { "suspended", suspended }, { "push", push }, { "late", late }, { "tick", tick }, { "both", both }, { "cut", cut },
	{ "crash", crash }, { "forget", forget }, { "twice", twice },
};

/* Goes on. A function that the module calls tells that the client has left, if it leaves while this runs: then there is no gone(). */
static enum tux_result go_on_with(struct tux_req *req, struct state *state)
{
	const enum tux_result result = state->then(req, state);

	if ((int)result == -ESTALE)
		__atomic_fetch_add(&told_gone, 1, __ATOMIC_SEQ_CST);
	return result;
}

static enum tux_result handle(struct tux_req *req)
{
	struct state *state = tux_req_memory(req);
	const struct tux_str path = tux_req_path(req), query = tux_req_query(req);
	const char *slash = memrchr(path.at, '/', path.len);
	const struct tux_str word = { slash + 1, (uint32_t)(path.at + path.len - slash) - 1 };
	char number[32];
	int error;

	snprintf(number, sizeof(number), "%.*s", (int)query.len, query.at != NULL ? query.at : "");
	state->left = strtoul(number, NULL, 10);
	if (is(word, "counts"))
		return counts(req);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is(word, words[i].word))
			state->then = words[i].then;
	tux_add_field(req, "X-Tunnel", "yes");
	error = tux_upgrade(req, "raw");
	if (error != 0) {
		snprintf(number, sizeof(number), "%d\n", error);
		return (enum tux_result)tux_reply(req, 400, "text/plain", number, (uint32_t)strlen(number));
	}
	return go_on_with(req, state);
}

static enum tux_result resumed(struct tux_req *req)
{
	return go_on_with(req, tux_req_memory(req));
}

static void gone(struct tux_req *req)
{
	struct state *state = tux_req_memory(req);

	__atomic_fetch_add(&told_gone, 1, __ATOMIC_SEQ_CST);
	if (state->then == suspended)
		tux_resume(req);
}

TUX_MODULE(tunnels, .handle = handle, .resumed = resumed, .gone = gone, .readable = readable, .writable = writable,
           .request_bytes = sizeof(struct state));
