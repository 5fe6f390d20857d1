/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A descriptor of the calling process whose number stays reserved while its file is out of the table. Process context. */
#ifndef TUX_KERNEL_DESCRIPTOR_H
#define TUX_KERNEL_DESCRIPTOR_H

#include <linux/file.h>
#include <linux/fs.h>

/*
 * Closes the descriptor of a file, but keeps its number reserved. The caller needs a reference of its own to the file. Returns false if
 * fd does not lead to this file any more. Afterwards call fd_install(fd, file), which consumes the caller's reference, or
 * put_unused_fd(fd), which gives up the number. May sleep.
 */
bool ktux_descriptor_take(unsigned int fd, struct file *file);

#endif
