/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of struct tux_api for streams and waits. */
#ifndef TUX_ENGINE_MODULES_STREAM_API_H
#define TUX_ENGINE_MODULES_STREAM_API_H

#include "call.h"

int api_resume_after(struct tux_req *call, uint32_t ms);
int api_resume_on(struct tux_req *call, int fd, short events);
int api_resume_on_room(struct tux_req *call);
int api_upgrade(struct tux_req *call, const char *protocol);
int api_stream_begin(struct tux_req *call, uint32_t status, const char *type, int64_t length);
int api_stream_write(struct tux_req *call, const void *data, uint32_t len);
int api_stream_end(struct tux_req *call);
int api_stream_cut(struct tux_req *call);

#endif
