/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of the host for modules, until the module interface has them: GET_OBJECT finds no file. */
#ifndef LIBTUX_FILES_H
#define LIBTUX_FILES_H

#include <errno.h>

#include "../include/tux/module.h"

static inline int tux_resume_with_file(struct tux_req *req, const char *path, uint32_t len)
{
	(void)req;
	(void)path;
	(void)len;
	return -ENOSYS;
}

static inline int tux_stream_file(struct tux_req *req, uint64_t off, uint64_t len)
{
	(void)req;
	(void)off;
	(void)len;
	return -ENOSYS;
}

static inline int tux_file(const struct tux_req *req, uint64_t *size)
{
	(void)req;
	*size = 0;
	return -ENOSYS;
}

static inline int tux_file_read(struct tux_req *req, uint64_t off, void *to, uint32_t len)
{
	(void)req;
	(void)off;
	(void)to;
	(void)len;
	return -ENOSYS;
}

#endif
