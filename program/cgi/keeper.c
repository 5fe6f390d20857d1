/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "keeper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "children.h"

enum {
	SIGNAL_TERMINATE = SIGUSR1,
	SIGNAL_KILL = SIGTERM, /* also when the spawner ends */
	MAX_MESSAGE = sizeof(struct tux_spawn_start) + TUX_SPAWN_MAX_TEXT,
	LOOK_MS = 10,     /* pause between searches for remaining children */
	GIVE_UP_S = 10,   /* after that the spawner gets the remaining processes */
};

/* State of the keeper process: its parameters, and the order that it executes. */
static struct {
	const struct tux_cgi_rule *rules;
	struct tux_keeper_report *report;
	int order_fd, news_fd;
	uint32_t number;
	struct tux_spawn_request request;
	uint8_t message[MAX_MESSAGE];
} own;

static void range_close(int first, int last)
{
	if (first <= last && close_range((unsigned)first, (unsigned)last, 0) < 0)
		for (; first <= last; first++)
			close(first);
}

/* Closes all descriptors except the standard streams, the keeper's two, and the files of modules. */
static void others_close(void)
{
	int highest = tux_cgi_rules_highest(own.rules), fd, from = STDERR_FILENO + 1;

	highest = highest > own.order_fd ? highest : own.order_fd;
	highest = highest > own.news_fd ? highest : own.news_fd;
	for (fd = from; fd <= highest; fd++)
		if (fd == own.order_fd || fd == own.news_fd || tux_cgi_rules_have(own.rules, fd)) {
			range_close(from, fd - 1);
			from = fd + 1;
		}
	closefrom(highest + 1);
}

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

/* Like waitpid(), but adds the resource usage of the process and its reaped children to the report. */
static pid_t child_wait(pid_t which, int *status, int flags)
{
	struct tux_keeper_report *const report = own.report;
	struct rusage usage = { 0 };
	const pid_t pid = wait4(which, status, flags, &usage);
	const uint64_t rss_bytes = (uint64_t)usage.ru_maxrss * 1024;

	if (pid <= 0)
		return pid;
	report->cpu_us += (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
	                  (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	if (rss_bytes > report->max_rss_bytes)
		report->max_rss_bytes = rss_bytes;
	return pid;
}

/*
 * Kills all remaining processes. Repeats this, because each ended process leaves its children to the keeper. Returns false if
 * processes remain after GIVE_UP_S.
 */
static bool rest_end(const sigset_t *signals)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	const uint64_t until = now_s() + GIVE_UP_S;
	pid_t pid;

	for (;;) {
		while ((pid = child_wait(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0) /* ECHILD */
			return true;
		if (now_s() > until)
			return false;
		tux_children_kill(NULL);
		sigtimedwait(signals, NULL, &pause);
	}
}

/* True if the program has ended. Does not reap it, but reaps other ended children. */
static bool has_ended(pid_t program)
{
	for (;;) {
		siginfo_t info = { 0 };

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == program)
			return true;
		if (info.si_pid == 0)
			return false;
		child_wait(info.si_pid, NULL, 0);
	}
}

/* Waits for the program's end. Meanwhile executes the spawner's signals. */
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

static void news_write(bool ended)
{
	const struct tux_keeper_news news = { .number = own.number, .ended = ended };

	(void)!write(own.news_fd, &news, sizeof(news));
}

/* Waits for the spawner's next order. Returns false if there are no more orders: the spawner closed its end, or has ended. */
static bool order_take(int fd[TUX_SPAWN_STREAMS])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * TUX_SPAWN_STREAMS)];
	struct iovec iov = { own.message, sizeof(own.message) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	const struct cmsghdr *header;
	ssize_t len;

	do
		len = recvmsg(own.order_fd, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	header = CMSG_FIRSTHDR(&message);
	if (len <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !header ||
	    header->cmsg_len != CMSG_LEN(sizeof(int) * TUX_SPAWN_STREAMS))
		return false;
	memcpy(fd, CMSG_DATA(header), sizeof(int) * TUX_SPAWN_STREAMS);
	return tux_spawn_start_read(own.message, (size_t)len, &own.request);
}

/* Starts the program of own.request. Waits for the end of all processes that it starts. Returns false if some do not end. */
static bool program_keep(const int fd[TUX_SPAWN_STREAMS], const sigset_t *signals)
{
	const struct tux_cgi_rule *const rule = &own.rules[own.request.start.rule];
	const pid_t self = getpid();
	pid_t program;
	int i;

	/*
	 * Not vfork() for another user: the keeper would be suspended until the exec, and that user could stop the child. Nor for a module,
	 * whose start allocates.
	 */
	program = rule->user.change || rule->cgi->module ? fork() : vfork();
	if (program == 0)
		tux_cgi_become(rule, &own.request, fd, self, &own.report->failure);
	own.report->pid = program;
	if (program < 0)
		own.report->failure = (struct tux_cgi_failure){ TUX_SPAWN_AT_FORK, errno };
	for (i = 0; i < TUX_SPAWN_STREAMS; i++)
		close(fd[i]);
	news_write(false);
	if (program > 0) {
		program_await(program, signals);
		kill(-program, SIGKILL); /* before it is reaped, so no other process has its number */
		child_wait(program, &own.report->status, 0);
	}
	return rest_end(signals);
}

/* Discards signals for a program that has ended, so that the next one does not get them. */
static void signals_forget(const sigset_t *signals)
{
	const struct timespec now = { 0 };

	while (sigtimedwait(signals, NULL, &now) > 0)
		;
}

static void __attribute__((noreturn)) keep(pid_t spawner)
{
	int fd[TUX_SPAWN_STREAMS];
	sigset_t signals;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || prctl(PR_SET_PDEATHSIG, SIGNAL_KILL) < 0 || getppid() != spawner)
		_exit(1);
	others_close();
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGNAL_TERMINATE);
	sigaddset(&signals, SIGNAL_KILL);
	while (order_take(fd)) {
		bool all_ended;

		prctl(PR_SET_NAME, "tux keeper");
		all_ended = program_keep(fd, &signals);
		own.report->ended = true;
		if (!all_ended)
			break; /* the spawner becomes the parent of the remaining processes */
		signals_forget(&signals);
		news_write(true);
		prctl(PR_SET_NAME, "tux idle keeper");
	}
	_exit(0);
}

bool tux_keeper_start(struct tux_keeper *keeper, const struct tux_cgi_rule *rules, struct tux_keeper_report *report, int news_fd,
                      uint32_t number)
{
	const pid_t spawner = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	own.rules = rules;
	own.report = report;
	own.order_fd = pair[1];
	own.news_fd = news_fd;
	own.number = number;
	*keeper = (struct tux_keeper){ .pid = fork(), .order_fd = pair[0] };
	if (keeper->pid == 0)
		keep(spawner);
	close(pair[1]);
	if (keeper->pid > 0)
		return true;
	close(pair[0]);
	*keeper = (struct tux_keeper){ .pid = 0 };
	return false;
}

bool tux_keeper_order(const struct tux_keeper *keeper, uint8_t *message, size_t len, const int fd[TUX_SPAWN_STREAMS])
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * TUX_SPAWN_STREAMS)] = { 0 };
	struct iovec iov = { message, len };
	const struct msghdr order = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *const header = CMSG_FIRSTHDR(&order);
	const int size = TUX_SPAWN_BUFFER;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * TUX_SPAWN_STREAMS);
	memcpy(CMSG_DATA(header), fd, sizeof(int) * TUX_SPAWN_STREAMS);
	if (sendmsg(keeper->order_fd, &order, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len)
		return true;
	setsockopt(keeper->order_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* the default may be small */
	return sendmsg(keeper->order_fd, &order, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

void tux_keeper_release(struct tux_keeper *keeper)
{
	if (keeper->pid > 0)
		close(keeper->order_fd);
	*keeper = (struct tux_keeper){ .pid = 0 };
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
