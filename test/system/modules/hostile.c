// SPDX-License-Identifier: GPL-2.0-or-later
/* A module that misbehaves as the path says. It runs isolated. */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tux/module.h>

#include "../../../engine/isolated/record.c"
#include "../../../engine/isolated/wire.h"

/* Returns the end of the memory that is mapped from a file whose name contains name. */
static char *memory(const char *name, size_t *bytes)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	char *found = NULL;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;

		if (strstr(line, name) != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2) {
			found = (char *)from;
			*bytes = to - from;
			break;
		}
	}
	if (maps != NULL)
		fclose(maps);
	return found;
}

enum { RING = 128 + 256 * 1024 }; /* bytes, with its positions */

static char *rings;
static size_t rings_bytes;

static int start(unsigned thread)
{
	(void)thread;
	rings = memory("tux module", &rings_bytes);
	return 0;
}

static enum tux_result crash(void)
{
	*(volatile int *)8 = 1;
	return TUX_DONE;
}

/* Reports what the process may do. */
static enum tux_result rights(struct tux_req *req)
{
	char text[512];
	const int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC), own = open("/own.txt", O_RDONLY | O_CLOEXEC);
	const int kills = kill(getppid(), 0) == 0;
	const int made = open("/made.txt", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), net = socket(AF_INET, SOCK_STREAM, 0);
	const pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	snprintf(text, sizeof(text), "uid %u, passwd %d, own %d, made %d, net %d, fork %d, kill %d\n", getuid(), file >= 0, own >= 0, made >= 0, net >= 0, pid > 0,
	         kills);
	return tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

/* Fills in a record about a request to an upstream: UPSTREAM,LIMIT,BODY,TARGET. Returns its length. */
static uint32_t fill_fetch(char *to, const char *text)
{
	struct wire_fetch fetch = { .body_len = 0 };
	char *end;

	fetch.upstream = (uint32_t)strtoul(text, &end, 10);
	fetch.max_bytes = (uint32_t)strtoul(end + 1, &end, 10);
	fetch.body_len = strtoull(end + 1, &end, 10);
	memcpy(to, &fetch, sizeof(fetch));
	return (uint32_t)(sizeof(fetch) + (size_t)sprintf(to + sizeof(fetch), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", end + 1));
}

/* Fills in records that are not about files. Returns false if the word names none of them. */
static bool fill_other(struct wire_record *record, char *to, const char *what, const char *text)
{
	const struct wire_room room = { .taken = strtoull(text, NULL, 10) };
	const struct wire_reply tunnel = { .result = WIRE_TUNNEL, .status = 101, .type_len = (uint32_t)strlen(text), .total = UINT64_MAX };

	memset(to, 'x', 256);
	if (strcmp(what, "fetch") == 0) {
		record->kind = WIRE_FETCH;
		record->len = fill_fetch(to, text);
	} else if (strcmp(what, "body") == 0) {
		record->kind = WIRE_FETCH_BODY;
		record->len = (uint32_t)room.taken;
	} else if (strcmp(what, "taken") == 0 || strcmp(what, "received") == 0) {
		record->kind = *what == 't' ? WIRE_TAKEN : WIRE_RECEIVED;
		record->len = sizeof(room);
		memcpy(to, &room, sizeof(room));
	} else if (strcmp(what, "tunnel") == 0) {
		record->kind = WIRE_REPLY;
		record->len = (uint32_t)(sizeof(tunnel) + strlen(text));
		memcpy(to, &tunnel, sizeof(tunnel));
		memcpy(to + sizeof(tunnel), text, strlen(text));
	} else if (strcmp(what, "half") == 0) {
		record->kind = WIRE_END;
		record->len = 0;
		record->flags = WIRE_HALF;
	} else {
		return false;
	}
	return true;
}

/* Writes a record to the server in place of the thread, for the last request that it has got. */
static void lie(const char *what, const char *text)
{
	char other[512];
	struct wire_pair *pair = (struct wire_pair *)rings;
	struct wire_end end = { .ring = &pair->to_server, .at = pair->to_server.head };
	struct wire_record record = { .len = 0 }, last = { .len = 0 };
	struct wire_reply reply = { .result = WIRE_STREAM, .status = 200 };
	struct wire_part_of_file part = { .len = 0 };
	const char *comma = strchr(text, ',');
	const void *bytes = &part;
	uint8_t *to = end.ring->bytes + end.at;

	for (uint64_t at = 0; at < pair->to_module.head; at += wire_bytes(record.len)) {
		memcpy(&record, pair->to_module.bytes + at, sizeof(record));
		last = record.kind == WIRE_CALL ? record : last;
	}
	part.off = reply.total = strtoull(text, NULL, 10);
	part.len = comma != NULL ? strtoull(comma + 1, NULL, 10) : 0;
	last.len = sizeof(part);
	last.kind = strcmp(what, "file") == 0 ? WIRE_FILE : strcmp(what, "read") == 0 ? WIRE_READ_FILE : strcmp(what, "data") == 0 ? WIRE_DATA : WIRE_END;
	if (fill_other(&last, other, what, text)) {
		bytes = other;
	} else if (strcmp(what, "begin") == 0) {
		bytes = &reply;
		last.len = sizeof(reply);
		last.kind = WIRE_REPLY;
	} else if (strcmp(what, "lookup") == 0) {
		bytes = text;
		last.len = (uint32_t)strlen(text);
		last.kind = WIRE_LOOKUP;
	}
	memcpy(to, &last, sizeof(last));
	memcpy(to + sizeof(last), bytes, last.len);
	__atomic_store_n(&end.ring->head, end.at + wire_bytes(last.len), __ATOMIC_RELEASE);
}

/* Wakes the server by one of the descriptors. It sleeps until then, so it sees all records before at once. */
static void wake(void)
{
	for (int fd = 3; fd < 64; fd++)
		if (write(fd, "x", 1) < 0)
			continue;
}

/* Does what the query says: WORD=ARGUMENT of lie(), or wait, for a record of the server; separated by semicolons. */
static void lies(struct tux_str query)
{
	struct wire_pair *pair = (struct wire_pair *)rings;
	const uint64_t head = __atomic_load_n(&pair->to_module.head, __ATOMIC_ACQUIRE);
	char text[256] = "", *save = NULL;

	memcpy(text, query.at, query.len < sizeof(text) ? query.len : 0);
	for (char *word = strtok_r(text, ";", &save); word != NULL; word = strtok_r(NULL, ";", &save)) {
		char *argument = strchr(word, '=');

		if (strcmp(word, "wait") == 0)
			wake();
		while (strcmp(word, "wait") == 0 && __atomic_load_n(&pair->to_module.head, __ATOMIC_ACQUIRE) == head)
			usleep(1000);
		if (argument != NULL) {
			*argument = '\0';
			lie(word, argument + 1);
		}
	}
	wake();
}

static int busy; /* atomic: a thread is in the module */
static char *volatile leaks; /* keeps the compiler from leaving out what is leaked */

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str path = tux_req_path(req);
	const char *const word = path.at + path.len - 4;
	static struct tux_req *kept;
	char text[64];

	if (path.len < 4)
		return TUX_DECLINE;
	if (memcmp(word, "rash", 4) == 0)
		return crash();
	if (memcmp(word, "exit", 4) == 0)
		exit(3);
	if (memcmp(word, "hang", 4) == 0)
		for (;;)
			pause();
	if (memcmp(word, "tail", 4) == 0) { /* the position up to which it has read */
		const uint64_t far = UINT64_C(1) << 60;

		memcpy(rings + 64, &far, sizeof(far));
	}
	if (memcmp(word, "slow", 4) == 0) {
		__atomic_store_n(&busy, 1, __ATOMIC_SEQ_CST);
		usleep(500000);
		__atomic_store_n(&busy, 0, __ATOMIC_SEQ_CST);
	}
	if (memcmp(word, "flod", 4) == 0) /* the socket to the server */
		for (int i = 0; i < 3; i++)
			if (send(0, "ready", 6, 0) < 0)
				break;
	if (memcmp(word, "2043", 4) == 0)
		return tux_reply_fd(req, 204, NULL, dup(2), 0, 100);
	if (memcmp(word, "fill", 4) == 0) { /* the ring to the server is the second one; one of the descriptors wakes the server */
		memset(rings + RING, 0xa5, RING);
		for (int fd = 3; fd < 64; fd++)
			if (write(fd, "x", 1) < 0)
				continue;
		pause();
	}
	if (memcmp(word, "lies", 4) == 0) {
		lies(tux_req_query(req));
		pause();
	}
	if (memcmp(word, "trim", 4) == 0) { /* the memory is sealed */
		for (int fd = 3, shrunk = 0; fd < 64 && !shrunk; fd++)
			shrunk = ftruncate(fd, 0) == 0;
	}
	if (memcmp(word, "keep", 4) == 0) {
		kept = req;
		return tux_suspend(req) == 0 ? TUX_SUSPEND : TUX_FAIL;
	}
	if (memcmp(word, "ghts", 4) == 0)
		return rights(req);
	if (memcmp(word, "many", 4) == 0) {
		void *memory_of = malloc(300u << 20);

		snprintf(text, sizeof(text), "%s\n", memory_of != NULL ? "has" : "lacks");
		free(memory_of);
		return tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
	}
	if (memcmp(word, "leak", 4) == 0) {
		char *leaked = malloc(4u << 20);

		if (leaked == NULL)
			abort();
		memset(leaked, 1, 4u << 20);
		leaks = leaked;
	}
	if (memcmp(word, "says", 4) == 0) {
		fputs("a line of its own\n", stderr);
		puts("another");
		fflush(stdout);
	}
	snprintf(text, sizeof(text), "%d %d\n", (int)getpid(), kept != NULL);
	return tux_reply(req, 200, "text/plain", text, (uint32_t)strlen(text));
}

static int load(void)
{
	const char *how = tux_conf("load");

	if (how != NULL && strcmp(how, "fails") == 0)
		return -ENOENT;
	if (how != NULL && strcmp(how, "slow") == 0)
		sleep(3);
	if (how != NULL && strcmp(how, "forks") == 0) {
		const pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		return pid < 0 ? -errno : 0;
	}
	return 0;
}

/* Stays after the end, and fills what goes to the server. */
static void stay(void)
{
	static const char bytes[4096];

	for (int fd = 3; fd < 64; fd++) {
		const int flags = fcntl(fd, F_GETFL);
		struct stat st;

		if (flags < 0 || (flags & O_ACCMODE) != O_WRONLY || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
			continue;
		while (write(fd, bytes, sizeof(bytes)) > 0)
			continue;
		fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	}
	for (;;)
		if (write(2, bytes, sizeof(bytes)) < 0)
			pause();
}

static void unload(void)
{
	const char *how = tux_conf("unload");

	if (__atomic_load_n(&busy, __ATOMIC_SEQ_CST))
		fputs("unload() was called while a thread was in handle()\n", stderr);
	if (how != NULL && strcmp(how, "stays") == 0)
		stay();
}

TUX_MODULE(hostile, .handle = handle, .load = load, .unload = unload, .start = start);
