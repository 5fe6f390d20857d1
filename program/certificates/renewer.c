/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "renewer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../confine/apart.h"
#include "../confine/privileges.h"
#include "retry.h"
#include "schedule.h"
#include "uacme.h"

enum {
	SUPERVISOR_FD = STDERR_FILENO + 1,
	DAY = 24 * 60 * 60,
	RECENT_S = 120, /* more than the start of a server process takes */
	ERROR_MAX = 1024,
	LOOK_CPU_S = 10,  /* limit of CPU time of a look at a certificate */
	UNFINISHED_S = 10, /* delay after an attempt whose process has ended before it */
};

/* A certificate, and the time of the next look at it. */
struct task {
	const struct tux_automatic *wanted;
	bool seen;         /* this process has looked at it */
	int64_t at;        /* seconds since 1970 */
	unsigned failures; /* in a row */
};

/* A certificate in the store. */
struct look {
	bool usable;
	struct tux_certificate_facts facts; /* of a usable one */
};

/* Results of a process that reads keys, in shared memory. */
struct result {
	struct look look;
	bool wanted; /* the certificate was still due when it was its turn */
	enum tux_issued issued;
};

struct renewal {
	const struct tux_settings *settings;
	struct result *result;
	struct tux_issuing issuing;
	struct tux_store store;
	struct tux_user user;
	struct tux_certificate_plan plan;
	struct task *task; /* of the public names of the plan */
	unsigned count;
	bool at_once;      /* the administrator has asked for the attempts that are due later */
};

static uint32_t random_number(void)
{
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)getpid();
	return random;
}

/* Tells the supervisor that a certificate has changed. */
static void report(void)
{
	send(SUPERVISOR_FD, "c", 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* if its queue is full, it will look anyway */
}

/* Looks at a certificate in the store, in a process that may read keys. */
static struct look certificate_look(const struct renewal *renewal, const struct tux_automatic *wanted)
{
	const struct tux_names names = tux_automatic_names(wanted);
	const int folder = tux_store_directory(&renewal->store, wanted->folder, false);
	struct look look = { .usable = false };
	struct tux_pem pem = { NULL, 0 };
	char reason[256];

	look.usable = folder >= 0 && tux_store_read(folder, wanted->file, &pem) && tux_certificate_examine(&pem, &names, NULL, &look.facts) &&
	              look.facts.has_key && tux_certificate_is_usable(&pem, reason, sizeof(reason));
	if (folder >= 0)
		close(folder);
	tux_pem_free(&pem);
	return look;
}

/* True if a certificate is missing, is for other names, or is due. */
static bool is_wanted(const struct look *look)
{
	return !look->usable || !look->facts.has_names || tux_certificate_is_due(&look->facts, (int64_t)time(NULL));
}

/* The owner of work in a process of its own. */
struct work {
	struct renewal *renewal;
	const struct task *task;
};

/* The work of the process that looks at a certificate. */
static int look_work(void *owner, char *error, size_t error_size)
{
	const struct work *const work = owner;

	(void)error;
	(void)error_size;
	work->renewal->result->look = certificate_look(work->renewal, work->task->wanted);
	return TUX_APART_DONE;
}

/* Looks at a certificate in the store. One for which the process fails is not usable. */
static struct look look_apart(struct renewal *renewal, const struct task *task)
{
	struct work work = { renewal, task };
	struct tux_apart apart;
	char error[TUX_APART_TEXT];

	renewal->result->look = (struct look){ .usable = false };
	if (!tux_apart_start(&apart, "tux renewal", LOOK_CPU_S, look_work, &work))
		fprintf(stderr, "tux: cannot start a process that reads the certificate for %s: %s\n", task->wanted->name[0], strerror(errno));
	else if (tux_apart_await(&apart, error, sizeof(error)) != TUX_APART_DONE)
		fprintf(stderr, "tux: the certificate for %s: %s\n", task->wanted->name[0], error);
	return renewal->result->look;
}

/* Returns the days until a time; 0 if it has passed. */
static long long days_until(int64_t end)
{
	const int64_t now = (int64_t)time(NULL);

	return end > now ? (long long)((end - now) / DAY) : 0;
}

/* Returns the delay after so many failures, at first that of the settings. */
static int64_t delay_of(const struct renewal *renewal, unsigned failures)
{
	return tux_schedule_retry((renewal->settings->acme_retry_ms + 999) / 1000, failures, random_number());
}

/*
 * Keeps on the disk that an attempt begins: if its process ends before it, as in a loop of restarts, it counts as a failure, with a shorter delay
 * than a finished one.
 */
static void attempt_note(const struct renewal *renewal, const struct task *task)
{
	const int64_t delay = tux_schedule_retry(UNFINISHED_S, task->failures + 1, random_number()), usual = delay_of(renewal, task->failures + 1);

	tux_retry_write(&renewal->store, task->wanted, &(struct tux_retry){ task->failures + 1, (int64_t)time(NULL) + (delay < usual ? delay : usual) });
}

/* Forgets the failures of a certificate. */
static void failures_forget(const struct renewal *renewal, struct task *task)
{
	task->failures = 0;
	task->at = 0;
	tux_retry_write(&renewal->store, task->wanted, &(struct tux_retry){ .failures = 0 });
}

/* Plans the next attempt after a failure, keeps it on the disk, and writes how the name is served meanwhile. */
static void failure_note(struct renewal *renewal, struct task *task, const char *error)
{
	const int64_t delay = delay_of(renewal, ++task->failures);
	const int64_t now = (int64_t)time(NULL);
	const struct look look = look_apart(renewal, task);
	char meanwhile[96]; /* one call writes the whole line, because other processes write lines, too */

	task->at = now + delay;
	tux_retry_write(&renewal->store, task->wanted, &(struct tux_retry){ task->failures, task->at });
	__atomic_add_fetch(&renewal->issuing.challenges->failures, 1, __ATOMIC_RELAXED);
	if (!look.usable)
		snprintf(meanwhile, sizeof(meanwhile), "a temporary certificate, which no client trusts, stays in use");
	else if (look.facts.end > now)
		snprintf(meanwhile, sizeof(meanwhile), "the previous certificate stays in use, with %lld days left", days_until(look.facts.end));
	else
		snprintf(meanwhile, sizeof(meanwhile), "the previous certificate stays in use, but it has expired");
	fprintf(stderr, "tux: no certificate for %s: %s; the next attempt is in %lld s; %s\n", task->wanted->name[0], error, (long long)delay, meanwhile);
}

/* Notes a new certificate. One that is due at once, because the clock is wrong or its lifetime has passed already, counts as a failure. */
static void success_note(struct renewal *renewal, struct task *task)
{
	struct look look;

	report();
	look = look_apart(renewal, task);
	if (!look.usable || tux_certificate_is_due(&look.facts, (int64_t)time(NULL))) {
		failure_note(renewal, task, "the authority's certificate is not valid now: is the clock right?");
		return;
	}
	failures_forget(renewal, task);
	fprintf(stderr, "tux: new certificate for %s, for %lld days\n", task->wanted->name[0], days_until(look.facts.end));
}

/*
 * The work of the process that gets a certificate, unless another server with the same store has got it meanwhile. uacme and what it leaves are
 * children of this process.
 */
static int issue_work(void *owner, char *error, size_t error_size)
{
	const struct work *const work = owner;
	struct renewal *const renewal = work->renewal;
	struct result *const result = renewal->result;
	const int lock = tux_store_lock(&renewal->store, TUX_STORE_WORK_LOCK);

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (lock < 0) {
		snprintf(error, error_size, "cannot lock %.500s/" TUX_STORE_WORK_LOCK ": %s", renewal->store.path, strerror(errno));
		return TUX_APART_FAILED;
	}
	result->look = certificate_look(renewal, work->task->wanted);
	result->wanted = is_wanted(&result->look);
	if (result->wanted) {
		attempt_note(renewal, work->task);
		fprintf(stderr, "tux: asking %s for a certificate for %s\n", work->task->wanted->acme.directory, work->task->wanted->name[0]);
		result->issued = tux_uacme_issue(&renewal->issuing, work->task->wanted, error, error_size);
	}
	close(lock);
	return result->wanted && result->issued == TUX_NOT_ISSUED ? TUX_APART_FAILED : TUX_APART_DONE;
}

/* Gets a certificate. */
static void issue(struct renewal *renewal, struct task *task)
{
	struct work work = { renewal, task };
	struct tux_apart apart;
	char error[ERROR_MAX];
	bool done = false;

	*renewal->result = (struct result){ .wanted = true, .issued = TUX_NOT_ISSUED };
	if (tux_apart_start(&apart, "tux issuing", 0, issue_work, &work))
		done = tux_apart_await(&apart, error, sizeof(error)) == TUX_APART_DONE;
	else
		snprintf(error, sizeof(error), "cannot start a process: %s", strerror(errno));
	tux_uacme_children_end(); /* of a process that was killed, as its challenges */
	tux_challenges_remove(renewal->issuing.challenges, CHALLENGE_HTTP, NULL);
	if (done && renewal->result->issued == TUX_ISSUE_STOPPED)
		_exit(EXIT_SUCCESS);
	if (!done) {
		failure_note(renewal, task, error);
	} else if (!renewal->result->wanted) {
		report();
		failures_forget(renewal, task);
	} else {
		success_note(renewal, task);
	}
}

/* True if the file of a certificate was written moments ago. */
static bool is_recent(const struct renewal *renewal, const struct tux_automatic *wanted)
{
	const int folder = tux_store_directory(&renewal->store, wanted->folder, false);
	struct stat st;
	const bool found = folder >= 0 && fstatat(folder, wanted->file, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (folder >= 0)
		close(folder);
	return found && (int64_t)time(NULL) - (int64_t)st.st_mtim.tv_sec < RECENT_S;
}

/* True if a process before has failed to get a certificate, and the next attempt is due later. Then it is planned. */
static bool is_later(const struct renewal *renewal, struct task *task)
{
	const int64_t now = (int64_t)time(NULL);
	struct tux_retry retry;

	if (task->seen || renewal->at_once || !tux_retry_read(&renewal->store, task->wanted, &retry))
		return false;
	task->failures = retry.failures;
	if (tux_schedule_has_come(retry.at, 2 * TUX_SCHEDULE_DAY_S, now))
		return false;
	task->at = retry.at;
	fprintf(stderr, "tux: no certificate for %s: %u attempts in a row have failed before this start; the next one is in %lld s, or at a reload\n",
	        task->wanted->name[0], retry.failures, (long long)(retry.at - now));
	return true;
}

/*
 * Looks at a certificate, and gets another one if that is wanted. At first it reports one that the process before may have got without a report:
 * a server process that started then has read the previous one.
 */
static void look(struct renewal *renewal, struct task *task)
{
	const struct look look = look_apart(renewal, task);
	const bool wanted = is_wanted(&look), later = wanted && is_later(renewal, task);

	if (!task->seen && is_recent(renewal, task->wanted))
		report();
	task->seen = true;
	if (wanted && !later)
		issue(renewal, task);
	else if (!wanted)
		task->at = tux_schedule_look(look.facts.begin, look.facts.end, (int64_t)time(NULL), random_number());
}

/* Looks at each certificate whose time has come. Returns the time of the next look. */
static int64_t look_at_all(struct renewal *renewal)
{
	int64_t next = (int64_t)time(NULL) + TUX_SCHEDULE_LOOK_S;

	for (unsigned i = 0; i < renewal->count; i++) {
		struct task *const task = &renewal->task[i];
		const int64_t now = (int64_t)time(NULL);

		if (tux_schedule_has_come(task->at, 2 * TUX_SCHEDULE_DAY_S, now))
			look(renewal, task);
		next = task->at < next ? task->at : next;
	}
	return next;
}

/* Waits until a time, or at most TUX_SCHEDULE_LOOK_S. Ends the process if the supervisor has ended. */
static void wait_until(int64_t at)
{
	const int64_t now = (int64_t)time(NULL);
	struct pollfd wait = { .fd = SUPERVISOR_FD, .events = POLLIN };
	const int64_t wait_s = at <= now ? 0 : at - now < TUX_SCHEDULE_LOOK_S ? at - now : TUX_SCHEDULE_LOOK_S;

	if (poll(&wait, 1, (int)wait_s * 1000) > 0)
		_exit(EXIT_SUCCESS);
}

/* Prepares the process. Returns false with a sentence in error. */
static bool renewal_open(struct renewal *renewal, struct tux_settings *settings, const struct tux_renewer_charge *charge, char *error, size_t error_size)
{
	char note[256];

	renewal->settings = settings;
	if (!tux_plan_make(&renewal->plan, settings, error, error_size) ||
	    !tux_privileges_user(settings->user, &renewal->user, note, sizeof(note), error, error_size) ||
	    !tux_store_open(&renewal->store, settings->state_directory, true, error, error_size))
		return false;
	renewal->issuing = (struct tux_issuing){
		.store = &renewal->store,
		.user = &renewal->user,
		.challenges = charge->challenges,
		.challenge = charge->challenge,
		.end_fd = SUPERVISOR_FD,
	};
	renewal->task = calloc(renewal->plan.count, sizeof(*renewal->task));
	renewal->result = mmap(NULL, sizeof(*renewal->result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(error, error_size, "no memory");
	if (renewal->result == MAP_FAILED)
		return false;
	for (unsigned i = 0; renewal->task && i < renewal->plan.count; i++)
		if (!renewal->plan.certificate[i].internal)
			renewal->task[renewal->count++].wanted = &renewal->plan.certificate[i];
	return renewal->task;
}

static _Noreturn void run(struct tux_settings *settings, const struct tux_renewer_charge *charge, int fd)
{
	static struct renewal renewal;
	char error[ERROR_MAX];

	prctl(PR_SET_NAME, "tux renewal", 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	fd = fcntl(fd, F_DUPFD, SUPERVISOR_FD + 1);
	if (fd < 0 || dup2(fd, SUPERVISOR_FD) < 0)
		_exit(EXIT_FAILURE);
	closefrom(SUPERVISOR_FD + 1);
	tux_challenges_remove(charge->challenges, CHALLENGE_HTTP, NULL); /* of a process that was killed */
	if (!renewal_open(&renewal, settings, charge, error, sizeof(error))) {
		fprintf(stderr, "tux: the process that renews certificates: %s\n", error);
		_exit(EXIT_FAILURE);
	}
	renewal.at_once = charge->at_once;
	for (;;)
		wait_until(look_at_all(&renewal));
}

bool tux_renewer_start(struct tux_renewer *renewer, struct tux_settings *settings, const struct tux_renewer_charge *charge)
{
	int fd[2], saved;

	*renewer = (struct tux_renewer){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return false;
	renewer->pid = fork();
	if (renewer->pid == 0) {
		close(fd[0]); /* else this process would not notice the end of the supervisor */
		run(settings, charge, fd[1]);
	}
	saved = errno;
	close(fd[1]);
	renewer->fd = fd[0];
	if (renewer->pid > 0)
		return true;
	close(fd[0]);
	*renewer = (struct tux_renewer){ .fd = -1 };
	errno = saved;
	return false;
}

bool tux_renewer_reports(const struct tux_renewer *renewer)
{
	char octet;
	bool reported = false;

	while (renewer->fd >= 0 && recv(renewer->fd, &octet, 1, MSG_DONTWAIT) == 1)
		reported = true;
	return reported;
}

void tux_renewer_end(struct tux_renewer *renewer)
{
	if (renewer->pid > 0)
		kill(renewer->pid, SIGKILL);
	tux_renewer_leave(renewer);
}

void tux_renewer_leave(struct tux_renewer *renewer)
{
	if (renewer->pid > 0)
		close(renewer->fd);
	*renewer = (struct tux_renewer){ .fd = -1 };
}
