/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for tests of requests that end while the module has them, or waits: the last segment of the path says what it does. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tux/module.h>

enum { PIECE = 65536 }; /* bytes that fill an empty stream */

struct state {
	bool replies;  /* gone() gives a reply */
	bool reads;    /* gone() copies the query */
	bool returns;  /* gone() lets the thread give the request back, and reads its memory then */
	bool room;     /* writable() was called; protected by lock */
	bool gone;     /* gone() was called; protected by lock */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct tux_req *job; /* of the thread; NULL: it waits for one. Protected by lock */
static void (*job_function)(struct tux_req *req);
static struct tux_req *kept;
static int signals = -1; /* a FIFO, from which the test lets block() return */
static unsigned told_gone, dropped;
static char seen[100];   /* by gone() */

static bool is(struct tux_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

static enum tux_result say(struct tux_req *req, const char *text)
{
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

static void give(struct tux_req *req, void (*function)(struct tux_req *req))
{
	pthread_mutex_lock(&lock);
	job = req;
	job_function = function;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void *run(void *argument)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		struct tux_req *req;

		while (job == NULL)
			pthread_cond_wait(&changed, &lock);
		req = job;
		pthread_mutex_unlock(&lock);
		job_function(req);
		pthread_mutex_lock(&lock);
		job = NULL;
		pthread_cond_broadcast(&changed);
	}
	return argument;
}

/* Thread: writes pieces that fill the stream, so that a write takes all or nothing. */
static void write_pieces(struct tux_req *req)
{
	static const char piece[PIECE];
	struct state *state = tux_req_memory(req);
	unsigned left = 100;

	while (left > 0) {
		int taken;

		pthread_mutex_lock(&lock);
		state->room = false;
		pthread_mutex_unlock(&lock);
		taken = tux_stream_write(req, piece, PIECE);
		if (taken < 0)
			break;
		usleep(2000); /* so that the server sees the stream before the write that takes nothing */
		left -= taken == PIECE;
		pthread_mutex_lock(&lock);
		while (taken == 0 && !state->room && !state->gone)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
	}
	tux_stream_end(req);
	tux_resume(req);
}

static void give_back(struct tux_req *req)
{
	tux_resume(req);
}

/* Suspends a request. function: the thread gets it. */
static enum tux_result suspend(struct tux_req *req, void (*function)(struct tux_req *req))
{
	if (tux_suspend(req) != 0)
		return TUX_FAIL;
	if (function != NULL)
		give(req, function);
	return TUX_SUSPEND;
}

/* Begins a stream that another request continues. */
static enum tux_result keep_stream(struct tux_req *req)
{
	if (tux_stream_begin(req, 200, "text/plain", -1) != 0 || tux_stream_write(req, "begun\n", 6) != 6 || tux_suspend(req) != 0)
		return TUX_FAIL;
	kept = req;
	return TUX_SUSPEND;
}

/* Stops the thread of the server until the test has done something, which it learns in one turn then. */
static enum tux_result block(struct tux_req *req)
{
	char octet;

	tux_log(TUX_LOG_INFO, "blocked", 7);
	return read(signals, &octet, 1) == 1 ? say(req, "unblocked\n") : TUX_FAIL;
}

/* Continues the stream of the other request. */
static enum tux_result more(struct tux_req *req)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", tux_stream_write(kept, "more\n", 5));
	return say(req, text);
}

static enum tux_result release(struct tux_req *req)
{
	char text[32];

	snprintf(text, sizeof(text), "%d\n", tux_resume(kept));
	kept = NULL;
	return say(req, text);
}

static enum tux_result counts(struct tux_req *req)
{
	char text[200];

	snprintf(text, sizeof(text), "gone %u dropped %u seen %s\n", told_gone, dropped, seen);
	return say(req, text);
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str path = tux_req_path(req);
	struct state *state = tux_req_memory(req);
	struct tux_str word = path;

	if (state == NULL)
		return TUX_FAIL;
	for (uint32_t i = 0; i < path.len; i++)
		if (path.at[i] == '/')
			word = (struct tux_str){ path.at + i + 1, path.len - i - 1 };
	if (is(word, "keep-stream"))
		return keep_stream(req);
	if (is(word, "block"))
		return block(req);
	if (is(word, "more"))
		return more(req);
	if (is(word, "release"))
		return release(req);
	if (is(word, "counts"))
		return counts(req);
	if (is(word, "keep"))
		kept = req;
	state->returns = is(word, "return-in-gone");
	if (state->returns || is(word, "keep"))
		return suspend(req, NULL);
	if (is(word, "pieces"))
		return tux_stream_begin(req, 200, "text/plain", -1) == 0 ? suspend(req, write_pieces) : TUX_FAIL;
	if (is(word, "file"))
		return (enum tux_result)tux_reply_file(req, "/file.txt", 9);
	state->replies = is(word, "reply-in-gone");
	state->reads = is(word, "read-in-gone");
	if (state->replies || state->reads)
		return (enum tux_result)tux_resume_after(req, 1000000);
	return say(req, "no such word\n");
}

static enum tux_result resumed(struct tux_req *req)
{
	return say(req, "resumed\n");
}

static void drop(void *argument)
{
	(void)argument;
	dropped++;
}

static void gone(struct tux_req *req)
{
	struct state *state = tux_req_memory(req);

	told_gone++;
	pthread_mutex_lock(&lock);
	state->gone = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	if (state->returns) {
		give(req, give_back);
		pthread_mutex_lock(&lock);
		while (job != NULL)
			pthread_cond_wait(&changed, &lock);
		pthread_mutex_unlock(&lock);
		snprintf(seen, sizeof(seen), "%s", tux_req_memory(req) == state ? "memory" : "nothing");
	}
	if (state->replies) {
		tux_reply(req, 200, "text/plain", "late\n", 5);
		tux_reply_memory(req, 200, "text/plain", seen, sizeof(seen), drop, NULL);
	}
	if (state->reads) {
		const struct tux_str query = tux_req_query(req), field = tux_req_field(req, "X-Of");

		snprintf(seen, sizeof(seen), "%.*s %.*s", (int)query.len, query.at, (int)field.len, field.at);
	}
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
	const char *const name = tux_conf("fifo");

	signals = name != NULL ? open(name, O_RDWR | O_CLOEXEC) : -1;
	return signals >= 0 ? 0 : -ENOENT;
}

static int start(unsigned number)
{
	pthread_t thread;

	return number == 0 ? -pthread_create(&thread, NULL, run, NULL) : 0;
}

TUX_MODULE(lifetimes, .flags = TUX_MODULE_BODY_STREAMED, .handle = handle, .resumed = resumed, .gone = gone, .writable = writable, .load = load,
           .start = start, .request_bytes = sizeof(struct state));
