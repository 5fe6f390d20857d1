/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "apart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sends a whole sentence, which the pipe has room for. */
static void send_text(int fd, const char *text)
{
	while (write(fd, text, strlen(text)) < 0 && errno == EINTR)
		;
}

/* Runs the work in the new process, whose parent is the process parent. */
static _Noreturn void run(const char *name, unsigned cpu_s, tux_apart_work *work, void *owner, int fd, pid_t parent)
{
	const struct rlimit limit = { cpu_s, cpu_s + 1 }; /* with a limit of the same time SIGKILL would come in place of SIGXCPU */
	char error[TUX_APART_TEXT] = "";
	int status;

	prctl(PR_SET_NAME, name, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || (cpu_s > 0 && setrlimit(RLIMIT_CPU, &limit) < 0))
		_exit(TUX_APART_FAILED);
	status = work(owner, error, sizeof(error));
	if (status != TUX_APART_DONE)
		send_text(fd, error);
	_exit(status);
}

bool tux_apart_start(struct tux_apart *apart, const char *name, unsigned cpu_s, tux_apart_work *work, void *owner)
{
	const pid_t parent = getpid();
	int fd[2], saved;

	*apart = (struct tux_apart){ .fd = -1, .name = name };
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	apart->pid = fork();
	if (apart->pid == 0)
		run(name, cpu_s, work, owner, fd[1], parent);
	saved = errno;
	close(fd[1]);
	apart->fd = fd[0];
	if (apart->pid > 0)
		return true;
	close(fd[0]);
	*apart = (struct tux_apart){ .fd = -1 };
	errno = saved;
	return false;
}

/* Takes the sentence of an ended process; without one it says how it has ended. */
static void text_take(const struct tux_apart *apart, int wait_status, char *error, size_t error_size)
{
	const ssize_t len = read(apart->fd, error, error_size - 1);

	error[len > 0 ? len : 0] = '\0';
	if (len > 0)
		return;
	if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGXCPU)
		snprintf(error, error_size, "the process \"%s\" has reached its limit of CPU time", apart->name);
	else if (WIFSIGNALED(wait_status))
		snprintf(error, error_size, "the process \"%s\" was ended by signal %d (%s)", apart->name, WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
	else
		snprintf(error, error_size, "the process \"%s\" has ended (%d)", apart->name, WEXITSTATUS(wait_status));
}

bool tux_apart_ended(struct tux_apart *apart, int *status, char *error, size_t error_size)
{
	int wait_status = 0;
	const pid_t ended = waitpid(apart->pid, &wait_status, WNOHANG);

	if (ended == 0 || (ended < 0 && errno == EINTR))
		return false;
	if (ended < 0)
		wait_status = TUX_APART_FAILED << 8; /* another function has waited for it */
	*status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : TUX_APART_FAILED;
	if (*status != TUX_APART_DONE)
		text_take(apart, wait_status, error, error_size);
	close(apart->fd);
	*apart = (struct tux_apart){ .fd = -1 };
	return true;
}

int tux_apart_await(struct tux_apart *apart, char *error, size_t error_size)
{
	siginfo_t info;
	int status = TUX_APART_FAILED;

	while (!tux_apart_ended(apart, &status, error, error_size))
		waitid(P_PID, (id_t)apart->pid, &info, WEXITED | WNOWAIT);
	return status;
}
