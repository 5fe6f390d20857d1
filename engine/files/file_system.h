/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts about the file systems of files. A thread asks the kernel once per device and interval, because a device number may be reused. */
#ifndef TUX_ENGINE_FILES_FILE_SYSTEM_H
#define TUX_ENGINE_FILES_FILE_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

enum { FILE_SYSTEMS = 8 }; /* devices that a thread remembers */

struct file_system {
	uint64_t device;
	uint64_t until_ms; /* end of the interval; 0 = unused */
	bool local;
};

struct file_systems {
	struct file_system entry[FILE_SYSTEMS];
	unsigned next;     /* entry to replace */
	uint64_t now_ms;   /* the thread's clock */
	uint32_t keep_ms;  /* length of the interval */
};

/* True for a local file system: inotify reports each of its changes, by any process of this machine. Any thread. */
bool file_system_is_local(int fd);

/* Like file_system_is_local(), but remembers the result for the device of fd. */
bool file_systems_local(struct file_systems *systems, int fd, uint64_t device);

/* Forgets all devices, after an unmount. */
void file_systems_forget(struct file_systems *systems);

/* True if names of a directory that differ only in other letters than those of ASCII are different names. Any thread. */
bool file_system_tells_names_apart(int dir_fd);

#endif
