/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module for tests of requests that end while the module has them, or waits: the last segment of the path says what it does. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tux/module.h>

struct state {
	bool replies; /* gone() gives a reply */
	bool reads;   /* gone() copies the query */
};

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
	if (is(word, "keep")) {
		if (tux_suspend(req) != 0)
			return TUX_FAIL;
		kept = req;
		return TUX_SUSPEND;
	}
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
	const struct state *state = tux_req_memory(req);

	told_gone++;
	if (state->replies) {
		tux_reply(req, 200, "text/plain", "late\n", 5);
		tux_reply_memory(req, 200, "text/plain", seen, sizeof(seen), drop, NULL);
	}
	if (state->reads) {
		const struct tux_str query = tux_req_query(req), field = tux_req_field(req, "X-Of");

		snprintf(seen, sizeof(seen), "%.*s %.*s", (int)query.len, query.at, (int)field.len, field.at);
	}
}

static int load(void)
{
	const char *const name = tux_conf("fifo");

	signals = name != NULL ? open(name, O_RDWR | O_CLOEXEC) : -1;
	return signals >= 0 ? 0 : -ENOENT;
}

TUX_MODULE(lifetimes, .flags = TUX_MODULE_BODY_STREAMED, .handle = handle, .resumed = resumed, .gone = gone, .load = load,
           .request_bytes = sizeof(struct state));
