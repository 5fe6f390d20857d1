/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of struct tux_api for files that the server looks up. */
#ifndef TUX_ENGINE_MODULES_FILE_API_H
#define TUX_ENGINE_MODULES_FILE_API_H

#include "call.h"

int api_resume_with_file(struct tux_req *call, const char *path, uint32_t len);
int api_file(const struct tux_req *call, uint64_t *size);
int api_file_read(struct tux_req *call, uint64_t off, void *to, uint32_t len);
int api_stream_file(struct tux_req *call, uint64_t off, uint64_t len);

#endif
