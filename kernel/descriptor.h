/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A descriptor of the calling process whose number stays reserved while its file is out of the table. Process context. */
#ifndef TUX_KERNEL_DESCRIPTOR_H
#define TUX_KERNEL_DESCRIPTOR_H

#include <linux/file.h>
#include <linux/fs.h>

/*
 * Removes a file from the table and drops the table's reference. Returns false if the number does not lead to this file any more.
 * fd_install() puts the file back, which cannot fail. put_unused_fd() gives up the number.
 */
bool ktux_descriptor_take(unsigned int fd, struct file *file);

#endif
