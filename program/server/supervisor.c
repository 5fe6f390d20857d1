/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../config/config.h"
#include "server_process.h"
#include "root.h"
#include "root_watcher.h"
#include "serve.h"
#include "systemd.h"

enum {
	MAX_GENERATIONS = 32,   /* processes at a time; for one more the longest retired one has to stop */
	MAX_START_MS = 60000,   /* until a new one serves */
	MAX_END_MS = 10000,     /* beyond its drain timeout, until one that was told to stop is killed */
	RESTART_MIN_MS = 100,   /* after a crash; doubled with each that follows soon, */
	RESTART_MAX_MS = 10000, /* up to this */
	RENEW_AGAIN_MS = 1000,  /* after a process that was to serve a replaced root could not */
	SOUND_MS = 10000,       /* a generation that served this long is none that crashes at once */
	LOOK_MS = 50,           /* while there is something to wait for that no descriptor tells */
	EXIT_USAGE = 2,
	ERROR_MAX = 512,
};

/* What a file says, and its sockets. */
struct configuration {
	struct tux_command command;
	struct tux_config *config; /* NULL: there is no file */
	struct tux_addresses addresses;
	struct tux_root_watcher watcher; /* of its document roots, as the newest generation has opened them */
	bool roots_changed;
};

struct supervisor {
	int argc;
	char **argv;
	const char *path;
	struct configuration memory[2];
	struct configuration *current; /* in force */
	struct configuration *next;    /* of the generation that starts, if it is new; else it has none */
	struct tux_generation generation[MAX_GENERATIONS]; /* the oldest first */
	unsigned count;
	int signal_fd;
	int passed_fd, pass_fd; /* idle connections go from those that retired, by the second, to the one that serves, by the first */
	sigset_t before;      /* the signals that were blocked when we were started */
	bool reload_due;      /* SIGHUP came while that was not possible */
	bool reloaded;        /* SIGHUP has come */
	bool renewing;        /* the generation that starts is there because a document root was replaced */
	uint64_t renew_at_ms; /* not before: one that was to serve a new root has failed */
	bool stopping;
	uint64_t close_at_ms; /* when stopping: the sockets, which generations still accept on */
	uint64_t restart_at_ms; /* 0: nothing is to be started again */
	uint32_t restart_ms;  /* the wait after the next crash */
	int status;           /* what to exit with */
};

static struct tux_generation *find(struct supervisor *supervisor, enum tux_generation_state state)
{
	unsigned i;

	for (i = 0; i < supervisor->count; i++)
		if (supervisor->generation[i].state == state)
			return &supervisor->generation[i];
	return NULL;
}

static void forget(struct configuration *configuration)
{
	tux_root_watcher_end(&configuration->watcher);
	configuration->roots_changed = false;
	tux_command_free(&configuration->command);
	tux_config_free(configuration->config);
	configuration->config = NULL;
}

/* Reads the file, if there is one, and the command line. 0, or the exit status for what was wrong, and has been said. */
static int command_read(const struct supervisor *supervisor, struct configuration *configuration)
{
	struct tux_command *const command = &configuration->command;
	char error[ERROR_MAX];

	tux_command_defaults(command);
	command->upstreams.resolved_later = true;
	if (supervisor->path)
		configuration->config = tux_config_read(supervisor->path, command, stderr);
	if (supervisor->path && !configuration->config)
		return EXIT_FAILURE;
	if (tux_command_parse(supervisor->argc, supervisor->argv, command, error, sizeof(error)))
		return 0;
	fprintf(stderr, "tux: %s\n", error);
	return EXIT_USAGE;
}

/* Reads the configuration, and opens what before (or NULL) has not. 0, or the exit status for what was wrong, and has been said. */
static int configuration_open(const struct supervisor *supervisor, struct configuration *configuration,
                              const struct configuration *before)
{
	struct tux_command *const command = &configuration->command;
	const char *specs[TUX_MAX_LISTENERS];
	char error[ERROR_MAX];
	int status = command_read(supervisor, configuration);

	if (status != 0) {
		forget(configuration);
		return status;
	}
	if (tux_addresses_open(&configuration->addresses, before ? &before->addresses : NULL, specs, tux_command_listens(command, specs),
	                       (uint16_t)command->port, tux_serve_threads(command), error, sizeof(error)))
		return 0;
	fprintf(stderr, "tux: %s\n", error);
	forget(configuration);
	return EXIT_FAILURE;
}

/* Closes what it has alone, and forgets it. */
static void configuration_close(struct configuration *configuration, const struct configuration *kept)
{
	tux_addresses_unlink(&configuration->addresses, kept ? &kept->addresses : NULL);
	tux_addresses_close(&configuration->addresses, kept ? &kept->addresses : NULL);
	forget(configuration);
}

/* In the new process: nothing of ours is its own but the sockets of its configuration. */
static _Noreturn void be_generation(struct supervisor *supervisor, const struct configuration *configuration, int fd, int noted_fd)
{
	const struct tux_charge charge = {
		&configuration->addresses, fd, supervisor->passed_fd, supervisor->pass_fd, configuration == supervisor->current, supervisor->renewing,
	};
	unsigned i;

	for (i = 0; i < supervisor->count; i++)
		close(supervisor->generation[i].fd);
	for (i = 0; i < 2; i++)
		tux_root_watcher_leave(&supervisor->memory[i].watcher);
	if (supervisor->current && supervisor->current != configuration)
		tux_addresses_close(&supervisor->current->addresses, &configuration->addresses);
	close(supervisor->signal_fd);
	tux_service_disconnect();
	prctl(PR_SET_NAME, "tux", 0, 0, 0);
	sigprocmask(SIG_SETMASK, &supervisor->before, NULL);
	tux_root_watcher_await(noted_fd);
	exit(tux_serve(&configuration->command, &charge));
}

/* Starts a generation. False, and said, if that cannot be. There is room for it. */
static bool launch(struct supervisor *supervisor, struct configuration *configuration)
{
	const struct tux_command *const command = &configuration->command;
	struct tux_generation generation = { .drain_ms = tux_serve_drain_delay(command) + command->drain_timeout_ms };
	struct tux_root_watcher watcher;
	int forked, noted_fd;

	/* Before it opens them: a root that is replaced meanwhile is noticed. */
	forked = tux_root_watcher_start(&watcher, command, &noted_fd) ? tux_generation_fork(&generation) : -1;
	if (forked < 0) {
		fprintf(stderr, "tux: cannot start a process: %s\n", strerror(errno));
		tux_root_watcher_end(&watcher);
		if (noted_fd >= 0)
			close(noted_fd);
		return false;
	}
	if (forked == 0) {
		tux_root_watcher_leave(&watcher);
		be_generation(supervisor, configuration, generation.fd, noted_fd);
	}
	close(noted_fd);
	tux_root_watcher_end(&configuration->watcher);
	configuration->watcher = watcher;
	configuration->roots_changed = false;
	supervisor->generation[supervisor->count++] = generation;
	return true;
}

/* Whether another generation has room; if not, the longest retired one is told to make some. */
static bool has_room(struct supervisor *supervisor)
{
	struct tux_generation *oldest = find(supervisor, TUX_GENERATION_RETIRED);

	if (supervisor->count < MAX_GENERATIONS)
		return true;
	if (oldest && !find(supervisor, TUX_GENERATION_STOPPING))
		tux_generation_order(oldest, TUX_ORDER_STOP);
	return false;
}

/* The new configuration is none; the log is reopened all the same. */
static void stay(struct supervisor *supervisor)
{
	struct tux_generation *serving = find(supervisor, TUX_GENERATION_SERVING);

	if (supervisor->path)
		fprintf(stderr, "tux: %s is not taken: what it said before stays in force\n", supervisor->path);
	else
		fprintf(stderr, "tux: reload failed, keeping the process that serves\n");
	if (serving)
		tux_generation_order(serving, TUX_ORDER_REOPEN);
	tux_service_notify("READY=1\nSTATUS=The configuration file is not taken: what it said before stays in force.");
}

/* SIGHUP. Whatever is in the way of it now calls this again when it is gone. */
static void reload(struct supervisor *supervisor)
{
	struct configuration *const next = &supervisor->memory[supervisor->current == &supervisor->memory[0]];

	supervisor->reload_due = find(supervisor, TUX_GENERATION_STARTING) || find(supervisor, TUX_GENERATION_RETIRING) ||
	                         !has_room(supervisor);
	if (supervisor->reload_due)
		return;
	supervisor->renewing = false;
	supervisor->reloaded = true;
	tux_service_reloading();
	if (configuration_open(supervisor, next, supervisor->current) != 0) {
		stay(supervisor);
	} else if (launch(supervisor, next)) {
		supervisor->next = next;
	} else {
		configuration_close(next, supervisor->current);
		stay(supervisor);
	}
}

/* The new configuration is in force: nobody serves any other to whom connects now. */
static void taken(struct supervisor *supervisor)
{
	if (supervisor->path && !supervisor->renewing)
		fprintf(stderr, "tux: %s is in force\n", supervisor->path);
	else if (supervisor->reloaded && !supervisor->renewing)
		fprintf(stderr, "tux: reloaded\n");
	tux_service_notify("READY=1\nSTATUS=");
}

/* Which listeners of one configuration another one has, too. */
static void listeners_compare(const struct tux_addresses *from, const struct tux_addresses *to, bool stays[TUX_MAX_LISTENERS])
{
	unsigned i, k;

	for (i = 0; i < TUX_MAX_LISTENERS; i++) {
		stays[i] = false;
		for (k = 0; i < from->count && k < to->count; k++)
			stays[i] = stays[i] || from->listener[i].fd[0] == to->listener[k].fd[0];
	}
}

/* A generation serves. What the one before has alone is closed here first, so that nobody connects behind its last look. */
static void take_over(struct supervisor *supervisor, struct tux_generation *generation)
{
	struct tux_generation *before = find(supervisor, TUX_GENERATION_SERVING);
	bool stays[TUX_MAX_LISTENERS] = { false };

	tux_generation_enter(generation, TUX_GENERATION_SERVING);
	if (supervisor->current)
		listeners_compare(&supervisor->current->addresses, &(supervisor->next ? supervisor->next : supervisor->current)->addresses, stays);
	if (supervisor->next) {
		if (supervisor->current) {
			tux_addresses_shut(&supervisor->current->addresses, &supervisor->next->addresses, true);
			tux_addresses_shut(&supervisor->current->addresses, &supervisor->next->addresses, false);
			configuration_close(supervisor->current, supervisor->next);
		}
		supervisor->current = supervisor->next;
		supervisor->next = NULL;
	}
	if (before)
		tux_generation_retire(before, stays);
	else
		taken(supervisor);
}

/* One that served died: at once another, unless that happens again and again. */
static void restart_soon(struct supervisor *supervisor, const struct tux_generation *died)
{
	const bool sound = died->state == TUX_GENERATION_SERVING && tux_generation_age_ms(died) >= SOUND_MS;

	supervisor->restart_at_ms = tux_generation_now_ms();
	if (sound || supervisor->restart_ms == 0) {
		supervisor->restart_ms = RESTART_MIN_MS;
		return;
	}
	fprintf(stderr, "tux: another starts in %u.%u s\n", supervisor->restart_ms / 1000, supervisor->restart_ms % 1000 / 100);
	supervisor->restart_at_ms += supervisor->restart_ms;
	supervisor->restart_ms = supervisor->restart_ms < RESTART_MAX_MS / 2 ? supervisor->restart_ms * 2 : RESTART_MAX_MS;
}

/* A document root was replaced: a process that opens it anew takes over, as after a reload. */
static void renew(struct supervisor *supervisor)
{
	const uint64_t now_ms = tux_generation_now_ms();

	if (!supervisor->current->roots_changed || now_ms < supervisor->renew_at_ms || !has_room(supervisor))
		return;
	supervisor->renewing = true;
	if (!launch(supervisor, supervisor->current))
		supervisor->renew_at_ms = now_ms + RENEW_AGAIN_MS;
}

static void restart(struct supervisor *supervisor)
{
	if (tux_generation_now_ms() < supervisor->restart_at_ms || !has_room(supervisor))
		return;
	supervisor->renewing = false;
	supervisor->restart_at_ms = launch(supervisor, supervisor->current) ? 0 : tux_generation_now_ms() + RESTART_MAX_MS;
}

static void say_end(const struct tux_generation *generation, int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "tux: process %d, which served, was ended by signal %d (%s)\n", (int)generation->pid, WTERMSIG(status),
		        strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != 0 || generation->state == TUX_GENERATION_SERVING)
		fprintf(stderr, "tux: process %d, which served, has ended (%d)\n", (int)generation->pid, WEXITSTATUS(status));
}

/* A generation is gone, and out of the list. */
static void gone(struct supervisor *supervisor, const struct tux_generation *generation, int status)
{
	const bool starting = generation->state == TUX_GENERATION_STARTING;

	if (generation->state == TUX_GENERATION_RETIRING && !supervisor->stopping)
		taken(supervisor);
	if (!(supervisor->stopping && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) && (!starting || WIFSIGNALED(status)))
		say_end(generation, status);
	if (supervisor->stopping)
		return;
	if (starting && !supervisor->current) { /* the first: it has said why */
		supervisor->stopping = true;
		supervisor->status = EXIT_FAILURE;
	} else if (starting && supervisor->next) {
		configuration_close(supervisor->next, supervisor->current);
		supervisor->next = NULL;
		stay(supervisor);
	} else if (starting && supervisor->renewing) {
		supervisor->current->roots_changed = true;
		supervisor->renew_at_ms = tux_generation_now_ms() + RENEW_AGAIN_MS;
	}
	if (supervisor->current && supervisor->restart_at_ms == 0 && !find(supervisor, TUX_GENERATION_SERVING) &&
	    !find(supervisor, TUX_GENERATION_STARTING))
		restart_soon(supervisor, generation);
}

/* True if it was a watcher, and not of a configuration that is left. One that fails is replaced together with the server process. */
static bool watcher_ended(struct supervisor *supervisor, pid_t pid, int status)
{
	for (unsigned i = 0; i < 2; i++) {
		struct configuration *const configuration = &supervisor->memory[i];

		if (configuration->watcher.pid != pid)
			continue;
		tux_root_watcher_leave(&configuration->watcher);
		configuration->roots_changed = true;
		if (!tux_root_watcher_saw(status)) {
			fprintf(stderr, "tux: the process that watches document roots has ended; they are opened again\n");
			supervisor->renew_at_ms = tux_generation_now_ms() + RENEW_AGAIN_MS;
		}
		return true;
	}
	return false;
}

/* Ours, and others whose parent we became. */
static void reap(struct supervisor *supervisor)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct tux_generation generation;
		unsigned i;

		if (watcher_ended(supervisor, pid, status))
			continue;
		for (i = 0; i < supervisor->count && supervisor->generation[i].pid != pid; i++)
			;
		if (i == supervisor->count)
			continue;
		generation = supervisor->generation[i];
		supervisor->count--;
		memmove(&supervisor->generation[i], &supervisor->generation[i + 1],
		        (supervisor->count - i) * sizeof(supervisor->generation[0]));
		close(generation.fd);
		gone(supervisor, &generation, status);
	}
}

/*
 * Gives up the sockets, and removes the files of Unix ones. TCP listeners are shut here, because some kernels do not permit it to the
 * server process, which has no privileges.
 */
static void addresses_close(struct supervisor *supervisor)
{
	if (supervisor->current)
		tux_addresses_shut(&supervisor->current->addresses, NULL, true);
	if (supervisor->next)
		configuration_close(supervisor->next, supervisor->current);
	if (supervisor->current)
		configuration_close(supervisor->current, NULL);
	supervisor->next = supervisor->current = NULL;
}

/* The first time generations finish what is under way, the second time they end at once. */
static void stop(struct supervisor *supervisor)
{
	const enum tux_order order = supervisor->stopping ? TUX_ORDER_END : TUX_ORDER_STOP;
	unsigned i;

	if (supervisor->stopping) {
		addresses_close(supervisor);
	} else {
		tux_service_notify("STOPPING=1\nSTATUS=Not ready: it stops.");
		supervisor->close_at_ms = tux_generation_now_ms();
		if (supervisor->current)
			supervisor->close_at_ms += tux_serve_drain_delay(&supervisor->current->command);
		supervisor->stopping = true;
		if (tux_generation_now_ms() >= supervisor->close_at_ms)
			addresses_close(supervisor); /* first: the server process looks whether the listeners are shut */
	}
	for (i = 0; i < supervisor->count; i++) {
		struct tux_generation *const generation = &supervisor->generation[i];

		/* One that starts has no clients, and may hang; one that takes orders already keeps the signal blocked. */
		if (generation->state == TUX_GENERATION_STARTING)
			kill(generation->pid, SIGTERM);
		tux_generation_order(generation, order);
	}
}

static void on_signal(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		/* A SIGHUP of the kernel's own: the terminal is gone, and who would stop us then? */
		if (info.ssi_signo != SIGHUP || info.ssi_code == SI_KERNEL) {
			if (info.ssi_signo == SIGINT && !supervisor->stopping && isatty(STDERR_FILENO))
				fputc('\n', stderr); /* behind the terminal's ^C */
			stop(supervisor);
		} else if (!supervisor->stopping) {
			supervisor->reload_due = true;
		}
	}
}

/* Those that take too long are killed. */
static void hurry(struct supervisor *supervisor)
{
	unsigned i;

	for (i = 0; i < supervisor->count; i++) {
		const struct tux_generation *generation = &supervisor->generation[i];
		uint64_t limit_ms;

		if (generation->state == TUX_GENERATION_STARTING)
			limit_ms = MAX_START_MS;
		else if (generation->state == TUX_GENERATION_STOPPING || generation->state == TUX_GENERATION_RETIRING)
			limit_ms = (uint64_t)generation->drain_ms + MAX_END_MS;
		else
			continue;
		if (tux_generation_age_ms(generation) > limit_ms)
			kill(generation->pid, SIGKILL);
	}
}

/* True if a process may be started now that opens replaced roots. */
static bool may_renew(struct supervisor *supervisor)
{
	return supervisor->current && !supervisor->stopping && !supervisor->reload_due && supervisor->restart_at_ms == 0 &&
	       !find(supervisor, TUX_GENERATION_STARTING) && !find(supervisor, TUX_GENERATION_RETIRING);
}

/* Until something happens. */
static void wait_for_something(struct supervisor *supervisor)
{
	const struct tux_generation *starting = find(supervisor, TUX_GENERATION_STARTING);
	const struct tux_generation *retiring = find(supervisor, TUX_GENERATION_RETIRING);
	struct pollfd waits[] = {
		{ .fd = supervisor->signal_fd, .events = POLLIN },
		{ .fd = starting ? starting->fd : -1, .events = POLLIN },
		{ .fd = retiring ? retiring->fd : -1, .events = POLLIN },
	};
	const bool look = starting || retiring || supervisor->restart_at_ms > 0 || supervisor->reload_due ||
	                  find(supervisor, TUX_GENERATION_STOPPING) || (may_renew(supervisor) && supervisor->current->roots_changed);

	poll(waits, 3, look ? LOOK_MS : -1);
}

static void words_take(struct supervisor *supervisor)
{
	struct tux_generation *starting = find(supervisor, TUX_GENERATION_STARTING);
	struct tux_generation *retiring = find(supervisor, TUX_GENERATION_RETIRING);

	if (retiring && tux_generation_done(retiring)) {
		tux_generation_enter(retiring, TUX_GENERATION_RETIRED);
		taken(supervisor);
	}
	if (starting && tux_generation_done(starting))
		take_over(supervisor, starting);
}

static void turn(struct supervisor *supervisor)
{
	wait_for_something(supervisor);
	on_signal(supervisor);
	words_take(supervisor);
	reap(supervisor);
	hurry(supervisor);
	if (supervisor->stopping && (tux_generation_now_ms() >= supervisor->close_at_ms || supervisor->count == 0))
		addresses_close(supervisor);
	if (supervisor->stopping)
		return;
	if (supervisor->reload_due)
		reload(supervisor);
	if (supervisor->restart_at_ms > 0 && !find(supervisor, TUX_GENERATION_STARTING))
		restart(supervisor);
	if (may_renew(supervisor))
		renew(supervisor);
}

/* Signals are read from now on, one after the other. False with errno. */
static bool signals_take(struct supervisor *supervisor)
{
	sigset_t signals;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &supervisor->before);
	supervisor->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return supervisor->signal_fd >= 0;
}

/* As many listening sockets as we may have: each generation raises its own limits. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* One socket for all processes: what the one that reads it does not come to is for the next one. Without it no connection is passed on. */
static void passing_open(struct supervisor *supervisor)
{
	int fd[2] = { -1, -1 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		fprintf(stderr, "tux: reloads will not pass connections on: %s\n", strerror(errno));
	supervisor->passed_fd = fd[0];
	supervisor->pass_fd = fd[1];
}

int tux_supervise(int argc, char **argv, const char *path)
{
	static struct supervisor supervisor; /* its listeners are too many for the stack */

	supervisor.argc = argc;
	supervisor.argv = argv;
	supervisor.path = path;
	supervisor.next = &supervisor.memory[0];
	supervisor.memory[0].watcher.fd = supervisor.memory[1].watcher.fd = -1;
	tux_root_start();
	files_raise();
	supervisor.status = configuration_open(&supervisor, supervisor.next, NULL);
	if (supervisor.status != 0)
		return supervisor.status;
	if (!signals_take(&supervisor)) {
		fprintf(stderr, "tux: cannot wait for signals: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	passing_open(&supervisor);
	tux_service_connect();
	if (!launch(&supervisor, supervisor.next))
		return EXIT_FAILURE;
	prctl(PR_SET_NAME, "tux-supervisor", 0, 0, 0);
	while (!supervisor.stopping || supervisor.count > 0)
		turn(&supervisor);
	return supervisor.status;
}
