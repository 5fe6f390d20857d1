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

struct conn;

/* Keeps the name of the backend of the active request until backend_forget(). Without memory its log lines lack the name. */
void backend_note(struct conn *conn, const char *kind, struct tux_octets name, int64_t us);
void backend_forget(struct conn *conn);

#endif
