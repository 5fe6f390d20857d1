/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "children.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void child_kill(pid_t pid, bool (*spare)(pid_t pid))
{
	if (pid > 0 && !(spare && spare(pid)))
		kill(pid, SIGKILL);
}

/* Returns the parent of a process; 0 if it is unknown. */
static pid_t parent_of(const char *pid)
{
	char path[64], text[512];
	const char *at;
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	at = strrchr(text, ')'); /* after its name, which may contain anything: " S 123" */
	return at && strlen(at) > 4 ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

/* Kills children on kernels without CONFIG_PROC_CHILDREN. */
static void all_look_at(bool (*spare)(pid_t pid))
{
	DIR *const proc = opendir("/proc");
	const struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (*entry->d_name >= '1' && *entry->d_name <= '9' && parent_of(entry->d_name) == getpid())
			child_kill((pid_t)strtol(entry->d_name, NULL, 10), spare);
	if (proc)
		closedir(proc);
}

void tux_children_kill(bool (*spare)(pid_t pid))
{
	char path[64], text[4096];
	ssize_t len, i;
	pid_t pid = 0;
	int fd;

	/* This file lists children even if /proc hides the processes of other users (hidepid). */
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		all_look_at(spare);
		return;
	}
	while ((len = read(fd, text, sizeof(text))) > 0) { /* "12 345 " */
		for (i = 0; i < len; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			child_kill(pid, spare);
			pid = 0;
		}
	}
	close(fd);
}
