/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors in memory: streams, pipes, eventfds, listeners, sockets of packets, inotify. Their numbers are above all real ones. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "sim.h"

enum { FIRST_FD = 1 << 20, MAX_FDS = 256, MAX_FILES = 256, MAX_FLOWS = 256 };

static struct file *fds[MAX_FDS];
static struct file files[MAX_FILES];
static struct flow flows[MAX_FLOWS];
static unsigned file_count, flow_count, numbers[FILE_INOTIFY + 1];
static int failure;
static uint64_t watched[16]; /* inodes of directories; the watch of one is its index + 1, in every instance */
static unsigned watched_count;

struct file *descriptor_file(int fd)
{
	return sim_running && fd >= FIRST_FD && fd < FIRST_FD + MAX_FDS ? fds[fd - FIRST_FD] : NULL;
}

void descriptor_start(void)
{
	memset(fds, 0, sizeof(fds));
	memset(files, 0, file_count * sizeof(files[0]));
	file_count = 0;
	memset(numbers, 0, sizeof(numbers));
	flow_count = watched_count = 0;
	failure = 0;
}

void descriptor_fail_next(int error)
{
	failure = error;
}

bool descriptor_fails(void)
{
	errno = failure;
	failure = 0;
	return errno != 0;
}

static struct flow *flow_new(void)
{
	struct flow *flow = &flows[flow_count++];

	require(flow_count <= MAX_FLOWS);
	*flow = (struct flow){ .data = flow->data, .cap = flow->cap, .room = UINT32_MAX };
	return flow;
}

void flow_write(struct flow *flow, const void *data, uint32_t len)
{
	if (len == 0)
		return;
	if (flow->cap - flow->len < len) {
		flow->cap = 2 * (flow->len + len);
		flow->data = memory_grow(flow->data, flow->cap);
	}
	memcpy(flow->data + flow->len, data, len);
	flow->len += len;
	if (flow->room != UINT32_MAX)
		flow->room -= len < flow->room ? len : flow->room;
}

uint32_t flow_read(struct flow *flow, void *data, uint32_t cap)
{
	const uint32_t left = flow->len - flow->at, n = left < cap ? left : cap;

	if (data != NULL && n > 0)
		memcpy(data, flow->data + flow->at, n);
	flow->at += n;
	if (flow->refills)
		flow->room += n;
	return n;
}

uint32_t flow_room(const struct flow *flow, uint64_t most)
{
	return most < flow->room ? (uint32_t)most : flow->room;
}

struct file *file_new(enum file_kind kind)
{
	for (unsigned i = 0; i < MAX_FILES; i++)
		if (files[i].refs == 0) {
			files[i] = (struct file){ .kind = kind, .number = numbers[kind]++ };
			if (i == file_count)
				file_count++;
			return &files[i];
		}
	abort();
}

int descriptor_open(struct file *file)
{
	for (int i = 0; i < MAX_FDS; i++)
		if (fds[i] == NULL) {
			fds[i] = file;
			file->refs++;
			return FIRST_FD + i;
		}
	abort();
}

static void packets_drop(struct packet *packet)
{
	while (packet != NULL) {
		struct packet *next = packet->next;

		for (unsigned i = 0; i < packet->files; i++)
			if (packet->file[i] != NULL)
				file_put(packet->file[i]);
		free(packet);
		packet = next;
	}
}

void file_put(struct file *file)
{
	require(file->refs > 0);
	if (--file->refs > 0)
		return;
	if (file->out != NULL)
		file->out->ended = true;
	if (file->in != NULL)
		file->in->broken = true;
	for (unsigned i = 0; i < file->waiting_count; i++)
		file_put(file->waiting[i]);
	packets_drop(file->packets);
	packets_drop(file->sent);
}

void descriptor_close(int fd)
{
	struct file *file = descriptor_file(fd);

	require(file != NULL); /* closed twice, or never open */
	fds[fd - FIRST_FD] = NULL;
	file_put(file);
}

void descriptor_check_over(void)
{
	for (int i = 0; i < MAX_FDS; i++)
		require(fds[i] == NULL);
	for (unsigned i = 0; i < file_count; i++)
		require(files[i].refs == 0);
}

struct file *file_by_number(enum file_kind kind, unsigned number)
{
	unsigned open = 0;

	for (unsigned i = 0; i < file_count; i++)
		open += files[i].refs > 0 && files[i].kind == kind;
	if (open == 0)
		return NULL;
	number %= open;
	for (unsigned i = 0; i < file_count; i++)
		if (files[i].refs > 0 && files[i].kind == kind && number-- == 0)
			return &files[i];
	return NULL;
}

bool file_readable(const struct file *file)
{
	switch (file->kind) {
	case FILE_EVENT:
		return file->count > 0;
	case FILE_LISTENER:
		return file->waiting_count > 0;
	case FILE_PACKETS:
		return file->packets != NULL || file->closed_by_other;
	case FILE_STREAM:
	case FILE_OUTGOING:
	case FILE_PIPE_READ:
	case FILE_INOTIFY:
		return file->in->broken || file->in->at < file->in->len || file->in->ended;
	case FILE_PIPE_WRITE:
		break;
	}
	return false;
}

struct file *stream_make(enum file_kind kind)
{
	struct file *file = file_new(kind);

	file->in = flow_new();
	file->out = flow_new();
	return file;
}

static struct packet *packet_new(const void *data, size_t len)
{
	struct packet *packet = memory_grow(NULL, sizeof(*packet) + len);

	*packet = (struct packet){ .len = (uint32_t)len };
	if (len > 0)
		memcpy(packet->data, data, len);
	return packet;
}

static void packet_append(struct packet **list, struct packet *packet)
{
	while (*list != NULL)
		list = &(*list)->next;
	*list = packet;
}

void packets_push(struct file *file, const void *data, uint32_t len)
{
	packet_append(&file->packets, packet_new(data, len));
}

int packets_send(struct file *file, const struct msghdr *message)
{
	struct packet *packet;
	size_t len = 0;

	if (file->closed_by_other)
		return EPIPE;
	if (file->packets_full)
		return EAGAIN;
	for (size_t i = 0; i < message->msg_iovlen; i++)
		len += message->msg_iov[i].iov_len;
	packet = packet_new(NULL, 0);
	packet = memory_grow(packet, sizeof(*packet) + len);
	for (size_t i = 0; i < message->msg_iovlen; i++) {
		memcpy(packet->data + packet->len, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
		packet->len += (uint32_t)message->msg_iov[i].iov_len;
	}
	if (message->msg_controllen > 0) {
		const struct cmsghdr *header = CMSG_FIRSTHDR(message);

		packet->files = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		require(packet->files <= PACKET_FILES);
		for (unsigned i = 0; i < packet->files; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
			packet->file[i] = descriptor_file(fd);
			require(packet->file[i] != NULL);
			packet->file[i]->refs++;
		}
	}
	packet_append(file->twin != NULL ? &file->twin->packets : &file->sent, packet);
	return 0;
}

ssize_t packets_receive(struct file *file, void *data, size_t cap, int *fd)
{
	struct packet *packet = file->packets;
	size_t len;

	if (packet == NULL) {
		errno = EAGAIN;
		return file->closed_by_other ? 0 : -1;
	}
	file->packets = packet->next;
	packet->next = NULL;
	len = packet->len < cap ? packet->len : cap;
	memcpy(data, packet->data, len);
	if (fd != NULL && packet->files == 1)
		*fd = descriptor_fails() ? -1 : descriptor_open(packet->file[0]);
	packets_drop(packet);
	return (ssize_t)len;
}

void pipe_make(struct file *end[2])
{
	struct flow *flow = flow_new();

	flow->room = 65536;
	flow->refills = true;
	end[0] = file_new(FILE_PIPE_READ);
	end[0]->in = flow;
	end[0]->refs = 1; /* not free for the other end */
	end[1] = file_new(FILE_PIPE_WRITE);
	end[1]->out = flow;
	end[0]->refs = 0;
}

struct file *inotify_make(void)
{
	struct file *file = file_new(FILE_INOTIFY);

	file->in = flow_new();
	file->nonblocking = true;
	return file;
}


int inotify_watch(struct file *file, uint64_t inode)
{
	unsigned wd = 0;

	(void)file;
	while (wd < watched_count && watched[wd] != inode)
		wd++;
	if (wd == sizeof(watched) / sizeof(watched[0])) {
		errno = ENOSPC;
		return -1;
	}
	if (wd == watched_count)
		watched[watched_count++] = inode;
	return (int)wd + 1;
}

void inotify_tell(uint32_t mask, const char *name)
{
	for (unsigned i = 0; i < file_count; i++)
		for (unsigned wd = 1; wd <= watched_count && files[i].refs > 0 && files[i].kind == FILE_INOTIFY; wd++) {
			struct inotify_event event = { .wd = mask & IN_Q_OVERFLOW ? -1 : (int)wd, .mask = mask, .len = name != NULL ? 32 : 0 };
			char text[32] = { 0 };

			if (name != NULL)
				memcpy(text, name, strlen(name));
			flow_write(files[i].in, &event, sizeof(event));
			flow_write(files[i].in, text, event.len);
		}
}
