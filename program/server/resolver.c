/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "../settings/upstreams.h"

enum {
	AGAIN_MS = 5000, /* after a name could not be resolved, or sooner if resolve says so */
	NEVER_MS = 60000,
	END_FD = STDERR_FILENO + 1, /* the reading end of the pipe to the server */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Writes an address for the engine's threads; len 0: the server has none. */
static void tell(struct tux_resolved *resolved, const struct sockaddr_storage *address, uint32_t len)
{
	const uint32_t sequence = resolved->sequence;

	__atomic_store_n(&resolved->sequence, sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (len > 0)
		memcpy(&resolved->address, address, len);
	__atomic_store_n(&resolved->len, len, __ATOMIC_RELAXED);
	__atomic_store_n(&resolved->sequence, sequence + 2, __ATOMIC_RELEASE);
}

static bool is_address(const struct tux_resolved *resolved, const struct tux_upstream_server *one)
{
	return resolved->len == one->address_len && memcmp(&resolved->address, &one->address, one->address_len) == 0;
}

/* Gives the count servers of one name the addresses found: those that a server has already stay there. */
static void share(const struct tux_upstream_server *server, unsigned count, const struct tux_upstream *found)
{
	bool placed[TUX_MAX_UPSTREAM_SERVERS] = { false };
	unsigned i, k, addresses = 0;

	while (addresses < found->server_count && found->server[addresses].address_len > 0)
		addresses++;

	for (i = 0; i < count; i++) {
		for (k = 0; k < addresses && (placed[k] || !is_address(server[i].resolved, &found->server[k])); k++)
			;
		if (k < addresses)
			placed[k] = true;
		else if (server[i].resolved->len > 0)
			tell(server[i].resolved, NULL, 0);
	}
	for (i = 0, k = 0; i < count; i++) {
		while (k < addresses && placed[k])
			k++;
		if (server[i].resolved->len > 0 || k == addresses)
			continue;
		tell(server[i].resolved, &found->server[k].address, found->server[k].address_len);
		placed[k] = true;
	}
}

/* Resolves the names of an upstream; false if one cannot be. */
static bool resolve(const struct tux_upstream *upstream, bool *failing)
{
	bool good = true;
	unsigned i, count;

	for (i = 0; i < upstream->server_count; i += count) {
		const struct tux_upstream_server *const server = &upstream->server[i];
		struct tux_upstream_table found = { 0 };
		char error[512] = "";

		for (count = 1; i + count < upstream->server_count && server[count].name == server->name; count++)
			;
		if (!server->resolved)
			continue;
		if (tux_upstreams_find(&found, server->name, error, sizeof(error)) == 0 && !*error) {
			share(server, count, found.upstream);
		} else {
			good = false;
			if (!*failing)
				fprintf(stderr, "tux: upstream %s: %s\n", upstream->name, error);
		}
		tux_upstreams_free(&found);
	}
	if (good && *failing)
		fprintf(stderr, "tux: upstream %s: its servers are found again\n", upstream->name);
	*failing = !good;
	return good;
}

/*
 * end_fd is the reading end of a pipe whose other end the server has: it closes when the server has ended. PR_SET_PDEATHSIG alone
 * is no sign, because Landlock keeps signals within the server's own domain.
 */
static void __attribute__((noreturn)) run(const struct tux_engine_config *config, const struct tux_user *user, int end_fd)
{
	static uint64_t due_ms[TUX_MAX_UPSTREAMS];
	static bool failing[TUX_MAX_UPSTREAMS];
	struct pollfd server = { .fd = END_FD, .events = POLLIN };
	char error[512];
	sigset_t all;
	unsigned i;

	if (end_fd != END_FD && dup2(end_fd, END_FD) < 0)
		_exit(1);
	closefrom(END_FD + 1);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "tux resolver");
	if (!tux_privileges_drop(user, error, sizeof(error))) {
		fprintf(stderr, "tux: the process that resolves names: %s\n", error);
		_exit(1);
	}
	for (i = 0; i < config->upstream_count; i++) {
		due_ms[i] = now_ms() + config->upstreams[i].resolve_ms;
		for (unsigned k = 0; k < config->upstreams[i].server_count; k++)
			if (config->upstreams[i].server[k].resolved && config->upstreams[i].server[k].address_len == 0 &&
			    (k == 0 || config->upstreams[i].server[k - 1].name != config->upstreams[i].server[k].name)) {
				failing[i] = true; /* it was said when the configuration was read */
				due_ms[i] = 0;
			}
	}
	for (;;) {
		uint64_t next = now_ms() + NEVER_MS;

		for (i = 0; i < config->upstream_count; i++) {
			const struct tux_upstream *const upstream = &config->upstreams[i];
			uint32_t wait_ms = upstream->resolve_ms;

			if (due_ms[i] <= now_ms()) {
				if (!resolve(upstream, &failing[i]) && wait_ms > AGAIN_MS)
					wait_ms = AGAIN_MS;
				due_ms[i] = now_ms() + wait_ms;
			}
			if (due_ms[i] < next)
				next = due_ms[i];
		}
		if (poll(&server, 1, next > now_ms() ? (int)(next - now_ms()) : 0) > 0)
			_exit(0);
	}
}

bool tux_resolver_start(const struct tux_engine_config *config, const struct tux_user *user, char *error, size_t error_size)
{
	struct tux_resolved *resolved;
	unsigned i, k, count = 0;
	int end[2];
	pid_t pid;

	for (i = 0; i < config->upstream_count; i++)
		for (k = 0; k < config->upstreams[i].server_count; k++)
			count += config->upstreams[i].server[k].named;
	if (count == 0)
		return true;
	resolved = mmap(NULL, count * sizeof(*resolved), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (resolved == MAP_FAILED) {
		snprintf(error, error_size, "no memory for the addresses of upstream servers");
		return false;
	}
	for (i = 0, count = 0; i < config->upstream_count; i++)
		for (k = 0; k < config->upstreams[i].server_count; k++) {
			struct tux_upstream_server *const server = (struct tux_upstream_server *)(uintptr_t)&config->upstreams[i].server[k];

			if (!server->named)
				continue;
			server->resolved = &resolved[count++];
			if (server->address_len > 0)
				tell(server->resolved, &server->address, server->address_len);
		}
	pid = pipe2(end, O_CLOEXEC) == 0 ? fork() : -1;
	if (pid == 0) {
		close(end[1]);
		run(config, user, end[0]);
	}
	if (pid < 0)
		snprintf(error, error_size, "cannot start the process that resolves names: %s", strerror(errno));
	else
		close(end[0]); /* the other end stays open as long as the server runs */
	return pid > 0;
}
