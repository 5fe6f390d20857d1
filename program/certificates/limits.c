/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "limits.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../confine/sanitized.h"

/* Written in numbers and in words. */
#define CPU_SECONDS 60
#define FILE_MIB 1
#define MEMORY_MIB 512
#define PROCESSES 256
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

enum { MIB = 1 << 20 };

/* The sign of each limit: a signal, or words in the messages of uacme, its libraries and shells. */
static const struct {
	int signal; /* 0: none */
	const char *words[3];
	const char *limit;
} signs[] = {
	{ SIGXCPU, { "CPU time limit exceeded" }, TEXT(CPU_SECONDS) " s of CPU time" },
	{ SIGXFSZ, { "File too large", "File size limit exceeded" }, TEXT(FILE_MIB) " MiB in a file" },
	{ 0, { "Resource temporarily unavailable", "Cannot fork", "fork failed" }, TEXT(PROCESSES) " processes" },
	{ 0, { "Cannot allocate memory", "emory exhausted", "ut of memory" }, TEXT(MEMORY_MIB) " MiB of memory" },
};

static void limit(int resource, rlim_t most, rlim_t hard)
{
	const struct rlimit limits = { most, hard };

	setrlimit(resource, &limits);
}

/* Returns the number after a name in a text; 0 if the name is missing. */
static unsigned long number_after(const char *text, const char *name)
{
	const char *const at = strstr(text, name);

	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

/* Returns the threads of a process, if it is the user's. */
static unsigned long threads_of(int proc, const char *pid, uid_t uid)
{
	char path[64], text[2048];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%.20s/status", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return strstr(text, "\nUid:\t") && number_after(text, "\nUid:\t") == uid ? number_after(text, "\nThreads:\t") : 0;
}

/* Returns the threads of a user, all of which the kernel's limit counts. */
static rlim_t threads_count(uid_t uid)
{
	DIR *const proc = opendir("/proc");
	const struct dirent *entry;
	rlim_t count = 0;

	while (proc && (entry = readdir(proc)))
		if (*entry->d_name >= '1' && *entry->d_name <= '9')
			count += threads_of(dirfd(proc), entry->d_name, uid);
	if (proc)
		closedir(proc);
	return count;
}

void tux_uacme_limits_set(uid_t uid)
{
	const rlim_t processes = threads_count(uid) + PROCESSES;

	limit(RLIMIT_CORE, 0, 0);
	limit(RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 1); /* with a limit of the same time SIGKILL would come in place of SIGXCPU */
	limit(RLIMIT_FSIZE, FILE_MIB * MIB, FILE_MIB * MIB);
	limit(RLIMIT_NPROC, processes, processes);
	if (!TUX_SANITIZED) /* the hook of such a build reserves terabytes */
		limit(RLIMIT_AS, (rlim_t)MEMORY_MIB * MIB, (rlim_t)MEMORY_MIB * MIB);
}

const char *tux_uacme_limit_reached(int status, const char *output)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (signs[i].signal != 0 && WIFSIGNALED(status) && WTERMSIG(status) == signs[i].signal)
			return signs[i].limit;
		for (size_t k = 0; k < sizeof(signs[i].words) / sizeof(signs[i].words[0]) && signs[i].words[k]; k++)
			if (strstr(output, signs[i].words[k]))
				return signs[i].limit;
	}
	return NULL;
}
