/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns a new process into a CGI program. Allocates nothing, because the process may share its memory with a parent that waits for
 * the exec (vfork). Static memory holds the arguments and the environment.
 */
#define _GNU_SOURCE 1
#include "cgi.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../modules/process.h"
#include "script.h"
#include "../../engine/io/print.h"

enum {
	ADDED_TEXT = 64 * 1024, /* bytes of the variables added here */
	MAX_STRINGS = TUX_SPAWN_MAX_STRINGS + 2 * TUX_MAX_CGI_TEXTS + 8,
};

/* Arguments and environment of the next program. Only one program is prepared at a time. */
static struct {
	char *environment[MAX_STRINGS + 1];
	unsigned count;
	char *argument[TUX_MAX_CGI_TEXTS + 2];
	char text[ADDED_TEXT];
	size_t text_len;
} next;

/* Default search path of programs. */
static const char default_path[] = "PATH=/usr/local/bin:/usr/bin:/bin";

/* True if both strings set the same name. */
static bool same_name(const char *a, const char *b)
{
	const size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

static void own_add(struct tux_cgi_rule *rule, const char *string)
{
	unsigned i;

	for (i = 0; i < rule->owns; i++)
		if (same_name(rule->own[i], string))
			return;
	rule->own[rule->owns++] = string;
}

/* Returns the string "NAME=value" of this process's environment; NULL if the name is missing. */
static const char *inherited(const char *name)
{
	const size_t len = strlen(name);
	char **one;

	for (one = environ; *one; one++)
		if (strncmp(*one, name, len) == 0 && (*one)[len] == '=')
			return *one;
	return NULL;
}

static void environment_make(struct tux_cgi_rule *rule, const struct tux_cgi *cgi)
{
	const char *const *one;
	const char *string;

	for (one = cgi->environment; one && *one; one++)
		own_add(rule, *one);
	for (one = cgi->pass; one && *one; one++)
		if ((string = inherited(*one)))
			own_add(rule, string);
	own_add(rule, default_path);
}

/* Returns the name of the block that configures a kind. */
static const char *kind_of(const struct tux_cgi *cgi)
{
	return cgi->module ? "module" : "cgi";
}

static bool user_find(struct tux_cgi_rule *rule, const struct tux_user *server, char *error, size_t error_size)
{
	const char *const name = rule->cgi->user;
	char reason[160];

	rule->user = *server;
	rule->user.change = false;
	if (!name)
		return true;
	if (!tux_user_find(name, &rule->user, reason, sizeof(reason))) {
		snprintf(error, error_size, "%s %s: %s", kind_of(rule->cgi), rule->cgi->name, reason);
		return false;
	}
	rule->user.change = rule->user.uid != server->uid || rule->user.gid != server->gid;
	if (!rule->user.change || geteuid() == 0)
		return true;
	snprintf(error, error_size, "%s %s: only root can start programs as \"%s\"", kind_of(rule->cgi), rule->cgi->name, name);
	return false;
}

bool tux_cgi_rule_make(struct tux_cgi_rule *rule, const struct tux_cgi *cgi, const struct tux_user *server, char *error,
                       size_t error_size)
{
	const char *slash;

	memset(rule, 0, sizeof(*rule));
	rule->cgi = cgi;
	if (cgi->module && cgi->chroot && geteuid() != 0) {
		snprintf(error, error_size, "module %s: only root can change its root directory", cgi->name);
		return false;
	}
	if (cgi->module) {
		environment_make(rule, cgi);
		return user_find(rule, server, error, error_size);
	}
	if (cgi->root ? *cgi->root != '/' : !cgi->program) {
		snprintf(error, error_size, "cgi %s: it needs a root or a program, paths that begin with '/'", cgi->name);
		return false;
	}
	environment_make(rule, cgi);
	if (cgi->chroot && geteuid() != 0) {
		snprintf(error, error_size, "cgi %s: only root can change the root directory of its programs", cgi->name);
		return false;
	}
	if (!cgi->root) {
		slash = strrchr(cgi->program[0], '/');
		if (!slash || cgi->program[0][0] != '/' || (size_t)(slash - cgi->program[0]) + 1 >= sizeof(rule->directory)) {
			snprintf(error, error_size, "cgi %s: program \"%s\" is no path that begins with '/'", cgi->name, cgi->program[0]);
			return false;
		}
		memcpy(rule->directory, cgi->program[0], (size_t)(slash - cgi->program[0]) + 1);
	}
	return user_find(rule, server, error, error_size);
}

int tux_cgi_rules_highest(const struct tux_cgi_rule *rules)
{
	int highest = -1;

	for (unsigned i = 0; i < TUX_MAX_CGI && rules[i].cgi; i++)
		if (rules[i].cgi->module && rules[i].cgi->module_fd > highest)
			highest = rules[i].cgi->module_fd;
	return highest;
}

bool tux_cgi_rules_have(const struct tux_cgi_rule *rules, int fd)
{
	for (unsigned i = 0; i < TUX_MAX_CGI && rules[i].cgi; i++)
		if (rules[i].cgi->module && rules[i].cgi->module_fd == fd)
			return true;
	return false;
}

uint64_t tux_cgi_rules_capabilities(const struct tux_cgi_rule *rules, uint64_t *inherited, bool *regain)
{
	uint64_t needed = 0;
	unsigned i;

	*inherited = 0;
	*regain = false;
	for (i = 0; i < TUX_MAX_CGI && rules[i].cgi; i++) {
		const struct tux_cgi_rule *const rule = &rules[i];

		if (rule->user.change)
			needed |= 1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_KILL;
		if (rule->cgi->chroot)
			needed |= 1ull << CAP_SYS_CHROOT;
		if (rule->cgi->chroot && rule->cgi->module) /* until it has its root */
			*inherited |= 1ull << CAP_SYS_CHROOT;
		if (rule->cgi->new_privileges) {
			needed |= tux_privileges_has(CAP_KILL) ? 1ull << CAP_KILL : 0;
			*regain = true;
		}
	}
	return needed;
}

/* Adds a limit, capped at the present hard limit. A hard limit above the soft one lets a program notice the soft one. */
static void rlimit_add(struct tux_cgi_rule *rule, int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit now;

	if (getrlimit(resource, &now) < 0)
		return;
	if (now.rlim_max < hard)
		hard = now.rlim_max;
	rule->rlimit[rule->rlimits].resource = resource;
	rule->rlimit[rule->rlimits++].limit = (struct rlimit){ soft < hard ? soft : hard, hard };
}

void tux_cgi_rule_limit(struct tux_cgi_rule *rule)
{
	const struct tux_cgi *const cgi = rule->cgi;

	rule->rlimits = 0;
	rlimit_add(rule, RLIMIT_CORE, 0, 0);
	if (cgi->cpu_s)
		rlimit_add(rule, RLIMIT_CPU, cgi->cpu_s, (uint64_t)cgi->cpu_s + 1);
	if (cgi->memory_bytes)
		rlimit_add(rule, RLIMIT_DATA, cgi->memory_bytes, cgi->memory_bytes);
	if (cgi->file_bytes)
		rlimit_add(rule, RLIMIT_FSIZE, cgi->file_bytes, cgi->file_bytes);
	if (cgi->processes)
		rlimit_add(rule, RLIMIT_NPROC, cgi->processes, cgi->processes);
	if (cgi->files)
		rlimit_add(rule, RLIMIT_NOFILE, cgi->files, cgi->files);
}

static void __attribute__((noreturn)) fail(struct tux_cgi_failure *failure, uint32_t step, int error)
{
	failure->error = error;
	failure->step = step;
	_exit(127);
}

/*
 * Installs the standard streams and closes all other descriptors. The streams become blocking, even if the engine's ends are not.
 */
static bool streams_take(const struct tux_cgi_rule *rule, const int fd[TUX_SPAWN_STREAMS])
{
	int i;

	for (i = 0; i < TUX_SPAWN_STREAMS; i++) {
		const int flags = fcntl(fd[i], F_GETFL);

		if (flags < 0 || ((flags & O_NONBLOCK) && fcntl(fd[i], F_SETFL, flags & ~O_NONBLOCK) < 0) || dup2(fd[i], i) < 0)
			return false;
	}
	if (rule->cgi->module)
		return tux_module_descriptors(rule->cgi);
	close_range(TUX_SPAWN_STREAMS, ~0u, 0); /* before Linux 5.9 the exec closes them */
	return true;
}

static bool rlimits_set(const struct tux_cgi_rule *rule)
{
	unsigned i;

	for (i = 0; i < rule->rlimits; i++)
		if (setrlimit((__rlimit_resource_t)rule->rlimit[i].resource, &rule->rlimit[i].limit) < 0)
			return false;
	errno = 0; /* nice(2) can legitimately return -1 */
	return rule->cgi->nice == 0 || nice((int)rule->cgi->nice) != -1 || errno == 0;
}

static bool user_become(const struct tux_cgi_rule *rule)
{
	const struct tux_user *const user = &rule->user;

	if (user->change && (setgroups((size_t)user->groups, user->group) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	                     setresuid(user->uid, user->uid, user->uid) < 0))
		return false;
	if (rule->cgi->module && rule->cgi->chroot ? !tux_privileges_inherit(CAP_SYS_CHROOT) : !tux_privileges_forget())
		return false;
	if (user->change && user->uid != 0 && setresuid(0, 0, 0) == 0) {
		errno = EPERM;
		return false;
	}
	return rule->cgi->new_privileges || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Adds "NAME=" and two texts. Returns false if they do not fit. */
static bool variable_add(const char *name, const char *text, size_t len, const char *more)
{
	char *const at = next.text + next.text_len;
	const size_t room = sizeof(next.text) - next.text_len;

	if (room == 0 || next.count == MAX_STRINGS || !print_whole(at, room, "%s=%.*s%s", name, (int)len, text, more))
		return false;
	next.text_len += strlen(at) + 1;
	next.environment[next.count++] = at;
	return true;
}

/* Starts the environment with the rule's own variables. Adds those of the request, except names that the rule or this file sets. */
static void environment_begin(const struct tux_cgi_rule *rule, const struct tux_spawn_request *request)
{
	static const char *const ours[] = { "SCRIPT_NAME=", "SCRIPT_FILENAME=", "PATH_INFO=", "PATH_TRANSLATED=" };
	unsigned i, k;

	next.count = 0;
	next.text_len = 0;
	for (i = 0; i < rule->owns; i++)
		next.environment[next.count++] = (char *)(uintptr_t)rule->own[i];
	for (i = 0; i < request->strings; i++) {
		bool set = false;

		for (k = 0; k < rule->owns && !set; k++)
			set = same_name(rule->own[k], request->string[i]);
		for (k = 0; k < 4 && !set; k++)
			set = strncmp(ours[k], request->string[i], strlen(ours[k])) == 0;
		if (!set)
			next.environment[next.count++] = request->string[i];
	}
	next.environment[next.count] = NULL;
}

/* Adds one of the four variables that depend on the script's path, unless the rule sets it. */
static bool script_variable(const struct tux_cgi_rule *rule, const char *name, const char *text, size_t len, const char *more)
{
	const size_t name_len = strlen(name);
	unsigned i;

	for (i = 0; i < rule->owns; i++)
		if (strncmp(rule->own[i], name, name_len) == 0 && rule->own[i][name_len] == '=')
			return true;
	return variable_add(name, text, len, more);
}

/*
 * Adds the variables of the script (RFC 3875 4.1.13, 4.1.5, 4.1.6). Its name is script_len bytes of the path; the rest is
 * PATH_INFO.
 */
static bool environment_finish(const struct tux_cgi_rule *rule, const struct tux_spawn_request *request, size_t script_len,
                               const char *file)
{
	const char *const info = request->path + script_len;
	const char *root = NULL;
	unsigned i;

	for (i = 0; i < next.count && !root; i++)
		if (strncmp(next.environment[i], "DOCUMENT_ROOT=", 14) == 0)
			root = next.environment[i] + 14;
	if (!script_variable(rule, "SCRIPT_NAME", request->path, script_len, "") ||
	    !script_variable(rule, "SCRIPT_FILENAME", file, strlen(file), "") ||
	    !script_variable(rule, "PATH_INFO", info, strlen(info), "") ||
	    (*info && root && !script_variable(rule, "PATH_TRANSLATED", root, strlen(root), info)))
		return false;
	next.environment[next.count] = NULL;
	return true;
}

/*
 * Enters the directory of the script of a rule with a root, and writes the script's path to file. Its name starts at at in the
 * request's path. Sets *script_len to the end of the name. Exits on failure.
 */
static void script_enter(const struct tux_cgi_rule *rule, struct tux_spawn_request *request, size_t at, size_t *script_len, char *file,
                         size_t file_size, struct tux_cgi_failure *failure)
{
	const char *const root = rule->cgi->root;
	const int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint32_t len;
	int error, directory_fd;

	if (root_fd < 0)
		fail(failure, TUX_SPAWN_AT_ROOT, errno);
	error = tux_script_find(root_fd, rule->cgi->root_owned, request->path + at, &len, &directory_fd);
	if (error != 0)
		fail(failure, TUX_SPAWN_AT_SCRIPT, error);
	*script_len = at + len;
	/* A script must be executed by its path: a descriptor of it would not survive the exec, or the program would inherit it. */
	if (!print_whole(file, file_size, "%s%s%.*s", root, root[strlen(root) - 1] == '/' ? "" : "/", (int)len, request->path + at))
		fail(failure, TUX_SPAWN_AT_SCRIPT, ENAMETOOLONG);
	if (fchdir(directory_fd) < 0)
		fail(failure, TUX_SPAWN_AT_DIRECTORY, errno);
}

static void __attribute__((noreturn)) execute(const struct tux_cgi_rule *rule, struct tux_spawn_request *request,
                                              struct tux_cgi_failure *failure)
{
	static char file[TUX_MAX_TARGET + 4096];
	const struct tux_cgi *const cgi = rule->cgi;
	const char *path = file;
	size_t script_len = request->start.prefix_len;
	unsigned arguments = 0;

	/* A route "/git/" has the script "/git" and PATH_INFO "/...". A prefix "/git" of "/github" is not a script. */
	if (script_len > 0 && request->path[script_len - 1] == '/')
		script_len--;
	if (request->path[script_len] != '/' && request->path[script_len] != '\0')
		fail(failure, TUX_SPAWN_AT_SCRIPT, ENOENT);
	environment_begin(rule, request);
	for (; cgi->program && cgi->program[arguments]; arguments++)
		next.argument[arguments] = (char *)(uintptr_t)cgi->program[arguments];
	if (cgi->root) {
		if (request->path[script_len] == '\0')
			fail(failure, TUX_SPAWN_AT_SCRIPT, ENOENT);
		script_enter(rule, request, script_len + 1, &script_len, file, sizeof(file), failure);
		next.argument[arguments++] = file;
	} else {
		snprintf(file, sizeof(file), "%s", cgi->program[0]);
		if (chdir(rule->directory) < 0)
			fail(failure, TUX_SPAWN_AT_DIRECTORY, errno);
	}
	next.argument[arguments] = NULL;
	if (!environment_finish(rule, request, script_len, file))
		fail(failure, TUX_SPAWN_AT_SCRIPT, ENAMETOOLONG);
	if (cgi->program)
		path = cgi->program[0];
	execve(path, next.argument, next.environment);
	fail(failure, TUX_SPAWN_AT_EXEC, errno);
}

void tux_cgi_become(const struct tux_cgi_rule *rule, struct tux_spawn_request *request, const int fd[TUX_SPAWN_STREAMS], pid_t parent,
                    struct tux_cgi_failure *failure)
{
	const char *const chroot_path = rule->cgi->chroot;
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!streams_take(rule, fd))
		fail(failure, TUX_SPAWN_AT_STREAMS, errno);
	if (!rlimits_set(rule))
		fail(failure, TUX_SPAWN_AT_RLIMIT, errno);
	if (chroot_path && !rule->cgi->module && (chroot(chroot_path) < 0 || chdir("/") < 0))
		fail(failure, TUX_SPAWN_AT_CHROOT, errno);
	if (!user_become(rule))
		fail(failure, TUX_SPAWN_AT_USER, errno);
	/* After the change of user, which clears it. The parent may have ended before the call. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		fail(failure, TUX_SPAWN_AT_FORK, ESRCH);
	if (rule->cgi->module)
		fail(failure, TUX_SPAWN_AT_EXEC, tux_module_execute(rule->cgi, rule->own, rule->owns));
	execute(rule, request, failure);
}
