/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of struct tux_api for requests to upstreams. */
#ifndef TUX_ENGINE_MODULES_FETCH_API_H
#define TUX_ENGINE_MODULES_FETCH_API_H

#include "call.h"

int api_fetch(struct tux_req *call, const struct tux_fetch_request *ask);
int api_fetched(const struct tux_req *call, uint32_t *status, struct tux_str *body);
struct tux_str api_fetched_field(const struct tux_req *call, const char *name);

#endif
