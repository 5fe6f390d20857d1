/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "children.h"

enum {
	SIGNAL_TERMINATE = SIGUSR1,
	SIGNAL_KILL = SIGTERM, /* also when the spawner ends */
	KEPT = TUX_SPAWN_STREAMS + 1,
	LOOK_MS = 10,     /* how often it looks for children that are left */
	GIVE_UP_S = 10,   /* a process that the kernel does not end by then is the spawner's */
};

static void range_close(int first, int last)
{
	if (first <= last && close_range((unsigned)first, (unsigned)last, 0) < 0)
		for (; first <= last; first++)
			close(first);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes all but the standard streams, the program's, and news_fd. */
static void others_close(const int fd[TUX_SPAWN_STREAMS], int news_fd)
{
	int kept[KEPT] = { fd[0], fd[1], fd[2], news_fd };
	int i, next = STDERR_FILENO + 1;

	qsort(kept, KEPT, sizeof(*kept), compare);
	for (i = 0; i < KEPT; i++) {
		range_close(next, kept[i] - 1);
		next = kept[i] + 1;
	}
	closefrom(next);
}

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

/* Kills all that is left. Each that ends leaves its own children to us, so it takes rounds. */
static void rest_end(const sigset_t *signals)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	const uint64_t until = now_s() + GIVE_UP_S;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 || now_s() > until) /* ECHILD */
			return;
		tux_children_kill(NULL);
		sigtimedwait(signals, NULL, &pause);
	}
}

/* True if the program has ended; it is not waited for yet. Others that have ended are. */
static bool has_ended(pid_t program)
{
	for (;;) {
		siginfo_t info = { 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == program)
			return true;
		if (info.si_pid == 0)
			return false;
		waitpid(info.si_pid, NULL, 0);
	}
}

/* Waits for the program's end, and does meanwhile what the spawner says. */
static void program_await(pid_t program, const sigset_t *signals)
{
	while (!has_ended(program)) {
		switch (sigwaitinfo(signals, NULL)) {
		case SIGNAL_TERMINATE:
			kill(-program, SIGTERM);
			kill(-program, SIGCONT);
			break;
		case SIGNAL_KILL:
			kill(-program, SIGKILL);
			kill(program, SIGKILL); /* it may not have its group yet */
			tux_children_kill(NULL);
			break;
		default: /* SIGCHLD */
			break;
		}
	}
}

static void report_end(struct tux_keeper_report *report)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_CHILDREN, &usage);
	report->cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	                 (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	report->max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	report->ended = true;
}

static void __attribute__((noreturn)) keep(const struct tux_cgi_rule *rule, struct tux_spawn_request *request,
                                           const int fd[TUX_SPAWN_STREAMS], struct tux_keeper_report *report, int news_fd, uint32_t number,
                                           pid_t spawner)
{
	const pid_t self = getpid();
	sigset_t signals;
	pid_t program;
	int i;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || prctl(PR_SET_PDEATHSIG, SIGNAL_KILL) < 0 || getppid() != spawner)
		_exit(1);
	prctl(PR_SET_NAME, "tux keeper");
	others_close(fd, news_fd);
	/* With another user than ours never a process in whose hands we are until it executes: its user might stop it. */
	program = rule->user.change ? fork() : vfork();
	if (program == 0)
		tux_cgi_become(rule, request, fd, self, &report->failure);
	report->pid = program;
	if (program < 0)
		report->failure = (struct tux_cgi_failure){ TUX_SPAWN_AT_FORK, errno };
	for (i = 0; i < TUX_SPAWN_STREAMS; i++)
		close(fd[i]);
	(void)!write(news_fd, &number, sizeof(number));
	close(news_fd);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGNAL_TERMINATE);
	sigaddset(&signals, SIGNAL_KILL);
	if (program > 0) {
		program_await(program, &signals);
		kill(-program, SIGKILL); /* while the number is not free, so that it is not another's */
		waitpid(program, &report->status, 0);
	}
	rest_end(&signals);
	report_end(report);
	_exit(0);
}

pid_t tux_keeper_start(const struct tux_cgi_rule *rule, struct tux_spawn_request *request, const int fd[TUX_SPAWN_STREAMS],
                       struct tux_keeper_report *report, int news_fd, uint32_t number)
{
	const pid_t spawner = getpid();
	const pid_t keeper = fork();

	if (keeper == 0)
		keep(rule, request, fd, report, news_fd, number, spawner);
	return keeper;
}

void tux_keeper_terminate(pid_t keeper)
{
	kill(keeper, SIGNAL_TERMINATE);
}

void tux_keeper_kill(pid_t keeper)
{
	kill(keeper, SIGNAL_KILL);
	kill(keeper, SIGCONT); /* a program of the same user might have stopped it */
}
