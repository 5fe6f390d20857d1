/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../backend/spawner_client.h"
#include "../io/buffer.h"
#include "../io/clock.h"
#include "../io/error_log.h"
#include "../io/print.h"
#include "../modules/module_log.h"
#include "../stats/snapshot.h"
#include "control.h"

enum {
	BACKOFF_FIRST_MS = 100, /* until the next start; doubles with each process that ends early */
	BACKOFF_MOST_MS = 10000,
	LONG_LIFE_MS = 10000,   /* a process that ends later is started again as after the first time */
	START_MS = 60000,       /* for load() and start() of a module */
	STOP_MS = 1500,         /* for processes to end by themselves when the server stops */
	LINE_BYTES = SAY_BYTES,
	READS = 16,             /* of error output in a turn */
	SANDBOX_KNOWN = 1,      /* the process has told */
	SANDBOX_NONE = 2,       /* it wanted none */
	SANDBOX_SECCOMP = 4,
	SANDBOX_LANDLOCK = 256, /* multiplied by its ABI */
	MAX_LANDLOCK = 1000,
	LAST_READS = 512,       /* after the end: more than a pipe has, because a process that could not be ended may write on */
};

static const char nonsense[] = "its process has written nonsense, and is killed";

/* The life of a module's process. Only the manager's thread uses it. */
struct isolated_run {
	struct isolated_process *process; /* that runs or starts, with a reference; NULL: none */
	uint64_t id;                      /* of the spawner; 0: no process */
	int32_t pid;
	bool ready;                       /* load() and start() have returned */
	bool killed;                      /* the spawner was told to end it */
	bool failed;                      /* the last start has failed */
	uint64_t began_ms;                /* time of the start */
	uint64_t ready_ms;
	uint64_t due_ms;                  /* time of the next start; 0: no start is due */
	uint32_t backoff_ms;
	int control_fd;
	int error_fd;
	uint32_t line_len;
	char line[LINE_BYTES];
};

struct isolated_manager {
	pthread_mutex_t lock; /* of isolated[].process */
	pthread_t id;
	bool started;
	bool stopping;        /* atomic */
	int event_fd;
	unsigned threads;
	unsigned count;
	struct spawner spawner;
	struct pollfd *polls;
	struct isolated *isolated;
	struct isolated_run *run;
	struct buffer names; /* of the upstreams, each ending in NUL */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void say_of(const struct isolated *isolated, const char *text)
{
	char front[128];

	print(front, sizeof(front), "module %s:", isolated->config->name);
	say(front, text, (uint32_t)strlen(text));
}

static bool is_stopping(const struct isolated_manager *manager)
{
	return __atomic_load_n(&manager->stopping, __ATOMIC_ACQUIRE);
}

static void wake_manager(const struct isolated_manager *manager)
{
	const uint64_t one = 1;

	(void)!write(manager->event_fd, &one, sizeof(one));
}

/* Makes the shared memory of a process. Returns its descriptor, sealed; -1 with errno. */
static int memory_open(struct isolated_process *process)
{
	const size_t bytes = process->threads * sizeof(struct wire_pair);
	const int fd = memfd_create("tux module", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *memory;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)bytes) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (memory != MAP_FAILED) {
			process->pair = memory;
			return fd;
		}
	}
	close(fd);
	return -1;
}

void isolated_process_put(struct isolated_process *process)
{
	if (__atomic_sub_fetch(&process->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (process->pair != NULL)
		munmap(process->pair, process->threads * sizeof(struct wire_pair));
	for (unsigned i = 0; i < process->threads; i++) {
		close_fd(&process->wake[i]);
		close_fd(&process->wake_end[i]);
	}
	close_fd(&process->memory_fd);
	free(process);
}

/* Returns a new process, which nobody has started, with one reference; NULL with errno. */
static struct isolated_process *process_new(struct isolated *isolated)
{
	struct isolated_process *process = calloc(1, sizeof(*process));
	bool open;

	if (process == NULL)
		return NULL;
	process->isolated = isolated;
	process->references = 1;
	process->threads = isolated->manager->threads;
	for (unsigned i = 0; i < process->threads; i++)
		process->wake[i] = process->wake_end[i] = -1;
	process->memory_fd = memory_open(process);
	open = process->memory_fd >= 0;
	for (unsigned i = 0; i < process->threads && open; i++) {
		int fd[2];

		open = pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0;
		if (open) {
			process->wake_end[i] = fd[0];
			process->wake[i] = fd[1];
		}
	}
	if (open)
		return process;
	isolated_process_put(process);
	return NULL;
}

struct isolated_process *isolated_process_get(struct isolated *isolated)
{
	struct isolated_process *process;

	pthread_mutex_lock(&isolated->manager->lock);
	process = isolated->process;
	if (process != NULL)
		__atomic_add_fetch(&process->references, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&isolated->manager->lock);
	return process;
}

/* Replaces the process that threads get, unless the new one is dead: isolated_process_kill() has done so then. Takes its reference. */
static void publish(struct isolated *isolated, struct isolated_process *process)
{
	struct isolated_process *before = process;

	pthread_mutex_lock(&isolated->manager->lock);
	if (process == NULL || !isolated_process_is_dead(process)) {
		before = isolated->process;
		isolated->process = process;
	}
	pthread_mutex_unlock(&isolated->manager->lock);
	if (before != NULL)
		isolated_process_put(before);
}

/* Declares a process dead, and lets the engine's threads see it. */
static void bury(const struct isolated *isolated, struct isolated_process *process)
{
	static const char one = 1;

	__atomic_store_n(&process->dead, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < process->threads; i++)
		(void)!write(isolated->wake_own[i], &one, sizeof(one));
}

void isolated_process_kill(struct isolated_process *process, const char *why)
{
	struct isolated *isolated = process->isolated;
	struct isolated_manager *manager = isolated->manager;
	struct isolated_process *unused;
	bool first;

	if (isolated_process_is_dead(process))
		return;
	unused = process_new(isolated);
	pthread_mutex_lock(&manager->lock);
	first = !__atomic_exchange_n(&process->dead, true, __ATOMIC_ACQ_REL);
	if (first && isolated->process == process) { /* before another thread can get a dead one */
		isolated->process = unused;
		unused = process;
	}
	pthread_mutex_unlock(&manager->lock);
	if (unused != NULL)
		isolated_process_put(unused); /* if it is the process, the caller has another reference */
	if (!first)
		return;
	say_of(isolated, why);
	bury(isolated, process);
	wake_manager(manager);
}

/*
 * Lets requests wait for the process that is started after one that has ended, or that is being ended. Some may wait already, because
 * isolated_process_kill() has replaced the process. again false: none is started soon, and all get an error.
 */
static void replace(struct isolated *isolated, const struct isolated_process *process, bool again)
{
	struct isolated_process *next = again ? process_new(isolated) : NULL, *before;

	pthread_mutex_lock(&isolated->manager->lock);
	before = isolated->process;
	if (again && before != NULL && before != process)
		before = next;
	else
		isolated->process = next;
	pthread_mutex_unlock(&isolated->manager->lock);
	if (before == NULL)
		return;
	if (!again && before != process)
		bury(isolated, before);
	isolated_process_put(before);
}

static bool send_names(int fd, const struct buffer *names)
{
	bool sent = true;

	for (uint32_t at = 0; at < names->len && sent; at += CONTROL_PIECE)
		sent = control_send(fd, names->data + at, names->len - at < CONTROL_PIECE ? names->len - at : CONTROL_PIECE, NULL, 0);
	return sent;
}

/* Sends the process what it needs. Returns false with errno. */
static bool introduce(const struct isolated *isolated, const struct isolated_run *run)
{
	const struct isolated_process *process = run->process;
	const struct control_hello hello = {
		.version = WIRE_VERSION, .threads = process->threads, .bytes = process->threads * sizeof(struct wire_pair),
		.names = isolated->manager->names.len,
	};
	bool sent = control_send(run->control_fd, &hello, sizeof(hello), &process->memory_fd, 1);

	for (unsigned first = 0; first < process->threads && sent; first += CONTROL_GROUP) {
		struct control_threads group = { .first = first };
		int fds[2 * CONTROL_GROUP];

		for (; group.count < CONTROL_GROUP && first + group.count < process->threads; group.count++) {
			fds[2 * group.count] = process->wake_end[first + group.count];
			fds[2 * group.count + 1] = isolated->wake_end[first + group.count];
		}
		sent = control_send(run->control_fd, &group, sizeof(group), fds, 2 * group.count);
	}
	return sent && send_names(run->control_fd, &isolated->manager->names);
}

/* Asks the spawner for the process. Returns 0 or an errno. */
static int launch(struct isolated_manager *manager, const struct isolated *isolated, struct isolated_run *run)
{
	static const uint8_t path[] = "/";
	struct spawn_order order = { .rule = (uint32_t)(isolated - manager->isolated), .path = path, .path_len = 1 };
	int control[2] = { -1, -1 }, errors[2] = { -1, -1 }, error = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		error = errno;
	run->control_fd = control[0];
	run->error_fd = errors[0];
	if (error == 0 && fcntl(run->error_fd, F_SETFL, O_NONBLOCK) < 0)
		error = errno;
	if (error == 0 && !introduce(isolated, run))
		error = errno;
	order.fd[0] = control[1];
	order.fd[1] = order.fd[2] = errors[1];
	if (error == 0)
		error = spawner_start(&manager->spawner, &order, &run->id);
	close_fd(&control[1]);
	close_fd(&errors[1]);
	if (error != 0) {
		close_fd(&run->control_fd);
		close_fd(&run->error_fd);
		run->id = 0;
	}
	return error;
}

/* Schedules the next start. */
static void start_later(struct isolated_run *run)
{
	run->due_ms = clock_ms() + run->backoff_ms;
	run->backoff_ms = run->backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : run->backoff_ms * 2;
}

static void start_failed(struct isolated *isolated, int error)
{
	char text[SAY_BYTES];

	print(text, sizeof(text), "its process cannot be started: %s", strerror(error));
	say_of(isolated, text);
	isolated->run->failed = true;
	publish(isolated, NULL);
	start_later(isolated->run);
}

/* Starts the process of a module, which has none. */
static void start(struct isolated *isolated)
{
	struct isolated_run *run = isolated->run;
	int error;

	run->due_ms = 0;
	run->ready = run->killed = false;
	run->line_len = 0;
	run->began_ms = clock_ms();
	run->process = isolated_process_get(isolated); /* requests may wait in it already */
	if (run->process != NULL && isolated_process_is_dead(run->process)) {
		isolated_process_put(run->process);
		run->process = NULL;
	}
	if (run->process == NULL)
		run->process = process_new(isolated);
	error = run->process != NULL ? launch(isolated->manager, isolated, run) : errno;
	if (error == 0) {
		for (unsigned i = 0; i < run->process->threads; i++)
			close_fd(&run->process->wake_end[i]);
		close_fd(&run->process->memory_fd);
		return;
	}
	if (run->process != NULL) {
		bury(isolated, run->process);
		isolated_process_put(run->process);
		run->process = NULL;
	}
	start_failed(isolated, error);
}

/* Writes a line of error output to the error log. Lines of the module interface begin as this side would begin them. */
static void write_line(struct isolated *isolated, const char *line, uint32_t len)
{
	char front[128];
	const size_t front_len = print(front, sizeof(front), "tux: module %s: ", isolated->config->name);

	if (len >= front_len && memcmp(line, front, front_len) == 0) {
		line += front_len;
		len -= (uint32_t)front_len;
	}
	if (len > 0)
		module_log(isolated->loaded, "", line, len);
}

static void add_output(struct isolated *isolated, const char *text, size_t len)
{
	struct isolated_run *run = isolated->run;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n')
			run->line[run->line_len++] = text[i];
		if (text[i] != '\n' && run->line_len < LINE_BYTES)
			continue;
		write_line(isolated, run->line, run->line_len);
		run->line_len = 0;
	}
}

/* Reads error output. all: until the process, which has ended, has left no more. */
static void read_output(struct isolated *isolated, bool all)
{
	struct isolated_run *run = isolated->run;
	char text[4096];

	for (int i = 0; run->error_fd >= 0 && i < (all ? LAST_READS : READS); i++) {
		const ssize_t n = read(run->error_fd, text, sizeof(text));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_fd(&run->error_fd);
			return;
		}
		add_output(isolated, text, (size_t)n);
	}
}

/* Tells how a process ended, unless it was killed for a reason that the log has. */
static void tell_end(const struct isolated *isolated, const struct tux_spawn_result *result)
{
	const struct isolated_run *run = isolated->run;
	char text[256];

	if (run->killed || is_stopping(isolated->manager))
		return;
	if (result == NULL)
		print(text, sizeof(text), "its process is lost, because the process that starts it has ended");
	else if (result->kind == TUX_SPAWN_FAILED)
		print(text, sizeof(text), "its process %s: %s", tux_spawn_step_text(result->step), strerror(result->error));
	else if (WIFSIGNALED(result->status))
		print(text, sizeof(text), "process %d was ended by signal %d", (int)result->pid, WTERMSIG(result->status));
	else
		print(text, sizeof(text), "process %d ended with status %d", (int)result->pid, WEXITSTATUS(result->status));
	say_of(isolated, text);
}

/* Keeps what a process tells of its sandbox. Tells once if the kernel lacks a part of it. Returns false if the message is nonsense. */
static bool take_sandbox(struct isolated *isolated, const struct control_ready *message)
{
	const unsigned sandbox = SANDBOX_KNOWN | (message->unconfined ? SANDBOX_NONE : 0U) | (message->seccomp ? SANDBOX_SECCOMP : 0U) |
	                         message->landlock * SANDBOX_LANDLOCK;
	const bool lacks = !message->unconfined && (message->landlock == 0 || !message->seccomp);
	char text[SAY_BYTES];

	if (message->landlock > MAX_LANDLOCK || message->seccomp > 1 || message->unconfined > 1)
		return false;
	if (lacks && __atomic_load_n(&isolated->sandbox, __ATOMIC_RELAXED) != sandbox) {
		print(text, sizeof(text), "its process runs without %s, which this kernel lacks; require-sandbox on would not start it",
		      message->seccomp ? "Landlock" : message->landlock > 0 ? "seccomp" : "Landlock and seccomp");
		say_of(isolated, text);
	}
	__atomic_store_n(&isolated->sandbox, sandbox, __ATOMIC_RELAXED);
	return true;
}

/* Reads the message of a process after it has loaded the module. */
static void read_control(struct isolated *isolated)
{
	struct isolated_run *run = isolated->run;
	struct control_ready message = { 0 };
	unsigned count;
	const int len = control_receive(run->control_fd, &message, sizeof(message), NULL, 0, &count);

	if (len <= 0) { /* it ends */
		close_fd(&run->control_fd);
		return;
	}
	if (run->ready || count > 0 || len != (int)sizeof(message) || !take_sandbox(isolated, &message)) { /* or it has nothing more to say */
		isolated_process_kill(run->process, nonsense);
		return;
	}
	__atomic_store_n(&isolated->loaded->reads, (message.flags & TUX_MODULE_BODY_STREAMED) != 0, __ATOMIC_RELAXED);
	__atomic_store_n(&run->process->ready, true, __ATOMIC_RELEASE);
	run->ready = true;
	run->failed = false;
	run->ready_ms = clock_ms();
	__atomic_add_fetch(&run->process->references, 1, __ATOMIC_RELAXED);
	publish(isolated, run->process);
}

/* Reads a message that has come after the last poll(): a process that was ready and has ended has not failed to start. */
static void read_late(struct isolated *isolated)
{
	struct pollfd one = { .fd = isolated->run->control_fd, .events = POLLIN };

	if (!isolated->run->ready && one.fd >= 0 && poll(&one, 1, 0) > 0)
		read_control(isolated);
}

/* Handles the end of a process, or its failure to start. result NULL: the spawner has ended. */
static void ended(struct isolated *isolated, const struct tux_spawn_result *result)
{
	struct isolated_run *run = isolated->run;
	struct isolated_process *process = run->process;

	read_late(isolated);
	read_output(isolated, true);
	if (run->line_len > 0)
		write_line(isolated, run->line, run->line_len);
	tell_end(isolated, result);
	close_fd(&run->control_fd);
	close_fd(&run->error_fd);
	run->id = 0;
	run->process = NULL;
	run->failed = !run->ready;
	replace(isolated, process, run->ready && !is_stopping(isolated->manager));
	bury(isolated, process);
	isolated_process_put(process);
	if (run->ready && clock_ms() - run->ready_ms >= LONG_LIFE_MS)
		run->backoff_ms = BACKOFF_FIRST_MS;
	start_later(run);
}

/* Ends a process that a thread has found to break the rules. Requests wait for the next one, if it was ready. */
static void end_broken(struct isolated *isolated)
{
	struct isolated_run *run = isolated->run;

	if (run->id == 0 || run->killed || !isolated_process_is_dead(run->process))
		return;
	if (!spawner_kill(&isolated->manager->spawner, run->id))
		return; /* again later */
	run->killed = true;
	read_late(isolated);
	close_fd(&run->control_fd);
	replace(isolated, run->process, run->ready && !is_stopping(isolated->manager));
}

void isolated_describe(const struct isolated *isolated, struct snapshot_module *module)
{
	const unsigned sandbox = __atomic_load_n(&isolated->sandbox, __ATOMIC_RELAXED), landlock = sandbox / SANDBOX_LANDLOCK;
	const char *const seccomp = (sandbox & SANDBOX_SECCOMP) != 0 ? "seccomp" : "no seccomp";

	if ((sandbox & SANDBOX_KNOWN) == 0)
		print(module->process, sizeof(module->process), "no process was ready yet");
	else if ((sandbox & SANDBOX_NONE) != 0)
		print(module->process, sizeof(module->process), "in a process without a sandbox");
	else if (landlock > 0)
		print(module->process, sizeof(module->process), "in a process with landlock ABI %u, %s", landlock, seccomp);
	else
		print(module->process, sizeof(module->process), "in a process with no landlock, %s", seccomp);
	pthread_mutex_lock(&isolated->manager->lock);
	module->state = isolated->process != NULL ? SNAPSHOT_STATE_STARTING : SNAPSHOT_STATE_FAILED;
	if (isolated->process != NULL && isolated_process_is_ready(isolated->process) && !isolated_process_is_dead(isolated->process))
		module->state = SNAPSHOT_STATE_READY;
	pthread_mutex_unlock(&isolated->manager->lock);
}

/* Returns the module whose process has this id of the spawner; NULL if it has ended. */
static struct isolated *find(struct isolated_manager *manager, uint64_t id)
{
	for (unsigned i = 0; i < manager->count; i++)
		if (manager->run[i].id == id)
			return &manager->isolated[i];
	return NULL;
}

/* Reads the results of the spawner. */
static void read_spawner(struct isolated_manager *manager)
{
	struct tux_spawn_result result;

	for (;;) {
		const enum spawner_news news = spawner_read(&manager->spawner, &result);
		struct isolated *isolated;

		if (news == SPAWNER_NOTHING)
			return;
		if (news == SPAWNER_GONE) {
			for (unsigned i = 0; i < manager->count; i++)
				if (manager->run[i].id != 0)
					ended(&manager->isolated[i], NULL);
			return;
		}
		isolated = find(manager, result.id);
		if (isolated == NULL)
			continue;
		if (result.kind == TUX_SPAWN_STARTED)
			isolated->run->pid = result.pid;
		else if (result.kind == TUX_SPAWN_FAILED || result.kind == TUX_SPAWN_ENDED)
			ended(isolated, &result);
	}
}

/* Returns the milliseconds until the next start, or the end of the time for one, at most most; -1: no limit. */
static int wait_ms(const struct isolated_manager *manager, int most)
{
	const uint64_t now = clock_ms();
	int wait = most;

	for (unsigned i = 0; i < manager->count; i++) {
		const struct isolated_run *run = &manager->run[i];
		const uint64_t due = run->id == 0 ? run->due_ms : run->ready || run->killed ? 0 : run->began_ms + START_MS;
		const int until = due > now ? (int)(due - now) : 0;

		if (due != 0 && (wait < 0 || until < wait))
			wait = until;
	}
	return wait;
}

/* Waits for events, and handles them. */
static void turn(struct isolated_manager *manager, int most_ms)
{
	uint64_t woken;
	unsigned i;

	manager->polls[0] = (struct pollfd){ .fd = manager->event_fd, .events = POLLIN };
	manager->polls[1] = (struct pollfd){ .fd = manager->spawner.source.fd, .events = POLLIN };
	for (i = 0; i < manager->count; i++) {
		manager->polls[2 + 2 * i] = (struct pollfd){ .fd = manager->run[i].error_fd, .events = POLLIN };
		manager->polls[3 + 2 * i] = (struct pollfd){ .fd = manager->run[i].control_fd, .events = POLLIN };
	}
	if (poll(manager->polls, 2 + 2 * manager->count, most_ms) <= 0)
		return;
	if (manager->polls[0].revents != 0)
		(void)!read(manager->event_fd, &woken, sizeof(woken));
	for (i = 0; i < manager->count; i++) {
		if (manager->polls[2 + 2 * i].revents != 0)
			read_output(&manager->isolated[i], false);
		if (manager->polls[3 + 2 * i].revents != 0)
			read_control(&manager->isolated[i]);
	}
	if (manager->polls[1].revents != 0)
		read_spawner(manager);
}

/* Lets all processes end, and waits for that. */
static void stop_all(struct isolated_manager *manager)
{
	const uint64_t until = clock_ms() + STOP_MS;
	bool running = true;
	unsigned i;

	for (i = 0; i < manager->count; i++) {
		manager->run[i].due_ms = 0;
		close_fd(&manager->run[i].control_fd);
	}
	while (running && clock_ms() < until) {
		running = false;
		for (i = 0; i < manager->count; i++) {
			manager->run[i].due_ms = 0;
			running = running || manager->run[i].id != 0;
		}
		if (running)
			turn(manager, (int)(until - clock_ms()) + 1);
	}
	for (i = 0; i < manager->count; i++)
		if (manager->run[i].id != 0)
			ended(&manager->isolated[i], NULL);
}

/* Ends a process that takes too long to start. */
static void end_late(const struct isolated *isolated)
{
	const struct isolated_run *run = isolated->run;

	if (run->id != 0 && !run->ready && !run->killed && clock_ms() - run->began_ms >= START_MS)
		isolated_process_kill(run->process, "its process has not started in 60 seconds, and is killed");
}

static void *manage(void *argument)
{
	struct isolated_manager *manager = argument;

	pthread_setname_np(pthread_self(), "tux isolated");
	while (!is_stopping(manager)) {
		for (unsigned i = 0; i < manager->count; i++) {
			if (manager->run[i].id == 0 && manager->run[i].due_ms != 0 && manager->run[i].due_ms <= clock_ms())
				start(&manager->isolated[i]);
			end_late(&manager->isolated[i]);
			end_broken(&manager->isolated[i]);
		}
		turn(manager, wait_ms(manager, -1));
	}
	stop_all(manager);
	return NULL;
}

/* Opens the pipes that wake the engine's threads. Returns false with errno. */
static bool open_pipes(struct isolated *isolated, unsigned threads)
{
	for (unsigned i = 0; i < threads; i++) {
		char path[32];
		int fd[2];

		if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
			return false;
		isolated->wake[i] = fd[0];
		isolated->wake_end[i] = fd[1];
		print(path, sizeof(path), "/proc/self/fd/%d", fd[1]);
		isolated->wake_own[i] = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
		if (isolated->wake_own[i] < 0)
			return false;
	}
	return true;
}

static bool is_isolated(const struct tux_module_config *module)
{
	return module->isolate && module->file != NULL;
}

struct isolated_manager *isolated_open(const struct tux_engine_config *config, struct tux_loaded *loaded, int spawner_fd)
{
	struct isolated_manager *manager = calloc(1, sizeof(*manager));
	bool open = true;

	if (manager == NULL)
		return NULL;
	pthread_mutex_init(&manager->lock, NULL);
	manager->threads = config->threads;
	manager->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned i = 0; i < config->module_count; i++)
		manager->count += is_isolated(&config->modules[i]);
	manager->isolated = calloc(manager->count, sizeof(*manager->isolated));
	manager->run = calloc(manager->count, sizeof(*manager->run));
	manager->polls = calloc(2 + 2 * manager->count, sizeof(*manager->polls));
	if (manager->isolated == NULL || manager->run == NULL || manager->polls == NULL)
		manager->count = 0;
	for (unsigned i = 0, number = 0; i < config->module_count && number < manager->count; i++) {
		struct isolated *isolated = &manager->isolated[number];
		struct isolated_run *run = &manager->run[number];

		if (!is_isolated(&config->modules[i]))
			continue;
		isolated->number = number++;
		isolated->config = &config->modules[i];
		isolated->loaded = &loaded[i];
		isolated->manager = manager;
		isolated->run = run;
		run->control_fd = run->error_fd = -1;
		run->backoff_ms = BACKOFF_FIRST_MS;
		run->due_ms = 1;
		for (unsigned thread = 0; thread < TUX_MAX_THREADS; thread++)
			isolated->wake[thread] = isolated->wake_end[thread] = isolated->wake_own[thread] = -1;
		open = open && open_pipes(isolated, config->threads);
		if (open)
			isolated->process = process_new(isolated);
		open = open && isolated->process != NULL;
		loaded[i].isolated = isolated;
	}
	for (unsigned i = 0; i < config->upstream_count; i++)
		open = open && buffer_keep(&manager->names, (const uint8_t *)config->upstreams[i].name, (uint32_t)strlen(config->upstreams[i].name) + 1);
	if (open && manager->count > 0 && manager->event_fd >= 0 && spawner_open(&manager->spawner, spawner_fd))
		return manager;
	isolated_free(manager);
	return NULL;
}

bool isolated_start(struct isolated_manager *manager)
{
	const int error = pthread_create(&manager->id, NULL, manage, manager);

	errno = error;
	manager->started = error == 0;
	return manager->started;
}

void isolated_stop(struct isolated_manager *manager)
{
	if (!manager->started)
		return;
	__atomic_store_n(&manager->stopping, true, __ATOMIC_RELEASE);
	wake_manager(manager);
	pthread_join(manager->id, NULL);
	manager->started = false;
}

void isolated_free(struct isolated_manager *manager)
{
	if (manager == NULL)
		return;
	for (unsigned i = 0; i < manager->count; i++) {
		struct isolated *isolated = &manager->isolated[i];

		if (isolated->loaded != NULL)
			isolated->loaded->isolated = NULL;
		if (isolated->process != NULL)
			isolated_process_put(isolated->process);
		for (unsigned thread = 0; thread < manager->threads && isolated->config != NULL; thread++) {
			close_fd(&isolated->wake[thread]);
			close_fd(&isolated->wake_end[thread]);
			close_fd(&isolated->wake_own[thread]);
		}
	}
	close_fd(&manager->event_fd);
	pthread_mutex_destroy(&manager->lock);
	buffer_forget(&manager->names);
	free(manager->polls);
	free(manager->run);
	free(manager->isolated);
	free(manager);
}
