/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The requests that client.c sends: their bytes, and the lengths that a response may have. It opens no connection. */
#ifndef BENCH_REQUESTS_H
#define BENCH_REQUESTS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_LENGTHS = 3, /* of a response: the file and its compressed siblings */
};

/* Holds one request, or several that leave together. */
struct message {
	char *bytes;
	uint32_t len;
	uint32_t length_count;
	uint64_t lengths[MAX_LENGTHS];
};

struct requests {
	struct message *messages;
	uint32_t count, next;
	uint64_t random; /* 0 = the messages take turns */

	/* settings */
	uint32_t depth;		/* requests in a message */
	uint64_t length;	/* of responses to paths that name no length; the greatest of all once the messages are built */
	const char *field;	/* a header field line, or NULL */
	bool close;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(error));
	exit(2);
}

static void *allocate(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		die("memory", ENOMEM);
	return p;
}

/* Returns the next of a sequence of random numbers (xorshift64); state is never 0. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const struct message *requests_next(struct requests *requests)
{
	if (requests->random)
		return &requests->messages[random_next(&requests->random) % requests->count];
	if (requests->next == requests->count)
		requests->next = 0;
	return &requests->messages[requests->next++];
}

static inline bool message_expects(const struct message *message, uint64_t length)
{
	for (uint32_t i = 0; i < message->length_count; i++)
		if (message->lengths[i] == length)
			return true;
	return false;
}

/* Reads the lengths after a path, and ends the path before them. */
static void lengths_read(const struct requests *requests, char *line, struct message *message)
{
	char *rest = strchr(line, ' ');

	if (!rest) {
		message->lengths[message->length_count++] = requests->length;
		return;
	}
	*rest++ = 0;
	while (*rest && message->length_count < MAX_LENGTHS)
		message->lengths[message->length_count++] = strtoull(rest, &rest, 10);
}

/* Message i asks for `depth` paths, beginning where message i - 1 ended. */
static void requests_build(struct requests *requests, char **paths, uint32_t count)
{
	uint64_t longest = 0;

	requests->messages = allocate(count, sizeof(*requests->messages));
	requests->count = count;
	for (uint32_t i = 0; i < count; i++) {
		lengths_read(requests, paths[i], &requests->messages[i]);
		for (uint32_t k = 0; k < requests->messages[i].length_count; k++)
			if (requests->messages[i].lengths[k] > longest)
				longest = requests->messages[i].lengths[k];
	}
	requests->length = longest;
	for (uint32_t i = 0; i < count; i++) {
		struct message *message = &requests->messages[i];
		size_t len = 0;
		FILE *out = open_memstream(&message->bytes, &len);

		if (!out)
			die("memory", ENOMEM);
		for (uint32_t k = 0; k < requests->depth; k++)
			fprintf(out, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n", paths[((uint64_t)i * requests->depth + k) % count],
				requests->field ? requests->field : "", requests->field ? "\r\n" : "", requests->close ? "Connection: close\r\n" : "");
		if (fclose(out))
			die("memory", ENOMEM);
		message->len = (uint32_t)len;
	}
}

static uint32_t paths_read(const char *file, char ***paths)
{
	FILE *in = fopen(file, "r");
	char *line = NULL;
	size_t size = 0;
	uint32_t count = 0, room = 0;
	ssize_t len;

	*paths = NULL;
	if (!in)
		die(file, errno);
	while ((len = getline(&line, &size, in)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = 0;
		if (!line[0])
			continue;
		if (count == room) {
			room = room ? room * 2 : 1024;
			*paths = realloc(*paths, room * sizeof(**paths));
			if (!*paths)
				die("memory", ENOMEM);
		}
		(*paths)[count] = strdup(line);
		if (!(*paths)[count++])
			die("memory", ENOMEM);
	}
	free(line);
	fclose(in);
	if (!count)
		die(file, ENODATA);
	return count;
}

#endif
