/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of struct tux_api for requests to upstreams. */
#ifndef TUX_ENGINE_MODULES_FETCH_API_H
#define TUX_ENGINE_MODULES_FETCH_API_H

#include "call.h"

enum {
	FETCH_MAX_BODY = 64 << 20,    /* bytes of a body */
	FETCH_MAX_ANSWER = 256 << 20, /* bytes of the content of an answer */
};

int api_fetch(struct tux_req *call, const struct tux_fetch_request *ask);

/*
 * Like api_fetch(), but with a fetch whose head api_fetch() has written in another process: octets, body, upstream and max_bytes are set, and are
 * checked here. Owns the fetch, also after an error.
 */
int api_fetch_made(struct tux_req *call, struct call_fetch *fetch);

int api_fetched(const struct tux_req *call, uint32_t *status, struct tux_str *body);
struct tux_str api_fetched_field(const struct tux_req *call, const char *name);

#endif
