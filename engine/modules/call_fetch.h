/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request of a module to an upstream, and its answer. */
#ifndef TUX_ENGINE_MODULES_CALL_FETCH_H
#define TUX_ENGINE_MODULES_CALL_FETCH_H

#include "../../core/request.h"
#include "../../core/response_parse.h"
#include "../io/buffer.h"

struct call_fetch {
	unsigned upstream;          /* number in the configuration */
	struct tux_request head;    /* of octets; its framing is that of the body */
	struct buffer octets;
	struct buffer body;
	uint32_t max_bytes;         /* of the content */
	int error;                  /* 0, or errno: no answer */
	struct tux_response answer; /* spans of answer_octets */
	struct buffer answer_octets;
	struct buffer content;
};

/* Frees a fetch, which may be NULL. */
void call_fetch_free(struct call_fetch *fetch);

#endif
