/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for tests of bodies in pieces: the last segment of the path says what it does. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tux/module.h>

struct state {
	unsigned long total;
	unsigned sum;
	bool begun;
	uint32_t len, at; /* of data */
	char data[3000];
	enum tux_result (*then)(struct tux_req *req, struct state *state);
};

static unsigned told_gone; /* atomic */
static struct tux_req *waiting; /* atomic */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct tux_req *given; /* to the thread */

static bool is(struct tux_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

static enum tux_result say(struct tux_req *req, const char *text)
{
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

/* Adds up the body, and replies with its length and sum, or with the error. */
static enum tux_result add_up(struct tux_req *req, struct state *state)
{
	char text[100];
	int taken;

	while ((taken = tux_req_body_read(req, state->data, sizeof(state->data))) > 0) {
		state->total += (unsigned)taken;
		for (int i = 0; i < taken; i++)
			state->sum = state->sum * 31 + (unsigned char)state->data[i];
	}
	if (taken == -EAGAIN)
		taken = tux_resume_on_body(req);
	if (taken == -ESTALE) /* the client has left while this function ran */
		__atomic_fetch_add(&told_gone, 1, __ATOMIC_SEQ_CST);
	if (taken == -ESTALE || taken == TUX_SUSPEND)
		return (enum tux_result)taken;
	snprintf(text, sizeof(text), "%d %lld %lu %u\n", taken, (long long)tux_req_body_length(req), state->total, state->sum);
	return say(req, text);
}

/* Streams the body back. */
static enum tux_result echo(struct tux_req *req, struct state *state)
{
	int taken = 1;

	if (!state->begun)
		tux_stream_begin(req, 200, "application/octet-stream", -1);
	state->begun = true;
	for (;;) {
		while (state->at < state->len) {
			taken = tux_stream_write(req, state->data + state->at, state->len - state->at);
			if (taken < 0)
				return (enum tux_result)taken;
			if (taken == 0)
				return (enum tux_result)tux_resume_on_room(req);
			state->at += (uint32_t)taken;
		}
		taken = tux_req_body_read(req, state->data, sizeof(state->data));
		if (taken == -EAGAIN)
			return (enum tux_result)tux_resume_on_body(req);
		if (taken < 0)
			return (enum tux_result)tux_stream_cut(req);
		if (taken == 0)
			return (enum tux_result)tux_stream_end(req);
		state->at = 0;
		state->len = (uint32_t)taken;
	}
}

/* Reads ten bytes, and replies before the rest. */
static enum tux_result early(struct tux_req *req, struct state *state)
{
	const int taken = tux_req_body_read(req, state->data, 10);

	return taken == -EAGAIN ? (enum tux_result)tux_resume_on_body(req) : say(req, "enough\n");
}

static void *run(void *argument)
{
	for (;;) {
		struct tux_req *req;

		pthread_mutex_lock(&lock);
		while (given == NULL)
			pthread_cond_wait(&changed, &lock);
		req = given;
		given = NULL;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		add_up(req, tux_req_memory(req)); /* a reply, or a wait */
		tux_resume(req);
	}
	return argument;
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str path = tux_req_path(req);
	struct state *state = tux_req_memory(req);
	struct tux_str word = path;
	char text[100];

	if (state == NULL)
		return TUX_FAIL;
	for (uint32_t i = 0; i < path.len; i++)
		if (path.at[i] == '/')
			word = (struct tux_str){ path.at + i + 1, path.len - i - 1 };
	if (is(word, "counts")) {
		snprintf(text, sizeof(text), "gone %u\n", __atomic_load_n(&told_gone, __ATOMIC_SEQ_CST));
		return say(req, text);
	}
	state->then = is(word, "echo") ? echo : is(word, "early") ? early : add_up;
	if (is(word, "unread"))
		return say(req, "unread\n");
	if (is(word, "decline"))
		return TUX_DECLINE;
	if (is(word, "fail"))
		return TUX_FAIL;
	if (is(word, "whole")) { /* tux_req_body() has nothing */
		snprintf(text, sizeof(text), "%u %d\n", tux_req_body(req).len, tux_req_body_read(req, text, 0));
		return say(req, text);
	}
	if (is(word, "hold")) {
		if (tux_suspend(req) != 0)
			return TUX_FAIL;
		__atomic_store_n(&waiting, req, __ATOMIC_SEQ_CST);
		return TUX_SUSPEND;
	}
	if (is(word, "release")) {
		struct tux_req *const held = __atomic_exchange_n(&waiting, NULL, __ATOMIC_SEQ_CST);

		if (held == NULL)
			return say(req, "nothing\n");
		add_up(held, tux_req_memory(held));
		return say(req, "released\n");
	}
	if (is(word, "thread")) {
		if (tux_suspend(req) != 0)
			return TUX_FAIL;
		pthread_mutex_lock(&lock);
		while (given != NULL)
			pthread_cond_wait(&changed, &lock);
		given = req;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
		return TUX_SUSPEND;
	}
	return state->then(req, state);
}

static enum tux_result resumed(struct tux_req *req)
{
	struct state *state = tux_req_memory(req);

	return state->then(req, state);
}

static void gone(struct tux_req *req)
{
	(void)req;
	__atomic_fetch_add(&told_gone, 1, __ATOMIC_SEQ_CST);
}

static int start(unsigned number)
{
	pthread_t thread;

	return number == 0 ? -pthread_create(&thread, NULL, run, NULL) : 0;
}

TUX_MODULE(bodies, .flags = TUX_MODULE_BODY_STREAMED, .handle = handle, .resumed = resumed, .gone = gone, .start = start,
           .request_bytes = sizeof(struct state));
