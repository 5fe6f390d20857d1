/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file_system.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#ifndef FS_CASEFOLD_FL
#define FS_CASEFOLD_FL 0x40000000
#endif

#define ZFS_MAGIC 0x2fc12fc1 /* not in the kernel's headers */

/* Returns the type of a file system; 0 if it is unknown. */
static unsigned long type_of(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 ? (unsigned long)fs.f_type : 0;
}

static bool is_local_type(unsigned long type)
{
	switch (type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
	case SQUASHFS_MAGIC:
	case ISOFS_SUPER_MAGIC:
	case ZFS_MAGIC:
		return true;
	default:
		return false;
	}
}

bool file_system_is_local(int fd)
{
	return is_local_type(type_of(fd));
}

bool file_systems_local(struct file_systems *systems, int fd, uint64_t device)
{
	struct file_system *entry = systems->entry;

	while (entry < systems->entry + FILE_SYSTEMS && (entry->device != device || systems->now_ms >= entry->until_ms))
		entry++;
	if (entry < systems->entry + FILE_SYSTEMS)
		return entry->local;
	entry = &systems->entry[systems->next++ % FILE_SYSTEMS];
	*entry = (struct file_system){ .device = device, .until_ms = systems->now_ms + systems->keep_ms, .local = file_system_is_local(fd) };
	return entry->local;
}

void file_systems_forget(struct file_systems *systems)
{
	memset(systems->entry, 0, sizeof(systems->entry));
}

/* ZFS and isofs may compare names like other systems do, and no call tells. XFS may ignore the case of ASCII. */
bool file_system_tells_names_apart(int dir_fd)
{
	const unsigned long type = type_of(dir_fd);
	long flags = 0; /* the kernel writes an int */

	if (!is_local_type(type) || type == ISOFS_SUPER_MAGIC || type == ZFS_MAGIC)
		return false;
	if (ioctl(dir_fd, FS_IOC_GETFLAGS, &flags) != 0)
		return errno == ENOTTY || errno == EOPNOTSUPP; /* it has no flags */
	return (flags & FS_CASEFOLD_FL) == 0;
}
