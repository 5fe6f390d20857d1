/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of struct tux_api for bodies in pieces. */
#ifndef TUX_ENGINE_MODULES_BODY_API_H
#define TUX_ENGINE_MODULES_BODY_API_H

#include "call.h"

int64_t api_req_body_length(const struct tux_req *call);
int api_req_body_read(struct tux_req *call, void *to, uint32_t size);
int api_resume_on_body(struct tux_req *call);

#endif
