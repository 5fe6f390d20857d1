/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "uacme.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../engine/io/clock.h"
#include "../../engine/io/print.h"
#include "../cgi/children.h"
#include "../confine/helper_sandbox.h"
#include "../confine/privileges.h"
#include "../confine/unused_user.h"
#include "binding.h"
#include "hook.h"
#include "limits.h"
#include "thumbprint.h"

#define WORK "work"
#define PATHS "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum {
	HOOK_FD = STDERR_FILENO + 1, /* descriptors of uacme */
	PROGRAM_FD,
	FIRST_UNUSED_FD,
	RUN_MS = 300000,         /* time limit of uacme */
	STEP_MS = 100,           /* between two looks whether it has ended: a process that it left may keep its output open */
	OUTPUT_MAX = 4096,       /* kept bytes of its messages: the last ones */
	OUTPUT_LINES = 6,        /* quoted lines of them */
	CHAIN_BYTES = 1 << 16,   /* of a certificate with its issuers */
	EXIT_NO_PROGRAM = 127,
	EXIT_NO_PRIVILEGES = 126,
	EXIT_NO_SANDBOX = 125,
	EXIT_REFUSED = 2,        /* of uacme */
};

/* A running uacme. */
struct run {
	pid_t pid;
	struct tux_hook_rules rules; /* for challenges */
	int output_fd, hook_fd;
	bool late; /* it has exceeded its time limit */
	char output[OUTPUT_MAX + 1]; /* its last messages */
	size_t len;
};

/* The removal of its directory. */
struct removal {
	int work;         /* the directory */
	unsigned moved;   /* directories that were moved into it */
	unsigned removed; /* names */
};

/* Calls visit for each name in a directory. */
static void names_visit(int directory, void (*visit)(struct removal *removal, int directory, const char *name), struct removal *removal)
{
	const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *const list = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	while (list && (entry = readdir(list)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			visit(removal, directory, entry->d_name);
	if (list)
		closedir(list);
	else if (copy >= 0)
		close(copy);
}

/* Opens a directory that uacme has made, whatever its mode: a user without privileges could not read, change or move it. Follows no link. */
static int inner_open(int directory, const char *name)
{
	const int found = openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char link[32];
	int fd;

	if (found < 0)
		return -1;
	print(link, sizeof(link), "/proc/self/fd/%d", found);
	chmod(link, 0700);
	fd = openat(found, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(found);
	return fd;
}

/* Removes a name of a subdirectory; moves a directory up, beside the subdirectory, to a name that uacme has not used. */
static void move_up(struct removal *removal, int directory, const char *name)
{
	char moved[32];
	int inner, done;

	if (unlinkat(directory, name, 0) == 0 || unlinkat(directory, name, AT_REMOVEDIR) == 0)
		return;
	inner = inner_open(directory, name);
	if (inner >= 0)
		close(inner);
	do {
		print(moved, sizeof(moved), ".moved-%u", removal->moved++);
		done = renameat(directory, name, removal->work, moved);
	} while (done < 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR));
}

/* Removes a name of the directory of uacme. Follows no link. */
static void name_remove(struct removal *removal, int directory, const char *name)
{
	int inner;

	if (unlinkat(directory, name, 0) == 0 || unlinkat(directory, name, AT_REMOVEDIR) == 0) {
		removal->removed++;
		return;
	}
	inner = inner_open(directory, name);
	if (inner < 0)
		return;
	names_visit(inner, move_up, removal);
	close(inner);
	removal->removed += unlinkat(directory, name, AT_REMOVEDIR) == 0;
}

/* Removes the directory of uacme, which may have directories of any depth in it: each pass takes one level off. */
static void work_remove(const struct tux_store *store)
{
	const int work = inner_open(store->fd, WORK);

	struct removal removal = { .work = work };
	unsigned before;

	if (work < 0)
		return;
	do {
		before = removal.removed;
		names_visit(work, name_remove, &removal);
	} while (removal.removed != before);
	close(work);
	unlinkat(store->fd, WORK, AT_REMOVEDIR);
}

/* Gives a file or directory to the user of uacme. */
static bool give(const struct tux_user *user, int fd)
{
	return !user->change || fchown(fd, user->uid, user->gid) == 0;
}

/* Writes a file of uacme, in a directory that is not its own yet. */
static bool work_write(const struct tux_user *user, int directory, const char *name, const struct tux_pem *pem)
{
	int fd;
	bool done;

	if (!tux_store_write(directory, name, pem))
		return false;
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	done = fd >= 0 && give(user, fd);
	if (fd >= 0)
		close(fd);
	return done;
}

/* Makes the directory of uacme, with the key of the account and the request. Returns -1 with errno. */
static int work_make(const struct tux_issuing *issuing, const struct tux_pem *account, const struct tux_pem *request)
{
	int work, inner = -1, saved;
	bool done;

	work_remove(issuing->store); /* of a process that was killed */
	work = mkdirat(issuing->store->fd, WORK, 0700) == 0 ? tux_store_directory(issuing->store, WORK, false) : -1;
	if (work < 0)
		return -1;
	done = mkdirat(work, "private", 0700) == 0 && (inner = openat(work, "private", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) >= 0 &&
	       work_write(issuing->user, inner, "key.pem", account) && work_write(issuing->user, work, "request.pem", request) &&
	       give(issuing->user, inner) && give(issuing->user, work);
	saved = errno;
	if (inner >= 0)
		close(inner);
	if (done)
		return work;
	close(work);
	errno = saved;
	return -1;
}

/* Keeps the variables by which libcurl finds a proxy, and removes all others. */
static void environment_set(void)
{
	static const char *const kept[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" };
	const char *value[sizeof(kept) / sizeof(kept[0])];
	char number[16];

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		value[i] = getenv(kept[i]); /* clearenv() keeps the texts */
	clearenv();
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (value[i])
			setenv(kept[i], value[i], 1);
	snprintf(number, sizeof(number), "%d", HOOK_FD);
	setenv(TUX_HOOK_VARIABLE, number, 1);
	setenv("PATH", PATHS, 1);
	setenv("HOME", ".", 1);
}

/* Gives the process the descriptors of uacme, and the directory work. Returns false if a descriptor is missing. */
static bool descriptors_set(int work, int output, int hook)
{
	const int none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int program = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	/* Move both above their final numbers, so that neither overwrites the other. */
	hook = fcntl(hook, F_DUPFD_CLOEXEC, FIRST_UNUSED_FD);
	program = fcntl(program, F_DUPFD_CLOEXEC, FIRST_UNUSED_FD);
	return fchdir(work) == 0 && none >= 0 && dup2(none, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0 &&
	       hook >= 0 && dup2(hook, HOOK_FD) >= 0 && program >= 0 && dup2(program, PROGRAM_FD) >= 0;
}

/* Lets the out-of-memory killer choose uacme first: it reads what an authority sends. */
static void memory_yield(void)
{
	const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dprintf(fd, "1000");
	close(fd);
}

/* Becomes uacme in the new process, whose parent is the process parent. */
static _Noreturn void become(const struct tux_issuing *issuing, char *const *arguments, int work, int output, int hook, pid_t parent)
{
	char error[256];
	sigset_t signals;
	int directory;

	sigemptyset(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	if (!descriptors_set(work, output, hook))
		_exit(EXIT_NO_PRIVILEGES);
	closefrom(FIRST_UNUSED_FD);
	environment_set();
	memory_yield();
	tux_uacme_limits_set(issuing->user->change ? issuing->user->uid : getuid());
	umask(077);
	directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!tux_privileges_drop(issuing->user, error, sizeof(error)))
		_exit(EXIT_NO_PRIVILEGES);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* after the change of the user, which would clear it */
	if (getppid() != parent)
		_exit(EXIT_NO_PRIVILEGES);
	if (!tux_helper_sandbox_enter(directory, PROGRAM_FD))
		_exit(EXIT_NO_SANDBOX);
	execvp(arguments[0], arguments);
	_exit(EXIT_NO_PROGRAM);
}

/* Starts uacme. Returns false with errno. */
static bool start(struct run *run, const struct tux_issuing *issuing, char *const *arguments, int work)
{
	const pid_t parent = getpid();
	int output[2], hook[2];

	if (pipe2(output, O_CLOEXEC) < 0)
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, hook) < 0) {
		close(output[0]);
		close(output[1]);
		return false;
	}
	run->pid = fcntl(output[0], F_SETFL, O_NONBLOCK) == 0 ? fork() : -1; /* after the fork nothing may fail: uacme would run on */
	if (run->pid == 0)
		become(issuing, arguments, work, output[1], hook[1], parent);
	close(output[1]);
	close(hook[1]);
	run->output_fd = output[0];
	run->hook_fd = hook[0];
	if (run->pid > 0)
		return true;
	close(run->output_fd);
	close(run->hook_fd);
	return false;
}

/* Keeps the last bytes of what uacme writes. Returns false at the end. */
static bool output_take(struct run *run)
{
	char part[OUTPUT_MAX / 4];
	const ssize_t got = read(run->output_fd, part, sizeof(part));
	size_t excess;

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	excess = run->len + (size_t)got > OUTPUT_MAX ? run->len + (size_t)got - OUTPUT_MAX : 0;
	memmove(run->output, run->output + excess, run->len - excess);
	run->len -= excess;
	memcpy(run->output + run->len, part, (size_t)got);
	run->len += (size_t)got;
	run->output[run->len] = '\0';
	return true;
}

/* Takes a message of the hook, and responds to it. Returns false if the socket is closed. */
static bool hook_take(struct run *run)
{
	char message[TUX_HOOK_MESSAGE];
	const ssize_t got = recv(run->hook_fd, message, sizeof(message), MSG_DONTWAIT);

	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	send(run->hook_fd, tux_hook_apply(&run->rules, message, (size_t)got) ? "y" : "n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	return true;
}

void tux_uacme_children_end(void)
{
	do
		tux_children_kill(NULL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

/* Waits for the end of uacme, for its time limit, or for end_fd. Returns false in the last case. Sets its wait status. */
static bool await(struct run *run, const struct tux_issuing *issuing, int *status)
{
	const uint64_t limit_ms = clock_ms() + RUN_MS;
	struct pollfd waits[] = { { .fd = issuing->end_fd, .events = POLLIN }, { .fd = run->output_fd, .events = POLLIN }, { .fd = run->hook_fd, .events = POLLIN } };
	bool stopped = false, ended = false;
	uint64_t now_ms;

	while (!stopped && !ended && (now_ms = clock_ms()) < limit_ms) {
		poll(waits, 3, limit_ms - now_ms < STEP_MS ? (int)(limit_ms - now_ms) : STEP_MS);
		stopped = waits[0].revents != 0;
		if (waits[1].fd >= 0 && waits[1].revents && !output_take(run))
			waits[1].fd = -1;
		if (waits[2].fd >= 0 && waits[2].revents && !hook_take(run))
			waits[2].fd = -1;
		ended = waitpid(run->pid, status, WNOHANG) == run->pid;
	}
	run->late = !ended && !stopped;
	if (!ended) {
		kill(-run->pid, SIGKILL);
		kill(run->pid, SIGKILL); /* it may not have its process group yet */
		while (waitpid(run->pid, status, 0) < 0 && errno == EINTR)
			;
	}
	tux_uacme_children_end();
	while (waits[1].fd >= 0 && poll(&waits[1], 1, 0) > 0 && output_take(run))
		;
	close(run->output_fd);
	close(run->hook_fd);
	tux_challenges_remove(issuing->challenges, CHALLENGE_HTTP, NULL);
	return !stopped;
}

/* Writes the last lines of uacme's messages as one, without control characters. */
static void output_quote(struct run *run, char *out, size_t out_size)
{
	size_t begin, lines = 0, at = 0;

	while (run->len > 0 && strchr(" \n", run->output[run->len - 1]))
		run->output[--run->len] = '\0';
	for (begin = run->len; begin > 0 && run->len - begin < out_size - 1; begin--) {
		lines += run->output[begin - 1] == '\n';
		if (lines == OUTPUT_LINES)
			break;
	}
	for (; begin < run->len && at + 1 < out_size; begin++) {
		const char octet = run->output[begin];

		if (octet != '\n' && octet != ' ')
			out[at++] = octet > ' ' && octet < 127 ? octet : '?';
		else if (at > 0 && out[at - 1] != ' ')
			out[at++] = ' ';
	}
	out[at] = '\0';
}

/* Writes why uacme failed. */
static void failure_write(struct run *run, const struct tux_issuing *issuing, int status, char *error, size_t error_size)
{
	const char *const limit = tux_uacme_limit_reached(status, run->output);
	size_t len;
	char quoted[640];

	output_quote(run, quoted, sizeof(quoted));
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM)
		snprintf(error, error_size, "uacme is not installed: apt install uacme");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PRIVILEGES)
		snprintf(error, error_size, "cannot run uacme as user %s", issuing->user->name);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_SANDBOX)
		snprintf(error, error_size, "cannot put Landlock rules in force for uacme");
	else if (run->late)
		snprintf(error, error_size, "uacme has not ended within %d s: %s", RUN_MS / 1000, quoted);
	else if (WIFSIGNALED(status))
		snprintf(error, error_size, "uacme was ended by signal %d (%s): %s", WTERMSIG(status), strsignal(WTERMSIG(status)), quoted);
	else
		snprintf(error, error_size, "%s", quoted[0] ? quoted : "uacme failed without a message");
	len = strlen(error);
	if (limit)
		snprintf(error + len, error_size - len, "; TUX permits uacme %s", limit);
}

/*
 * Runs uacme. It succeeds also if it refuses with a message that contains the words in success (or NULL). With TUX_NOT_ISSUED a sentence is in
 * error.
 */
static enum tux_issued run_one(const struct tux_issuing *issuing, const struct tux_automatic *wanted, char *const *arguments, const char *success, int work,
                               char *error, size_t error_size)
{
	const uint8_t challenge = wanted->acme.challenge != TUX_CHALLENGE_AUTO ? wanted->acme.challenge : (uint8_t)issuing->challenge;
	struct run run = {
		.output_fd = -1,
		.hook_fd = -1,
		.rules = { issuing->challenges, challenge == TUX_CHALLENGE_TLS, tux_automatic_names(wanted), issuing->thumbprint },
	};
	int status = 0;

	if (!start(&run, issuing, arguments, work)) {
		snprintf(error, error_size, "cannot start uacme: %s", strerror(errno));
		return TUX_NOT_ISSUED;
	}
	if (!await(&run, issuing, &status))
		return TUX_ISSUE_STOPPED;
	if (status == 0 || (success && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_REFUSED && strstr(run.output, success)))
		return TUX_ISSUED;
	failure_write(&run, issuing, status, error, error_size);
	return TUX_NOT_ISSUED;
}

/* Reads the key of the account for a directory, or makes one. uacme can use the folder. Returns false with a sentence in error. */
static bool account_get(const struct tux_store *store, const struct tux_automatic *wanted, struct tux_pem *key, char *error, size_t error_size)
{
	const char *const name = strchr(wanted->folder, '/') + 1;
	char path[NAME_MAX + 32];
	int folder = -1, saved;
	bool done, missing;

	errno = ENAMETOOLONG;
	if (print_whole(path, sizeof(path), "accounts/%s/private", name))
		folder = tux_store_directory(store, path, true);
	done = folder >= 0;
	if (done && !tux_store_read(folder, "key.pem", key)) {
		missing = errno == ENOENT;
		if (missing && !tux_key_make(key, error, error_size)) {
			close(folder);
			return false;
		}
		done = missing && tux_store_write(folder, "key.pem", key);
	}
	saved = errno;
	if (!done)
		snprintf(error, error_size, "cannot read or write the key of the account, %s/%s/key.pem: %s", store->path, path, strerror(saved));
	if (folder >= 0)
		close(folder);
	return done;
}

/* Like account_get(), and writes the thumbprint of the key. */
static bool account_open(const struct tux_store *store, const struct tux_automatic *wanted, struct tux_pem *key, char thumbprint[TUX_THUMBPRINT + 1],
                         char *error, size_t error_size)
{
	if (!account_get(store, wanted, key, error, error_size))
		return false;
	if (tux_thumbprint(key, thumbprint))
		return true;
	snprintf(error, error_size, "the key of the account, %s/accounts%s/private/key.pem, is neither RSA nor of P-256, P-384 or P-521", store->path,
	         strchr(wanted->folder, '/'));
	return false;
}

/* Joins a key and a certificate with its issuers. Returns false if out of memory. */
static bool join(const struct tux_pem *key, const struct tux_pem *chain, struct tux_pem *both)
{
	*both = (struct tux_pem){ malloc(key->len + chain->len + 1), 0 };
	if (!both->text)
		return false;
	memcpy(both->text, key->text, key->len);
	memcpy(both->text + key->len, chain->text, chain->len);
	both->len = key->len + chain->len;
	both->text[both->len] = '\0';
	return true;
}

/* Judges a certificate with its key before it takes the place of another one. Returns false with a sentence in error. */
static bool result_judge(const struct tux_automatic *wanted, const struct tux_pem *both, char *error, size_t error_size)
{
	const struct tux_names names = tux_automatic_names(wanted);
	struct tux_certificate_facts facts;
	char reason[512];

	if (!tux_certificate_examine(both, &names, NULL, &facts))
		snprintf(error, error_size, "the authority's response has no certificate");
	else if (!facts.has_key || !facts.has_names)
		snprintf(error, error_size, "the authority's certificate is for %s", facts.has_key ? "other names" : "another key");
	else if (facts.end <= (int64_t)time(NULL))
		snprintf(error, error_size, "the authority's certificate has expired: is the clock right?");
	else if (!tux_certificate_is_usable(both, reason, sizeof(reason)))
		snprintf(error, error_size, "the authority's certificate cannot be used: %s", reason);
	else
		return true;
	return false;
}

/* Takes the certificate that uacme wrote, adds the key, and writes both to the store. Returns false with a sentence in error. */
static bool result_take(const struct tux_store *store, const struct tux_automatic *wanted, const struct tux_pem *key, int work, char *error, size_t error_size)
{
	struct tux_pem chain = { NULL, 0 }, both = { NULL, 0 };
	const int folder = tux_store_directory(store, wanted->folder, true);
	bool done = false;

	if (folder < 0)
		snprintf(error, error_size, "cannot make %s/%s: %s", store->path, wanted->folder, strerror(errno));
	else if (!tux_store_read(work, "request-cert.pem", &chain))
		snprintf(error, error_size, "cannot read the certificate of uacme: %s", strerror(errno));
	else if (chain.len > CHAIN_BYTES || !join(key, &chain, &both))
		snprintf(error, error_size, "the authority's certificate has more than %d bytes, or no memory is left", CHAIN_BYTES);
	else if (result_judge(wanted, &both, error, error_size) && !(done = tux_store_write(folder, wanted->file, &both)))
		snprintf(error, error_size, "cannot write %s/%s/%s: %s", store->path, wanted->folder, wanted->file, strerror(errno));
	if (folder >= 0)
		close(folder);
	tux_pem_free(&both);
	tux_pem_free(&chain);
	return done;
}

/* Runs uacme for the account, then for the certificate, in its directory. */
static enum tux_issued uacme_run(const struct tux_issuing *issuing, const struct tux_automatic *wanted, int work, char *error, size_t error_size)
{
	static char uacme[] = "uacme", yes[] = "-y", verbose[] = "-v", force[] = "-f", place[] = "-c", here[] = ".", address[] = "-a", with_hook[] = "-h",
	            hook[] = "/proc/self/fd/4", bind_to[] = "-e", make[] = "new", issue[] = "issue", request[] = "request.pem";
	char url[TUX_MAX_DIRECTORY + 1], email[TUX_MAX_EMAIL + 1], binding[TUX_MAX_BINDING + 1] = "";
	char *of_account[16] = { uacme, yes, place, here, address, url };
	char *const of_certificate[] = { uacme, verbose, force, place, here, address, url, with_hook, hook, issue, request, NULL };
	unsigned count = 6;
	enum tux_issued issued;

	_Static_assert(PROGRAM_FD == 4, "the path of the hook has the number");
	snprintf(url, sizeof(url), "%s", wanted->acme.directory);
	snprintf(email, sizeof(email), "%s", wanted->acme.email ? wanted->acme.email : "");
	if (wanted->acme.binding && !tux_binding_read(wanted->acme.binding, binding, error, error_size))
		return TUX_NOT_ISSUED;
	if (binding[0]) {
		of_account[count++] = bind_to;
		of_account[count++] = binding;
	}
	of_account[count++] = make;
	if (email[0])
		of_account[count++] = email;
	issued = run_one(issuing, wanted, of_account, "already exists", work, error, error_size);
	explicit_bzero(binding, sizeof(binding));
	return issued == TUX_ISSUED ? run_one(issuing, wanted, of_certificate, NULL, work, error, error_size) : issued;
}

/*
 * Chooses the user of uacme. CGI programs have the user who serves: they could take its socket or the key of the account. Only root can choose.
 */
static void user_choose(const struct tux_issuing *issuing, struct tux_user *user)
{
	char error[160];

	if (geteuid() == 0 && tux_user_unused(user, error, sizeof(error)))
		return;
	*user = *issuing->user;
	if (geteuid() == 0)
		fprintf(stderr, "tux: warning: uacme has the user %s, as CGI programs, because it gets no user id of its own: %s\n", user->name, error);
}

enum tux_issued tux_uacme_issue(const struct tux_issuing *issuing, const struct tux_automatic *wanted, char *error, size_t error_size)
{
	const struct tux_names names = tux_automatic_names(wanted);
	struct tux_pem account = { NULL, 0 }, key = { NULL, 0 }, request = { NULL, 0 };
	struct tux_issuing own = *issuing;
	enum tux_issued issued = TUX_NOT_ISSUED;
	char thumbprint[TUX_THUMBPRINT + 1];
	struct tux_user user;
	int work = -1;

	user_choose(issuing, &user);
	own.user = &user;
	own.thumbprint = thumbprint;
	if (account_open(issuing->store, wanted, &account, thumbprint, error, error_size) && tux_request_make(&names, &key, &request, error, error_size)) {
		work = work_make(&own, &account, &request);
		if (work < 0)
			snprintf(error, error_size, "cannot make %s/" WORK ": %s", issuing->store->path, strerror(errno));
		else
			issued = uacme_run(&own, wanted, work, error, error_size);
		if (issued == TUX_ISSUED && !result_take(issuing->store, wanted, &key, work, error, error_size))
			issued = TUX_NOT_ISSUED;
	}
	if (work >= 0)
		close(work);
	work_remove(issuing->store);
	tux_pem_free(&request);
	tux_pem_free(&key);
	tux_pem_free(&account);
	return issued;
}
