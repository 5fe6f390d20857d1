/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for test_module_soak.py, which builds it with several VERSIONs. The last segment of the path says what it does. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tux/module.h>

enum { STREAMED = 300000, JOBS = 256, WAIT_MS = 5 };

struct state {
	uint32_t at;
	enum tux_result (*then)(struct tux_req *req, struct state *state);
};

static const char version[] = VERSION;
static char pattern[STREAMED];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct tux_req *jobs[JOBS];
static unsigned first, count;

static bool is(struct tux_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

static enum tux_result say_version(struct tux_req *req, struct state *state)
{
	(void)state;
	return (enum tux_result)tux_reply(req, 200, "text/plain", version, sizeof(version) - 1);
}

static enum tux_result pump(struct tux_req *req, struct state *state)
{
	while (state->at < STREAMED) {
		const int taken = tux_stream_write(req, pattern + state->at, STREAMED - state->at);

		if (taken < 0)
			return (enum tux_result)taken;
		state->at += (uint32_t)taken;
		if (state->at < STREAMED)
			return (enum tux_result)tux_resume_on_room(req);
	}
	return (enum tux_result)tux_stream_end(req);
}

static enum tux_result send_file(struct tux_req *req, struct state *state)
{
	uint64_t size;

	(void)state;
	if (tux_file(req, &size) != 0 || tux_stream_begin(req, 200, "text/plain", (int64_t)size) != 0 || tux_stream_file(req, 0, size) != 0)
		return TUX_FAIL;
	return (enum tux_result)tux_stream_end(req);
}

static enum tux_result copy_file(struct tux_req *req, struct state *state)
{
	uint64_t size;
	char *bytes;

	(void)state;
	if (tux_file(req, &size) != 0)
		return TUX_FAIL;
	bytes = malloc(size);
	if (bytes != NULL && tux_file_read(req, 0, bytes, (uint32_t)size) == (int)size &&
	    tux_reply_memory(req, 200, "text/plain", bytes, size, free, bytes) == 0)
		return TUX_DONE;
	free(bytes);
	return TUX_FAIL;
}

static void *run(void *argument)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		struct tux_req *req;

		while (count == 0)
			pthread_cond_wait(&changed, &lock);
		req = jobs[first];
		first = (first + 1) % JOBS;
		count--;
		pthread_mutex_unlock(&lock);
		say_version(req, NULL);
		tux_resume(req);
		pthread_mutex_lock(&lock);
	}
	return argument;
}

static enum tux_result in_thread(struct tux_req *req)
{
	const int error = tux_suspend(req);

	if (error != 0)
		return error == -ESTALE ? (enum tux_result)error : TUX_FAIL;
	pthread_mutex_lock(&lock);
	jobs[(first + count++) % JOBS] = req;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return TUX_SUSPEND;
}

static enum tux_result handle(struct tux_req *req)
{
	static const char path[] = "/large";
	struct state *const state = tux_req_memory(req);
	struct tux_str word = tux_req_path(req);
	const char *const slash = memrchr(word.at, '/', word.len);
	const struct tux_str body = tux_req_body(req);

	if (state == NULL || slash == NULL)
		return TUX_FAIL;
	word = (struct tux_str){ slash + 1, word.len - (uint32_t)(slash + 1 - word.at) };
	if (is(word, "version"))
		return say_version(req, state);
	if (is(word, "echo"))
		return (enum tux_result)tux_reply(req, 200, "text/plain", body.at, body.len);
	if (is(word, "wait")) {
		state->then = say_version;
		return (enum tux_result)tux_resume_after(req, WAIT_MS);
	}
	if (is(word, "thread"))
		return in_thread(req);
	if (is(word, "instead"))
		return (enum tux_result)tux_reply_file(req, path, sizeof(path) - 1);
	if (is(word, "by-reference"))
		return (enum tux_result)tux_reply_memory(req, 200, "text/plain", pattern, STREAMED, NULL, NULL);
	if (is(word, "stream")) {
		state->then = pump;
		return tux_stream_begin(req, 200, "text/plain", -1) == 0 ? pump(req, state) : TUX_FAIL;
	}
	if (is(word, "file") || is(word, "copy")) {
		state->then = is(word, "file") ? send_file : copy_file;
		return (enum tux_result)tux_resume_with_file(req, path, sizeof(path) - 1);
	}
	return TUX_DECLINE;
}

static enum tux_result resumed(struct tux_req *req)
{
	struct state *const state = tux_req_memory(req);

	return state->then(req, state);
}

static int load(void)
{
	for (uint32_t i = 0; i < STREAMED; i++)
		pattern[i] = (char)('a' + i % 26);
	return 0;
}

static int start(unsigned number)
{
	pthread_t thread;

	return number == 0 ? -pthread_create(&thread, NULL, run, NULL) : 0;
}

TUX_MODULE(soak, .handle = handle, .resumed = resumed, .load = load, .start = start, .request_bytes = sizeof(struct state));
