/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend of a request, as logs name it after the exchange has ended. */
#ifndef TUX_ENGINE_LOG_BACKEND_NOTE_H
#define TUX_ENGINE_LOG_BACKEND_NOTE_H

#include <stdint.h>

#include "../../core/span.h"

enum { BACKEND_NAME_BYTES = 160 }; /* of a name; the rest is left out */

struct backend {
	const char *kind; /* of the name: "upstream", "program", "module" */
	uint32_t us;      /* that the backend had the request */
	uint32_t len;     /* bytes */
	uint8_t name[BACKEND_NAME_BYTES];
};

struct conn;

/* Keeps the name of the backend of the request under way, until backend_forget(). Without memory its lines lack it. */
void backend_note(struct conn *conn, const char *kind, struct tux_octets name, int64_t us);
void backend_forget(struct conn *conn);

#endif
