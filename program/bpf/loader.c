/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "loader.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../engine/io/clock.h"
#include "../../engine/modules/loaded.h"

enum { MAX_FDS = 1 + BPF_MAX_MAPS };

/* The message about a handler. The descriptors of the handler and of its maps come with it. */
struct note {
	bool loaded;
	uint32_t map_count;
	struct bpf_map_open map[BPF_MAX_MAPS];
	char error[BPF_LOADER_ERROR];
};

/* Room for descriptors beside a message, aligned for its head. */
union control {
	struct cmsghdr head;
	char octets[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

bool bpf_loader_file_permitted(const char *name, const char *path, bool of_root, char *error, size_t error_size)
{
	const size_t len = strlen(path);
	char text[BPF_LOADER_ERROR] = "";
	const char *at;

	if (module_file_permitted(name, path, of_root, text, sizeof(text)))
		return true;
	at = strstr(text, path);
	snprintf(error, error_size, "%s", at && strncmp(at + len, ": ", 2) == 0 ? at + len + 2 : text);
	return false;
}

void bpf_loader_run(const struct bpf_kernel *kernel, const struct bpf_loader_task *task, struct bpf_loader_result *result)
{
	struct bpf_object object;
	int program_fd = -1;

	memset(result, 0, sizeof(*result));
	memset(&object, 0, sizeof(object));
	result->ops_fd = -1;
	/* Only root may own the file: other processes of this user, such as the one that serves, must not get this process's privileges. */
	if (bpf_loader_file_permitted(task->name, task->path, true, result->error, BPF_LOADER_ERROR) &&
	    bpf_object_open(&object, task->path, result->error, BPF_LOADER_ERROR))
		program_fd = bpf_program_load(kernel, &object, task->before, &result->maps, result->error, BPF_LOADER_ERROR);
	if (program_fd >= 0) {
		result->ops_fd = bpf_ops_make(kernel, task->name, program_fd);
		if (result->ops_fd < 0) {
			snprintf(result->error, BPF_LOADER_ERROR, "the kernel does not take the handler: %s", strerror(errno));
			if (errno == E2BIG)
				bpf_program_excess_write(&object, program_fd, result->error, BPF_LOADER_ERROR);
			bpf_maps_close(&result->maps);
		}
		close(program_fd); /* the kernel's structure of the handler has it */
	}
	bpf_object_close(&object);
}

/* Sends a result, and closes its descriptors. */
static void send_result(int fd, struct bpf_loader_result *result)
{
	struct note note = { .loaded = result->ops_fd >= 0, .map_count = result->maps.count };
	struct iovec piece = { &note, sizeof(note) };
	union control control;
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	int fds[MAX_FDS];

	memcpy(note.map, result->maps.map, sizeof(note.map));
	memcpy(note.error, result->error, sizeof(note.error));
	if (note.loaded) {
		const size_t bytes = (1 + note.map_count) * sizeof(int);

		memset(&control, 0, sizeof(control));
		fds[0] = result->ops_fd;
		for (uint32_t i = 0; i < note.map_count; i++)
			fds[1 + i] = result->maps.map[i].fd;
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(bytes);
		control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(bytes), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), fds, bytes);
	}
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		_exit(EXIT_FAILURE);
	if (note.loaded)
		close(result->ops_fd);
	bpf_maps_close(&result->maps);
}

static _Noreturn void run(int fd, const struct bpf_loader_task *task, unsigned count, pid_t supervisor)
{
	static struct bpf_loader_result result;
	struct bpf_kernel kernel;
	char error[BPF_LOADER_ERROR];
	bool opened;

	prctl(PR_SET_NAME, "tux handlers", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != supervisor)
		_exit(EXIT_FAILURE);
	opened = bpf_kernel_open(&kernel, error, sizeof(error));
	for (unsigned i = 0; i < count; i++) {
		if (opened) {
			bpf_loader_run(&kernel, &task[i], &result);
		} else {
			result.ops_fd = -1;
			memcpy(result.error, error, sizeof(error));
		}
		send_result(fd, &result);
	}
	_exit(EXIT_SUCCESS);
}

bool bpf_loader_start(struct bpf_loader *loader, const struct bpf_loader_task *task, unsigned count)
{
	const pid_t supervisor = getpid();
	int fd[2], cause;

	*loader = (struct bpf_loader){ .fd = -1, .until_ms = clock_ms() + BPF_LOADER_MAX_MS };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) < 0)
		return false;
	loader->pid = fork();
	if (loader->pid == 0) {
		close(fd[0]);
		run(fd[1], task, count, supervisor);
	}
	cause = errno;
	close(fd[1]);
	if (loader->pid > 0) {
		loader->fd = fd[0];
		return true;
	}
	close(fd[0]);
	loader->pid = 0;
	errno = cause;
	return false;
}

/* Takes the descriptors of a message. Returns their number. */
static unsigned fds_take(struct msghdr *message, int fds[MAX_FDS])
{
	const struct cmsghdr *const head = CMSG_FIRSTHDR(message);
	size_t bytes;

	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || head->cmsg_len < CMSG_LEN(0))
		return 0;
	bytes = head->cmsg_len - CMSG_LEN(0);
	if (bytes > MAX_FDS * sizeof(int))
		return 0;
	memcpy(fds, CMSG_DATA(head), bytes);
	return (unsigned)(bytes / sizeof(int));
}

/* Fills a result. Returns false if the message is not whole: then no descriptor stays. */
static bool note_take(const struct note *note, const int *fds, unsigned fd_count, struct bpf_loader_result *result)
{
	const bool whole = note->map_count <= BPF_MAX_MAPS && fd_count == (note->loaded ? 1 + note->map_count : 0);

	if (!whole) {
		for (unsigned i = 0; i < fd_count; i++)
			close(fds[i]);
		return false;
	}
	memcpy(result->error, note->error, sizeof(result->error));
	result->error[BPF_LOADER_ERROR - 1] = '\0';
	if (!note->loaded)
		return true;
	result->ops_fd = fds[0];
	result->maps.count = note->map_count;
	memcpy(result->maps.map, note->map, sizeof(note->map));
	for (unsigned i = 0; i < note->map_count; i++)
		result->maps.map[i].fd = fds[1 + i];
	return true;
}

int bpf_loader_take(struct bpf_loader *loader, struct bpf_loader_result *result)
{
	static struct note note; /* of one process, which has one thread */
	struct iovec piece = { &note, sizeof(note) };
	union control control;
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int fds[MAX_FDS];
	ssize_t got;

	memset(result, 0, sizeof(*result));
	result->ops_fd = -1;
	got = loader->fd >= 0 ? recvmsg(loader->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) : 0;
	if (got < 0 && (errno == EAGAIN || errno == EINTR) && clock_ms() < loader->until_ms)
		return 0;
	if (got == (ssize_t)sizeof(note) && note_take(&note, fds, fds_take(&message, fds), result))
		return 1;
	if (got < 0 && errno == EAGAIN)
		snprintf(result->error, BPF_LOADER_ERROR, "its verification took longer than %d s, with that of handlers before it", BPF_LOADER_MAX_MS / 1000);
	else
		snprintf(result->error, BPF_LOADER_ERROR, "the process that loads it has ended");
	return -1;
}

void bpf_loader_end(struct bpf_loader *loader)
{
	if (loader->pid > 0)
		kill(loader->pid, SIGKILL);
	bpf_loader_leave(loader);
}

void bpf_loader_leave(struct bpf_loader *loader)
{
	if (loader->fd >= 0)
		close(loader->fd);
	*loader = (struct bpf_loader){ .fd = -1 };
}
