/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend of a request, named in logs after the exchange has ended. */
#ifndef TUX_ENGINE_LOG_BACKEND_NOTE_H
#define TUX_ENGINE_LOG_BACKEND_NOTE_H

#include <stdint.h>

#include "../../core/span.h"

enum { BACKEND_NAME_BYTES = 160 }; /* bytes of a name; the rest is omitted */

struct backend {
	const char *kind; /* kind of the name: "upstream", "program", "module" */
	uint32_t us;      /* time for which the backend had the request */
	uint32_t len;     /* bytes */
	uint8_t name[BACKEND_NAME_BYTES];
};

struct request;

/* Keeps the name of the backend in the request. Without memory the lines about the request lack it. */
void backend_note(struct request *req, const char *kind, struct tux_octets name, int64_t us);

#endif
