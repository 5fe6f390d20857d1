/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sibling_scan.h"

#include <sys/stat.h>
#include <unistd.h>

#include "file_system.h"
#include "load.h"

void sibling_scan_run(struct watch_scan *scan)
{
	const int fd = load_open_directory(scan->host, scan->path, scan->path_len);
	struct stat st;

	if (fd < 0)
		return;
	scan->complete = fstat(fd, &st) == 0 && st.st_dev == scan->device && st.st_ino == scan->inode && file_system_tells_names_apart(fd) &&
	                 siblings_read(&scan->siblings, fd);
	close(fd);
}
