/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads the module, meets the server, starts a station for each pair of rings, and waits for the end of the server. */
#define _GNU_SOURCE 1
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../io/error_log.h"
#include "../io/print.h"
#include "../modules/loaded.h"
#include "station.h"

enum {
	ERROR_BYTES = 512,
	STACK_BYTES = 1 << 20, /* of a thread: default ones of many threads would not fit the limit of memory */
	STOP_S = 1, /* for threads that are in the module at the end */
	STOPPED = 0, /* exit statuses */
	FAILED = 1,
};

struct host {
	struct tux_loaded *loaded;
	struct tux_engine_config config;
	struct wire_pair *pair;
	struct station *station;
	unsigned stations;
	bool stopping;       /* atomic */
	struct buffer names; /* of upstreams, each ending in NUL */
};

/* Receives the names of upstreams. Returns false with errno. */
static bool receive_names(struct host *host, int control_fd, uint64_t bytes)
{
	unsigned count;

	errno = EPROTO;
	if (bytes > CONTROL_NAMES)
		return false;
	while (host->names.len < bytes) {
		char piece[CONTROL_PIECE];
		const int len = control_receive(control_fd, piece, sizeof(piece), NULL, 0, &count);

		if (len <= 0 || (uint64_t)len > bytes - host->names.len || !buffer_keep(&host->names, (const uint8_t *)piece, (uint32_t)len))
			return false;
	}
	return bytes == 0 || host->names.data[bytes - 1] == '\0';
}

/* Receives the shared memory, the pipes and the names. Returns false with errno, also if the server has ended. */
static bool meet_server(struct host *host, int control_fd)
{
	struct control_hello hello = { 0 };
	struct stat st;
	int memory_fd;
	unsigned count;

	errno = EPROTO;
	if (control_receive(control_fd, &hello, sizeof(hello), &memory_fd, 1, &count) != (int)sizeof(hello) || count != 1 || hello.version != WIRE_VERSION ||
	    hello.threads == 0 || hello.threads > TUX_MAX_THREADS || hello.bytes != hello.threads * sizeof(struct wire_pair) ||
	    fstat(memory_fd, &st) != 0 || (uint64_t)st.st_size != hello.bytes)
		return false;
	host->pair = mmap(NULL, hello.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	close(memory_fd);
	if (host->pair == MAP_FAILED)
		return false;
	host->station = calloc(hello.threads, sizeof(*host->station));
	if (host->station == NULL)
		return false;
	while (host->stations < hello.threads) {
		struct control_threads group = { 0 };
		int fds[2 * CONTROL_GROUP];

		errno = EPROTO;
		if (control_receive(control_fd, &group, sizeof(group), fds, 2 * CONTROL_GROUP, &count) != (int)sizeof(group) || group.first != host->stations ||
		    group.count == 0 || group.count > hello.threads - host->stations || count != 2 * group.count)
			return false;
		for (unsigned i = 0; i < group.count; i++) {
			struct station *station = &host->station[host->stations++];

			station->wake_fd = fds[2 * i];
			station->server_fd = fds[2 * i + 1];
		}
	}
	return receive_names(host, control_fd, hello.names);
}

/* Opens what the threads need. Returns false with errno. */
static bool open_stations(struct host *host)
{
	for (unsigned i = 0; i < host->stations; i++) {
		struct station *station = &host->station[i];

		station->loaded = host->loaded;
		station->stopping = &host->stopping;
		station->upstreams = &host->names;
		station->in = (struct wire_end){ .ring = &host->pair[i].to_module };
		station->out = (struct wire_end){ .ring = &host->pair[i].to_server };
		if (!station_open(station))
			return false;
	}
	return true;
}

/* Starts the threads. Returns false with errno. */
static bool start_stations(struct host *host)
{
	for (unsigned i = 0; i < host->stations; i++) {
		const int error = pthread_create(&host->station[i].id, NULL, station_serve, &host->station[i]);

		errno = error;
		if (error != 0)
			return false;
	}
	return true;
}

/* Ends the threads. Returns false if one does not return from the module. */
static bool stop_stations(struct host *host)
{
	static const uint64_t one = 1;
	struct timespec end;
	bool all = true;

	__atomic_store_n(&host->stopping, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < host->stations; i++)
		(void)!write(host->station[i].calls.inbox.event_fd, &one, sizeof(one));
	clock_gettime(CLOCK_REALTIME, &end); /* ThreadSanitizer does not know pthread_clockjoin_np() */
	end.tv_sec += STOP_S;
	for (unsigned i = 0; i < host->stations && all; i++)
		all = pthread_timedjoin_np(host->station[i].id, NULL, &end) == 0;
	return all;
}

/* Sets the stacks of all threads of the process. */
static void limit_stacks(void)
{
	pthread_attr_t attributes;

	if (pthread_attr_init(&attributes) != 0)
		return;
	if (pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0)
		pthread_setattr_default_np(&attributes);
	pthread_attr_destroy(&attributes);
}

static void fail(const struct tux_module_config *module, const char *error)
{
	char front[128];

	/* errors of modules_load() name the module already */
	print(front, sizeof(front), "module %s:", module->name);
	if (strncmp(error, front, strlen(front)) == 0)
		error += strlen(front) + 1;
	say(front, error, (uint32_t)strlen(error));
}

int isolated_host(const struct tux_module_config *module, int object_fd, int control_fd, const struct isolated_host_steps *steps)
{
	static struct host host;
	struct control_ready ready;
	char error[ERROR_BYTES] = "";
	struct pollfd end = { .fd = control_fd, .events = POLLIN };

	limit_stacks();
	host.config = (struct tux_engine_config){ .modules = module, .module_count = 1 };
	host.loaded = modules_load_copy(module, object_fd, error, sizeof(error));
	if (host.loaded == NULL || !steps->enclose(steps->context, error, sizeof(error))) {
		fail(module, error);
		return FAILED;
	}
	if (!meet_server(&host, control_fd)) {
		print(error, sizeof(error), "the server cannot be understood: %s", strerror(errno));
		fail(module, error);
		return FAILED;
	}
	host.config.threads = host.stations;
	if (!modules_start(host.loaded, &host.config, error, sizeof(error)) || !steps->restrain(steps->context, error, sizeof(error))) {
		fail(module, error);
		return FAILED;
	}
	ready = *steps->ready;
	ready.flags = host.loaded->module->flags;
	/* The message precedes the first request, which may end this process: the server would take that for a start that failed. */
	if (!open_stations(&host) || !control_send(control_fd, &ready, sizeof(ready), NULL, 0) || !start_stations(&host)) {
		print(error, sizeof(error), "its threads cannot be started: %s", strerror(errno));
		fail(module, error);
		return FAILED;
	}
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	if (stop_stations(&host) && modules_stop(host.loaded, 1))
		modules_unload(host.loaded, 1);
	_exit(STOPPED);
}
