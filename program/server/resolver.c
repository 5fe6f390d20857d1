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
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../engine/io/clock.h"
#include "../settings/upstreams.h"

enum {
	AGAIN_MS = 5000, /* after a name could not be resolved; resolve may be set to less */
	NEVER_MS = 60000,
	FIRST_MS = 2000, /* limit of the server's wait for the first addresses */
	RESTART_MIN_MS = 100,   /* until another resolver replaces one that ended; doubled each time */
	RESTART_MAX_MS = 10000, /* upper limit of that */
	SOUND_MS = 10000,       /* a resolver that ran this long resets the delay */
	END_FD = STDERR_FILENO + 1, /* read end of a pipe to the server */
	READY_FD,                   /* write end of another pipe: closed after the first round */
	PARTNER_FD,                 /* socket between keeper and resolver; each end shows that the other process has ended */
};

/* Writes an address for the workers; len 0 = no address. */
static void tell(struct tux_resolved *resolved, const struct sockaddr_storage *address, uint32_t len)
{
	/* The sequence is odd if a resolver ended while it was writing. */
	const uint32_t sequence = (resolved->sequence + 1) & ~UINT32_C(1);

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

/* Assigns the addresses found to the count servers of one name. A server keeps its address if it was found again. */
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

/* Resolves the names of an upstream; returns false if one of them fails. */
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
				fprintf(stderr, "tux: upstream %s: %s; its requests are 502 until it is\n", upstream->name, error);
		}
		tux_upstreams_free(&found);
	}
	if (good && *failing)
		fprintf(stderr, "tux: upstream %s: its servers are found again\n", upstream->name);
	*failing = !good;
	return good;
}

/* Schedules all upstreams. Discards an address that an earlier resolver was writing when it ended. */
static void begin(const struct tux_engine_config *config, uint64_t due_ms[TUX_MAX_UPSTREAMS])
{
	for (unsigned i = 0; i < config->upstream_count; i++) {
		due_ms[i] = UINT64_MAX;
		for (unsigned k = 0; k < config->upstreams[i].server_count; k++) {
			struct tux_resolved *const resolved = config->upstreams[i].server[k].resolved;

			if (!resolved)
				continue;
			due_ms[i] = 0;
			if (resolved->sequence & 1)
				tell(resolved, NULL, 0);
		}
	}
}

/* Resolves the upstreams that are due. Returns the time of the next round. */
static uint64_t round_make(const struct tux_engine_config *config, uint64_t due_ms[TUX_MAX_UPSTREAMS], bool failing[TUX_MAX_UPSTREAMS])
{
	uint64_t next = clock_ms() + NEVER_MS;

	for (unsigned i = 0; i < config->upstream_count; i++) {
		const struct tux_upstream *const upstream = &config->upstreams[i];
		uint32_t wait_ms = upstream->resolve_ms;

		if (due_ms[i] <= clock_ms()) {
			if (!resolve(upstream, &failing[i]) && wait_ms > AGAIN_MS)
				wait_ms = AGAIN_MS;
			due_ms[i] = clock_ms() + wait_ms;
		}
		if (due_ms[i] < next)
			next = due_ms[i];
	}
	return next;
}

/* Resolves names periodically. Returns when the keeper has ended. */
static void serve(const struct tux_engine_config *config)
{
	static uint64_t due_ms[TUX_MAX_UPSTREAMS];
	static bool failing[TUX_MAX_UPSTREAMS];
	struct pollfd others[2] = { { .fd = END_FD, .events = POLLIN }, { .fd = PARTNER_FD, .events = POLLIN } };

	prctl(PR_SET_NAME, "tux resolver");
	memset(failing, 0, sizeof(failing));
	begin(config, due_ms);
	for (bool first = true;; first = false) {
		const uint64_t next = round_make(config, due_ms, failing);

		if (first) {
			(void)!write(READY_FD, "", 1);
			close(READY_FD);
		}
		if (poll(others, 2, next > clock_ms() ? (int)(next - clock_ms()) : 0) <= 0)
			continue;
		if (others[0].revents)
			_exit(0);
		if (others[1].revents)
			return;
	}
}

static void end_say(int status, uint32_t restart_ms)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "tux: the process that resolves names was ended by signal %d (%s); another starts in %u ms\n", WTERMSIG(status),
		        strsignal(WTERMSIG(status)), restart_ms);
	else
		fprintf(stderr, "tux: the process that resolves names has ended (%d); another starts in %u ms\n", WEXITSTATUS(status), restart_ms);
}

/* Moves fd to PARTNER_FD. Consumes it. */
static void partner_take(int fd)
{
	if (fd == PARTNER_FD)
		return;
	dup2(fd, PARTNER_FD);
	close(fd);
}

/* Starts a resolver. Returns 0 in the child, its pid in the parent, or -1 with errno. */
static pid_t resolver_fork(void)
{
	int pair[2];
	pid_t pid;

	close(PARTNER_FD);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	close(pair[pid == 0 ? 0 : 1]);
	partner_take(pair[pid == 0 ? 1 : 0]);
	if (pid > 0)
		close(READY_FD); /* the server waits only for the first resolver */
	return pid;
}

/* Keeps a resolver running. Exits with the server; returns in the resolver. */
static void keep(void)
{
	struct pollfd others[2] = { { .fd = END_FD, .events = POLLIN }, { .events = POLLIN } };
	uint32_t restart_ms = RESTART_MIN_MS;

	prctl(PR_SET_NAME, "tux names");
	for (;;) {
		const uint64_t started_ms = clock_ms();
		const pid_t pid = resolver_fork();
		int status = 0;

		if (pid == 0)
			return;
		others[1].fd = pid > 0 ? PARTNER_FD : -1;
		if (pid > 0)
			poll(others, 2, -1);
		if (others[0].revents) {
			if (pid > 0)
				kill(pid, SIGKILL); /* a lookup may hang */
			_exit(0);
		}
		if (clock_ms() - started_ms >= SOUND_MS)
			restart_ms = RESTART_MIN_MS;
		if (pid > 0 && waitpid(pid, &status, 0) == pid)
			end_say(status, restart_ms);
		else
			fprintf(stderr, "tux: cannot start the process that resolves names: %s; it is tried again in %u ms\n", strerror(errno), restart_ms);
		if (poll(others, 1, (int)restart_ms) > 0)
			_exit(0);
		restart_ms = restart_ms < RESTART_MAX_MS / 2 ? restart_ms * 2 : RESTART_MAX_MS;
	}
}

/*
 * Runs keeper and resolver. end_fd is the read end of a pipe that closes when the server has ended. PR_SET_PDEATHSIG alone does not
 * suffice, because Landlock keeps signals within the server's own domain. ready_fd gets an octet after the first round.
 */
static void __attribute__((noreturn)) run(const struct tux_engine_config *config, const struct tux_user *user, int end_fd, int ready_fd)
{
	char error[512];
	sigset_t all;

	/* Move both above their final numbers, so that neither overwrites the other. */
	end_fd = fcntl(end_fd, F_DUPFD, PARTNER_FD + 1);
	ready_fd = fcntl(ready_fd, F_DUPFD, PARTNER_FD + 1);
	if (end_fd < 0 || ready_fd < 0 || dup2(end_fd, END_FD) < 0 || dup2(ready_fd, READY_FD) < 0)
		_exit(1);
	closefrom(PARTNER_FD);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (!tux_privileges_drop(user, error, sizeof(error))) {
		fprintf(stderr, "tux: the process that resolves names: %s\n", error);
		_exit(1);
	}
	for (;;) {
		keep();
		serve(config);
		fprintf(stderr, "tux: the process that restarts the one that resolves names has ended; the latter takes its place\n");
	}
}

/* Waits a limited time until all names were looked up once. The resolver continues without the server. */
static void first_await(int ready_fd)
{
	struct pollfd wait = { .fd = ready_fd, .events = POLLIN };

	if (poll(&wait, 1, FIRST_MS) == 0)
		fprintf(stderr, "tux: names of upstream servers are still being resolved; their requests are 502 until they are\n");
}

bool tux_resolver_start(const struct tux_engine_config *config, const struct tux_user *user, char *error, size_t error_size)
{
	struct tux_resolved *resolved;
	unsigned i, k, count = 0;
	int end[2], ready[2] = { -1, -1 };
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
	pid = pipe2(end, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0 ? fork() : -1;
	if (pid == 0) {
		close(end[1]);
		run(config, user, end[0], ready[1]);
	}
	if (pid < 0) {
		snprintf(error, error_size, "cannot start the process that resolves names: %s", strerror(errno));
		return false;
	}
	close(end[0]); /* the other end stays open until the server ends */
	close(ready[1]);
	first_await(ready[0]);
	close(ready[0]);
	return true;
}
