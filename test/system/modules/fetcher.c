/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module that fetches for tests. The query is UPSTREAM|METHOD|TARGET|LIMIT|FIELDS|BODY, percent-encoded: FIELDS are lines that end in '~' in
 * place of CRLF, and a BODY of digits means so many octets. The last segment of the path says how it fetches.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tux/module.h>

struct memory {
	unsigned left; /* fetches after this one */
	unsigned done;
};

static unsigned gone_told;   /* atomic */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct tux_req *req;
} job = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* Decodes the query into parts. Returns their number. */
static int split(struct tux_str query, char *room, char *parts[6])
{
	int count = 0;

	for (uint32_t i = 0; count < 6; i++) {
		char c = i < query.len ? query.at[i] : '|';

		if (i == 0 || room[-1] == '\0')
			parts[count] = room;
		if (c == '%') {
			c = (char)(digit(query.at[i + 1]) * 16 + digit(query.at[i + 2]));
			i += 2;
		} else if (c == '|') {
			c = '\0';
			count++;
		}
		*room++ = c;
	}
	return count;
}

static int fetch(struct tux_req *req)
{
	static char zeros[2 << 20];
	const struct tux_str query = tux_req_query(req);
	char room[8192], fields[8192], *parts[6], *to = fields;
	struct tux_fetch_request ask = { .size = sizeof(ask) };

	if (query.len > sizeof(room) - 8 || split(query, room, parts) != 6)
		return -EINVAL;
	for (const char *from = parts[4]; *from != '\0'; from++) {
		if (*from == '~') {
			*to++ = '\r';
			*to++ = '\n';
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	ask.upstream = parts[0];
	ask.method = *parts[1] != '\0' ? parts[1] : NULL;
	ask.target = parts[2];
	ask.max_answer = (uint32_t)strtoul(parts[3], NULL, 10);
	ask.fields = *fields != '\0' ? fields : NULL;
	ask.body = strspn(parts[5], "0123456789") > 0 ? zeros : parts[5];
	ask.len = ask.body == zeros ? strtoul(parts[5], NULL, 10) : strlen(parts[5]);
	return tux_fetch(req, &ask);
}

static enum tux_result say(struct tux_req *req, const char *text, int number)
{
	char line[64];
	const int len = snprintf(line, sizeof(line), "%s %d\n", text, number);

	return (enum tux_result)tux_reply(req, 200, "text/plain", line, (uint32_t)len);
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str path = tux_req_path(req);
	struct memory *memory = tux_req_memory(req);
	struct tux_str body;
	uint32_t status;
	int result;

	if (memchr(path.at, 'g', path.len) != NULL) /* /gone */
		return say(req, "gone", (int)__atomic_load_n(&gone_told, __ATOMIC_SEQ_CST));
	if (memchr(path.at, 's', path.len) != NULL) { /* /suspend: another thread fetches */
		if (tux_suspend(req) != 0)
			return TUX_FAIL;
		pthread_mutex_lock(&job.lock);
		job.req = req;
		pthread_cond_signal(&job.changed);
		pthread_mutex_unlock(&job.lock);
		return TUX_SUSPEND;
	}
	if (memchr(path.at, 'u', path.len) != NULL) /* /unfetched */
		return say(req, tux_fetched_field(req, "X").at == NULL ? "nothing" : "something", tux_fetched(req, &status, &body));
	if (memory == NULL)
		return TUX_FAIL;
	memory->left = memchr(path.at, '3', path.len) != NULL ? 2 : 0; /* /3: three times */
	result = fetch(req);
	return result < 0 ? say(req, "refused", result) : (enum tux_result)result;
}

static enum tux_result resumed(struct tux_req *req)
{
	struct memory *memory = tux_req_memory(req);
	struct tux_str body, field;
	uint32_t status;
	int result = tux_fetched(req, &status, &body);
	char text[32];

	memory->done++;
	if (memory->left > 0) {
		memory->left--;
		result = fetch(req);
		return result < 0 ? say(req, "refused", result) : (enum tux_result)result;
	}
	if (result < 0)
		return say(req, "failed", result);
	field = tux_fetched_field(req, "x-ANSWER");
	if (field.at != NULL && field.len < sizeof(text)) {
		snprintf(text, sizeof(text), "%.*s", (int)field.len, field.at);
		tux_add_field(req, "X-Copied", text);
	}
	snprintf(text, sizeof(text), "%u", memory->done);
	tux_add_field(req, "X-Fetches", text);
	return (enum tux_result)tux_reply(req, status, "text/plain", body.at, body.len);
}

static void gone(struct tux_req *req)
{
	(void)req;
	__atomic_fetch_add(&gone_told, 1, __ATOMIC_SEQ_CST);
}

static void *run(void *argument)
{
	for (;;) {
		struct tux_req *req;
		int result;

		pthread_mutex_lock(&job.lock);
		while (job.req == NULL)
			pthread_cond_wait(&job.changed, &job.lock);
		req = job.req;
		job.req = NULL;
		pthread_mutex_unlock(&job.lock);
		result = fetch(req);
		if (result < 0 && result != -ESTALE) {
			say(req, "refused", result);
			tux_resume(req);
		}
	}
	return argument;
}

static int start(unsigned number)
{
	pthread_t thread;

	return number > 0 ? 0 : -pthread_create(&thread, NULL, run, NULL);
}

TUX_MODULE(fetcher, .handle = handle, .resumed = resumed, .gone = gone, .start = start, .request_bytes = sizeof(struct memory));
