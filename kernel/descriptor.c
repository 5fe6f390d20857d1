// SPDX-License-Identifier: GPL-2.0-or-later
#include "descriptor.h"

#include <linux/fdtable.h>
#include <linux/nospec.h>
#include <linux/sched.h>

/*
 * Like close(), but the number's bit in open_fds stays set, as after get_unused_fd_flags(): open() and dup() take another number,
 * dup2() to it fails with EBUSY, and fork() does not copy it.
 */
bool ktux_descriptor_take(unsigned int fd, struct file *file)
{
	struct files_struct *files = current->files;
	struct fdtable *table;
	bool found = false;

	spin_lock(&files->file_lock);
	table = files_fdtable(files);
	if (fd < table->max_fds) {
		fd = array_index_nospec(fd, table->max_fds);
		found = rcu_access_pointer(table->fd[fd]) == file;
		if (found)
			rcu_assign_pointer(table->fd[fd], NULL);
	}
	spin_unlock(&files->file_lock);
	if (found)
		filp_close(file, files);
	return found;
}
