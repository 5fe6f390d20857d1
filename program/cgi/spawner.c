/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spawner: one thread that executes the orders of the engine's threads. It starts programs, watches their time, and reports
 * their end. It ends when the last of its sockets closes, and no program outlives it.
 */
#define _GNU_SOURCE 1
#include "spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../engine/io/clock.h"
#include "cgi.h"
#include "children.h"
#include "keepers.h"

enum {
	GRACE_MS = 2000,     /* between SIGTERM and SIGKILL */
	KEEPER_MS = 12000,   /* for a keeper to kill its program and descendants; it gives up itself after ten seconds */
	ASK_MS = 5000,       /* for the engine to state how long the client delayed the program */
	WAIT_MS = 10000,     /* for a request to wait until its program can start; longer is 503 */
	STOP_MS = 3000,      /* for tux_spawner_stop() to wait for the spawner's end */
	END_ROUNDS = 100,    /* searches for remaining processes, at the end */
	END_ROUND_MS = 20,
	AT_ONCE = 16,        /* messages read from one socket in a turn */
	BATCH = 64,
	MAX_MESSAGE = sizeof(struct tux_spawn_start) + TUX_SPAWN_MAX_TEXT,
};

static const uint64_t never = UINT64_MAX;

/* A running program. */
struct program {
	pid_t pid;      /* its keeper; 0 = free place */
	unsigned rule;
	unsigned link;
	uint32_t end;   /* enum tux_spawn_end */
	uint64_t id;
	uint64_t due_ms;  /* time of its next step: the question to the engine, SIGTERM or SIGKILL */
	uint64_t last_ms; /* its final deadline, regardless of the engine */
	bool asked;       /* the engine was asked and has not answered */
	bool killed;      /* its keeper was ordered to kill it */
	bool signalled;   /* its keeper was sent a signal */
};

/* A START that waits until a program of its rule has ended. */
struct waiting {
	struct waiting *next;
	unsigned link;
	uint64_t id;
	uint64_t due_ms;
	int fd[TUX_SPAWN_STREAMS];
	size_t len;
	uint8_t message[];
};

struct line {
	struct waiting *first;
	struct waiting **last;
	unsigned waiting;
	unsigned running;
};

/* The socket to a thread of the engine. */
struct link {
	int fd; /* -1 = closed */
	struct tux_spawn_result *unsent; /* ring of unsent results; no orders are read unless it is empty */
	unsigned first, count;
};

static struct {
	struct tux_cgi_rule rule[TUX_MAX_CGI];
	struct line line[TUX_MAX_CGI]; /* for each rule */
	unsigned rules, turn;          /* rule that is considered first */
	struct link link[TUX_MAX_THREADS];
	unsigned links, open;
	struct program *program;
	struct tux_keepers keepers;    /* one for each place */
	unsigned programs, running;    /* maximum, present number */
	unsigned unsent_max;           /* capacity of each link's ring */
	uint64_t due_ms;               /* earliest time at which anything is due */
	int epoll_fd, signal_fd;
	int news_fd[2];                /* pipe for the keepers' messages */
	struct tux_spawn_request request; /* the message being processed */
	uint8_t message[MAX_MESSAGE];
} own;

static void due_at(uint64_t ms)
{
	if (ms < own.due_ms)
		own.due_ms = ms;
}

static void fds_close(const int fd[TUX_SPAWN_STREAMS])
{
	int i;

	for (i = 0; i < TUX_SPAWN_STREAMS; i++)
		close(fd[i]);
}

/* Watches a link for orders; while it has unsent results, for room to send them. */
static void link_watch(unsigned number, int op)
{
	struct epoll_event event = { .events = own.link[number].count ? EPOLLOUT : EPOLLIN, .data.u32 = number };

	epoll_ctl(own.epoll_fd, op, own.link[number].fd, &event);
}

static bool result_send(struct link *link, const struct tux_spawn_result *result)
{
	ssize_t sent;

	do
		sent = send(link->fd, result, sizeof(*result), MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent >= 0 || (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM);
}

/* Sends a result, now or when the engine can receive it. Drops it if the link is closed. */
static void tell(unsigned number, const struct tux_spawn_result *result)
{
	struct link *const link = &own.link[number];

	if (link->fd < 0 || (link->count == 0 && result_send(link, result)) || link->count == own.unsent_max)
		return;
	link->unsent[(link->first + link->count++) % own.unsent_max] = *result;
	if (link->count == 1)
		link_watch(number, EPOLL_CTL_MOD);
}

static void tell_failed(unsigned link, uint64_t id, struct tux_cgi_failure failure)
{
	const struct tux_spawn_result result = {
		.kind = TUX_SPAWN_FAILED, .id = id, .step = failure.step, .error = failure.error,
	};

	tell(link, &result);
}

static void refuse(unsigned link, uint64_t id, uint32_t step, int error)
{
	tell_failed(link, id, (struct tux_cgi_failure){ step, error });
}

static void unsent_send(unsigned number)
{
	struct link *const link = &own.link[number];

	while (link->count > 0 && result_send(link, &link->unsent[link->first])) {
		link->first = (link->first + 1) % own.unsent_max;
		link->count--;
	}
	if (link->count == 0)
		link_watch(number, EPOLL_CTL_MOD);
}

static void program_due(struct program *program, uint64_t ms)
{
	program->due_ms = ms < program->last_ms ? ms : program->last_ms;
	due_at(program->due_ms);
}

/* Starts the time limits of a program. */
static void time_begin(struct program *program)
{
	const struct tux_cgi *const cgi = own.rule[program->rule].cgi;

	program->last_ms = cgi->total_ms ? clock_ms() + cgi->total_ms : never;
	program_due(program, cgi->time_ms ? clock_ms() + cgi->time_ms : never);
}

/* Returns a free place for a program: one with an idle keeper if possible. */
static unsigned place_find(void)
{
	unsigned at, found = own.programs;

	for (at = 0; at < own.programs; at++) {
		if (own.program[at].pid != 0)
			continue;
		if (own.keepers.keeper[at].pid > 0 || own.keepers.idle == 0)
			return at;
		if (found == own.programs)
			found = at;
	}
	return found;
}

/* Starts the program of own.request, which is the len bytes of message. There must be a free place. */
static void begin(unsigned link, uint8_t *message, size_t len, const int fd[TUX_SPAWN_STREAMS])
{
	const unsigned number = own.request.start.rule;
	const uint64_t id = own.request.start.id;
	const unsigned at = place_find();

	if (!tux_keepers_use(&own.keepers, at, message, len, fd)) {
		refuse(link, id, TUX_SPAWN_AT_FORK, errno);
		return;
	}
	own.program[at] = (struct program){ .pid = own.keepers.keeper[at].pid, .rule = number, .link = link, .id = id };
	time_begin(&own.program[at]);
	own.running++;
	own.line[number].running++;
}

/* Handles the start of a program. Its time limits count from here. */
static void program_begun(unsigned at)
{
	struct program *const program = &own.program[at];
	const struct tux_spawn_result result = { .kind = TUX_SPAWN_STARTED, .pid = own.keepers.report[at].pid, .id = program->id };

	if (program->end == TUX_SPAWN_BY_ITSELF && !program->asked)
		time_begin(program);
	if (own.keepers.report[at].failure.step == TUX_SPAWN_AT_NOTHING)
		tell(program->link, &result);
}

/* Frees a program's place and reports its end. status is the program's, or its keeper's if that was killed. */
static void program_ended(unsigned at, int status)
{
	struct program *const program = &own.program[at];
	const struct tux_keeper_report *const report = &own.keepers.report[at];
	const struct tux_spawn_result result = {
		.kind = TUX_SPAWN_ENDED, .pid = report->pid, .id = program->id, .end = program->end, .status = status,
		.cpu_us = report->cpu_us, .max_rss_bytes = report->max_rss_bytes,
	};

	if (report->failure.step == TUX_SPAWN_AT_NOTHING)
		tell(program->link, &result);
	else
		tell_failed(program->link, program->id, report->failure);
	own.line[program->rule].running--;
	own.running--;
	program->pid = 0;
}

/*
 * Handles the end of all processes of a program. A keeper that was sent a signal is not reused, because the signal might reach its
 * next program.
 */
static void keeper_done(unsigned at)
{
	const bool signalled = own.program[at].signalled;

	program_ended(at, own.keepers.report[at].status);
	tux_keepers_done(&own.keepers, at, !signalled);
}

static void news_read(void)
{
	struct tux_keeper_news news;

	while (read(own.news_fd[0], &news, sizeof(news)) == (ssize_t)sizeof(news)) {
		if (news.number >= own.programs || own.program[news.number].pid == 0) /* not of a keeper with a program: it is not believed */
			continue;
		if (news.ended)
			keeper_done(news.number);
		else
			program_begun(news.number);
	}
}

static bool has_room(unsigned rule)
{
	return own.running < own.programs && own.line[rule].running < own.rule[rule].cgi->programs;
}

/* Queues the len bytes of own.message in the line of its rule; refuses the request if the line is full. */
static void wait_add(unsigned link, size_t len, const int fd[TUX_SPAWN_STREAMS])
{
	const struct tux_spawn_start *const start = &own.request.start;
	struct line *const line = &own.line[start->rule];
	struct waiting *one = NULL;

	if (line->waiting < own.rule[start->rule].cgi->waiting)
		one = malloc(sizeof(*one) + len);
	if (!one) {
		refuse(link, start->id, TUX_SPAWN_AT_LIMIT, EAGAIN);
		fds_close(fd);
		return;
	}
	*one = (struct waiting){ .link = link, .id = start->id, .due_ms = clock_ms() + WAIT_MS, .len = len };
	memcpy(one->fd, fd, sizeof(one->fd));
	memcpy(one->message, own.message, len);
	*line->last = one;
	line->last = &one->next;
	line->waiting++;
	due_at(one->due_ms);
}

/* Removes an entry from the line. */
static void wait_remove(struct line *line, struct waiting **at)
{
	struct waiting *const one = *at;

	*at = one->next;
	if (line->last == &one->next)
		line->last = at;
	line->waiting--;
	fds_close(one->fd);
	free(one);
}

/* Starts every waiting program that is allowed to run. Rules take turns at being first. */
static void wait_begin(void)
{
	unsigned i;

	for (i = 0; i < own.rules; i++) {
		const unsigned rule = (own.turn + i) % own.rules;
		struct line *const line = &own.line[rule];

		while (line->first && has_room(rule)) {
			struct waiting *const one = line->first;

			if (tux_spawn_start_read(one->message, one->len, &own.request))
				begin(one->link, one->message, one->len, one->fd);
			wait_remove(line, &line->first);
		}
	}
	own.turn = own.rules ? (own.turn + 1) % own.rules : 0;
}

/* Ends a program: SIGTERM first, SIGKILL at the next call, then SIGKILL to the keeper. */
static void program_end(struct program *program, enum tux_spawn_end why)
{
	program->signalled = true;
	if (program->killed) { /* a program of the same user may have stopped its keeper; reap() then kills the descendants */
		kill(program->pid, SIGKILL);
		program->due_ms = never;
		return;
	}
	if (program->end != TUX_SPAWN_BY_ITSELF) {
		tux_keeper_kill(program->pid);
		program->killed = true;
		program->due_ms = clock_ms() + KEEPER_MS;
		due_at(program->due_ms);
		return;
	}
	program->end = why;
	tux_keeper_terminate(program->pid);
	program->due_ms = clock_ms() + GRACE_MS;
	due_at(program->due_ms);
}

/* Returns the running program with this id, unless it is already being ended; NULL if none. */
static struct program *program_find(unsigned link, uint64_t id)
{
	unsigned i;

	for (i = 0; i < own.programs; i++)
		if (own.program[i].pid != 0 && own.program[i].link == link && own.program[i].id == id &&
		    own.program[i].end == TUX_SPAWN_BY_ITSELF)
			return &own.program[i];
	return NULL;
}

/* Handles a due program. Ends it if its time is over. Else asks the engine how much of the time the client caused. */
static void program_expire(struct program *program, uint64_t now)
{
	const struct tux_spawn_result due = { .kind = TUX_SPAWN_DUE, .pid = own.keepers.report[program - own.program].pid, .id = program->id };

	if (program->end != TUX_SPAWN_BY_ITSELF || program->asked || now >= program->last_ms) {
		program_end(program, TUX_SPAWN_BY_TIME);
		return;
	}
	program->asked = true;
	program_due(program, now + ASK_MS);
	tell(program->link, &due);
}

static void time_take(unsigned link, const struct tux_spawn_time *order)
{
	struct program *const program = program_find(link, order->id);

	if (!program || !program->asked)
		return;
	program->asked = false;
	if (order->more_ms == 0)
		program_end(program, TUX_SPAWN_BY_TIME);
	else
		program_due(program, clock_ms() + order->more_ms);
}

static void kill_one(unsigned link, uint64_t id)
{
	struct program *const program = program_find(link, id);
	unsigned i;

	if (program) {
		program_end(program, TUX_SPAWN_BY_KILL);
		return;
	}
	for (i = 0; i < own.rules; i++) {
		struct waiting **at = &own.line[i].first;

		while (*at && ((*at)->link != link || (*at)->id != id))
			at = &(*at)->next;
		if (*at) {
			wait_remove(&own.line[i], at);
			refuse(link, id, TUX_SPAWN_AT_KILL, ECANCELED);
			return;
		}
	}
}

/* Closes a link whose thread has ended or sent an invalid message. Ends all programs that the thread started. */
static void link_close(unsigned number)
{
	struct link *const link = &own.link[number];
	unsigned i;

	if (link->fd < 0)
		return;
	close(link->fd);
	link->fd = -1;
	own.open--;
	for (i = 0; i < own.rules; i++) {
		struct waiting **at = &own.line[i].first;

		while (*at) {
			if ((*at)->link == number)
				wait_remove(&own.line[i], at);
			else
				at = &(*at)->next;
		}
	}
	for (i = 0; i < own.programs; i++)
		if (own.program[i].pid != 0 && own.program[i].link == number) {
			own.program[i].signalled = true;
			tux_keeper_kill(own.program[i].pid);
		}
}

/* Gets the descriptors of a message. Returns their number, at most one more than there are streams. */
static unsigned fds_of(struct msghdr *message, int fd[TUX_SPAWN_STREAMS])
{
	struct cmsghdr *header;
	unsigned count = 0;

	for (header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		count = tux_spawn_descriptors(header->cmsg_len - CMSG_LEN(0), TUX_SPAWN_STREAMS + 1); /* the control buffer has no room for more */
		memcpy(fd, CMSG_DATA(header), count * sizeof(int));
	}
	return count;
}

/* Handles a START of len bytes in own.message. Returns false if it is malformed. */
static bool start_take(unsigned link, size_t len, const int fd[TUX_SPAWN_STREAMS], unsigned fds)
{
	const struct tux_spawn_start *const start = &own.request.start;
	const bool good = tux_spawn_start_read(own.message, len, &own.request);
	unsigned i;

	if (good && start->rule < own.rules && !has_room(start->rule))
		news_read(); /* a program may have ended */
	if (good && fds == TUX_SPAWN_STREAMS && start->rule < own.rules && tux_spawn_environment_allowed(&own.request)) {
		if (own.line[start->rule].first || !has_room(start->rule)) {
			wait_add(link, len, fd);
			return true;
		}
		begin(link, own.message, len, fd);
	} else if (good && fds != TUX_SPAWN_STREAMS) {
		refuse(link, start->id, TUX_SPAWN_AT_STREAMS, EMFILE);
	} else if (good) {
		refuse(link, start->id, TUX_SPAWN_AT_MESSAGE, EINVAL);
	}
	for (i = 0; i < fds; i++)
		close(fd[i]);
	return good;
}

/* Reads and executes one order. Returns false if there is no order, or the link was closed. */
static bool order_take(unsigned number)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * TUX_SPAWN_STREAMS)];
	struct iovec iov = { own.message, sizeof(own.message) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct tux_spawn_kill kill_order;
	struct tux_spawn_time time_order;
	/* One more than the streams, because the alignment of control leaves room for it. */
	int fd[TUX_SPAWN_STREAMS + 1];
	const ssize_t len = recvmsg(own.link[number].fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned fds;
	bool good;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	fds = len >= 0 ? fds_of(&message, fd) : 0; /* also of a message without bytes */
	good = len > 0 && !(message.msg_flags & MSG_TRUNC);
	if (good && tux_spawn_kill_read(own.message, (size_t)len, &kill_order)) {
		kill_one(number, kill_order.id);
		while (fds > 0)
			close(fd[--fds]);
	} else if (good && fds == 0 && tux_spawn_time_read(own.message, (size_t)len, &time_order)) {
		time_take(number, &time_order);
	} else {
		good = start_take(number, good ? (size_t)len : 0, fd, fds);
	}
	if (!good)
		link_close(number);
	return good;
}

static void link_serve(unsigned number, uint32_t events)
{
	int i;

	if (own.link[number].fd < 0)
		return;
	if (own.link[number].count > 0) {
		if (events & (EPOLLHUP | EPOLLERR))
			link_close(number);
		else
			unsent_send(number);
		return;
	}
	for (i = 0; i < AT_ONCE && own.link[number].fd >= 0 && own.link[number].count == 0; i++)
		if (!order_take(number))
			return;
}

static bool is_keeper(pid_t pid)
{
	return tux_keepers_find(&own.keepers, pid) < own.programs;
}

/*
 * Handles a keeper that ended by itself or was killed. Returns true if processes of its program may remain. They are now children
 * of the spawner.
 */
static bool keeper_ended(unsigned at)
{
	const bool busy = own.program[at].pid != 0;
	int status = 0;

	waitpid(own.keepers.keeper[at].pid, &status, 0);
	if (busy)
		program_ended(at, own.keepers.report[at].ended ? own.keepers.report[at].status : status);
	tux_keepers_lost(&own.keepers, at, !busy);
	return busy;
}

static void reap(void)
{
	bool lost = false;

	for (;;) {
		siginfo_t info = { 0 };
		unsigned at;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			break;
		news_read(); /* its messages come first */
		at = tux_keepers_find(&own.keepers, info.si_pid);
		if (at < own.programs)
			lost |= keeper_ended(at);
		else
			lost |= waitpid(info.si_pid, NULL, 0) > 0; /* inherited from a lost keeper, as are its children */
	}
	if (lost)
		tux_children_kill(is_keeper);
}

static void expire(void)
{
	const uint64_t now = clock_ms();
	unsigned i;

	if (now < own.due_ms)
		return;
	own.due_ms = never;
	for (i = 0; i < own.programs; i++) {
		if (own.program[i].pid == 0)
			continue;
		if (own.program[i].due_ms <= now)
			program_expire(&own.program[i], now);
		due_at(own.program[i].due_ms);
	}
	for (i = 0; i < own.rules; i++) {
		struct line *const line = &own.line[i];

		while (line->first && line->first->due_ms <= now) {
			refuse(line->first->link, line->first->id, TUX_SPAWN_AT_LIMIT, ETIMEDOUT);
			wait_remove(line, &line->first);
		}
		if (line->first)
			due_at(line->first->due_ms);
	}
}

static int timeout_ms(void)
{
	const uint64_t now = clock_ms();

	if (own.due_ms == never)
		return -1;
	if (own.due_ms <= now)
		return 0;
	return own.due_ms - now > 60000 ? 60000 : (int)(own.due_ms - now);
}

static void serve(void)
{
	struct epoll_event events[BATCH];
	struct signalfd_siginfo taken;
	int i, count;

	while (own.open > 0) {
		count = epoll_wait(own.epoll_fd, events, BATCH, timeout_ms());
		for (i = 0; i < count; i++) {
			if (events[i].data.u32 < own.links)
				link_serve(events[i].data.u32, events[i].events);
			else if (events[i].data.u32 == TUX_MAX_THREADS)
				while (read(own.signal_fd, &taken, sizeof(taken)) > 0)
					;
		}
		news_read();
		reap();
		expire();
		wait_begin();
	}
}

/*
 * Kills all remaining processes after all links have closed. Repeats this, because each ended process leaves its children to the
 * spawner.
 */
static void end(void)
{
	int i;

	tux_keepers_close(&own.keepers);
	for (i = 0; i < END_ROUNDS; i++) {
		siginfo_t info = { 0 };

		while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
			waitpid(info.si_pid, NULL, 0);
			info.si_pid = 0;
		}
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
			return; /* ECHILD */
		tux_children_kill(i < END_ROUNDS / 2 ? is_keeper : NULL); /* keepers end by themselves, after their programs */
		poll(NULL, 0, i == 0 ? 1 : END_ROUND_MS);
	}
}

/* Blocks all signals except for a signalfd of SIGCHLD. Resets all handlers to the default, which programs inherit. */
static bool signals_prepare(void)
{
	sigset_t all, child;
	int number;

	for (number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigfillset(&all);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return false;
	own.signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return own.signal_fd >= 0;
}

/* Closes all descriptors except the standard streams and those of the spawner. */
static void others_close(const struct tux_spawner *spawner)
{
	int highest = spawner->end_fd, fd;
	const int module_fd = tux_cgi_rules_highest(own.rule);
	unsigned i;

	for (i = 0; i < own.links; i++)
		if (own.link[i].fd > highest)
			highest = own.link[i].fd;
	if (module_fd > highest)
		highest = module_fd;
	for (fd = STDERR_FILENO + 1; fd < highest; fd++) {
		bool ours = fd == spawner->end_fd || tux_cgi_rules_have(own.rule, fd);

		for (i = 0; i < own.links && !ours; i++)
			ours = fd == own.link[i].fd;
		if (!ours)
			close(fd);
	}
	closefrom(highest + 1);
}

/* Allocates the tables and opens the descriptors to wait for. */
static bool tables_make(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = TUX_MAX_THREADS };
	struct epoll_event news = { .events = EPOLLIN, .data.u32 = TUX_MAX_THREADS + 1 };
	unsigned i, waiting = 0;

	for (i = 0; i < own.rules; i++) {
		own.line[i].last = &own.line[i].first;
		waiting += own.rule[i].cgi->waiting;
	}
	own.unsent_max = 3 * (own.programs + waiting) + 2; /* each has at most three results: started, due, ended */
	own.due_ms = never;
	own.program = calloc(own.programs, sizeof(*own.program));
	own.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!own.program || own.epoll_fd < 0 || pipe2(own.news_fd, O_CLOEXEC) < 0 ||
	    !tux_keepers_make(&own.keepers, own.programs, own.rule, own.news_fd[1]) ||
	    fcntl(own.news_fd[0], F_SETFL, O_NONBLOCK) < 0 || /* the keepers' end blocks: no message is lost */
	    epoll_ctl(own.epoll_fd, EPOLL_CTL_ADD, own.news_fd[0], &news) < 0 || epoll_ctl(own.epoll_fd, EPOLL_CTL_ADD, own.signal_fd, &event) < 0)
		return false;
	for (i = 0; i < own.links; i++) {
		own.link[i].unsent = calloc(own.unsent_max, sizeof(*own.link[i].unsent));
		if (!own.link[i].unsent)
			return false;
		link_watch(i, EPOLL_CTL_ADD);
	}
	own.open = own.links;
	return true;
}

/* Raises the limit of descriptors to its maximum, because each waiting request holds three. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool prepare(const struct tux_spawner *spawner, const struct tux_user *server, char *error, size_t error_size)
{
	uint64_t kept, inherited;
	bool regain;
	unsigned i;

	others_close(spawner);
	setsid();
	umask(022);
	prctl(PR_SET_NAME, "tux spawner");
	kept = tux_cgi_rules_capabilities(own.rule, &inherited, &regain);
	if (!tux_privileges_keep(server, kept, inherited, regain, error, error_size))
		return false;
	if (!signals_prepare() || !tables_make() || prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		snprintf(error, error_size, "cannot prepare the process that starts CGI programs: %s", strerror(errno));
		return false;
	}
	for (i = 0; i < own.rules; i++)
		tux_cgi_rule_limit(&own.rule[i]);
	files_raise();
	return true;
}

/* Runs the new process. Writes a sentence to end_fd on failure, or a single NUL on success. end_fd closes when the process ends. */
static void __attribute__((noreturn)) run(const struct tux_spawner *spawner, const struct tux_user *server)
{
	char error[512] = "";
	const bool prepared = prepare(spawner, server, error, sizeof(error));

	if (write(spawner->end_fd, error, strlen(error) + 1) < 0 || !prepared)
		_exit(1);
	serve();
	end();
	_exit(0);
}

/* Sets the largest permitted send buffer. Returns false with errno if that is too small. */
static bool buffer_set(int fd)
{
	int wanted = TUX_SPAWN_BUFFER, now = 0;
	socklen_t len = sizeof(now);

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &now, &len) < 0)
		return false;
	errno = ENOBUFS;
	return now >= TUX_SPAWN_MIN_BUFFER;
}

/* Creates the sockets: stores the engine's ends in spawner, the others in own. */
static bool links_make(struct tux_spawner *spawner, unsigned threads)
{
	int pair[2];

	for (; spawner->count < threads; spawner->count++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return false;
		spawner->fd[spawner->count] = pair[0];
		own.link[own.links++].fd = pair[1];
		if (!buffer_set(pair[0]) || !buffer_set(pair[1])) {
			spawner->count++;
			return false;
		}
	}
	return true;
}

/* Waits until the new process reports that it is ready. */
static bool await(const struct tux_spawner *spawner, char *error, size_t error_size)
{
	ssize_t len = read(spawner->end_fd, error, error_size - 1);

	error[len > 0 ? len : 0] = '\0';
	if (len == 1 && *error == '\0')
		return true;
	if (len <= 0)
		snprintf(error, error_size, "the process that starts CGI programs ended at once");
	return false;
}

bool tux_spawner_start(struct tux_spawner *spawner, const struct tux_cgi *cgi, unsigned count, unsigned programs, unsigned threads,
                       const struct tux_user *server, char *error, size_t error_size)
{
	struct tux_spawner theirs; /* the spawner as seen by the new process */
	int pipe_fd[2] = { -1, -1 };
	unsigned i;

	memset(spawner, 0, sizeof(*spawner));
	memset(&own, 0, sizeof(own));
	spawner->end_fd = -1;
	own.programs = programs;
	for (own.rules = 0; own.rules < count; own.rules++)
		if (!tux_cgi_rule_make(&own.rule[own.rules], &cgi[own.rules], server, error, error_size))
			return false;
	if (!links_make(spawner, threads) || pipe2(pipe_fd, O_CLOEXEC) < 0 || (spawner->pid = fork()) < 0) {
		snprintf(error, error_size, "cannot start the process that starts CGI programs: %s", strerror(errno));
		spawner->pid = 0;
	} else if (spawner->pid == 0) {
		theirs = *spawner;
		theirs.end_fd = pipe_fd[1];
		run(&theirs, server);
	}
	for (i = 0; i < own.links; i++)
		close(own.link[i].fd);
	if (pipe_fd[1] >= 0)
		close(pipe_fd[1]);
	spawner->end_fd = pipe_fd[0];
	if (spawner->pid > 0 && await(spawner, error, error_size))
		return true;
	tux_spawner_stop(spawner);
	return false;
}

void tux_spawner_stop(struct tux_spawner *spawner)
{
	struct pollfd waits = { .fd = spawner->end_fd, .events = POLLIN };
	unsigned i;

	for (i = 0; i < spawner->count; i++)
		close(spawner->fd[i]);
	if (spawner->pid > 0) {
		/* This fails in the sandbox, where it is not needed. */
		waitpid(spawner->pid, NULL, poll(&waits, 1, STOP_MS) > 0 ? 0 : WNOHANG);
	}
	if (spawner->pid > 0 || (spawner->count > 0 && spawner->end_fd >= 0))
		close(spawner->end_fd);
	memset(spawner, 0, sizeof(*spawner));
	spawner->end_fd = -1;
}
