/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header fields of a module's reply that the server writes, in all replies or in some. */
#ifndef TUX_CORE_REPLY_FIELD_H
#define TUX_CORE_REPLY_FIELD_H

#include "types.h"

/* Replies that write a field themselves. */
enum tux_reply_field_kind {
	TUX_REPLY_FIELD_ALWAYS = 0,
	TUX_REPLY_FIELD_LOCATION = 1,
	TUX_REPLY_FIELD_ETAG = 2,
	TUX_REPLY_FIELD_LAST_MODIFIED = 4,
	TUX_REPLY_FIELD_CONTENT_RANGE = 8,
	TUX_REPLY_FIELD_LIST_OF_FILE = 16, /* a field that may have several lines */
};

struct tux_reply_field {
	const char *name; /* in lower case */
	uint8_t kind;     /* enum tux_reply_field_kind */
};

static const struct tux_reply_field tux_reply_fields[] = {
	{ "connection", TUX_REPLY_FIELD_ALWAYS },
	{ "content-length", TUX_REPLY_FIELD_ALWAYS },
	{ "content-type", TUX_REPLY_FIELD_ALWAYS },
	{ "date", TUX_REPLY_FIELD_ALWAYS },
	{ "keep-alive", TUX_REPLY_FIELD_ALWAYS },
	{ "server", TUX_REPLY_FIELD_ALWAYS },
	{ "trailer", TUX_REPLY_FIELD_ALWAYS },
	{ "transfer-encoding", TUX_REPLY_FIELD_ALWAYS },
	{ "upgrade", TUX_REPLY_FIELD_ALWAYS },
	{ "location", TUX_REPLY_FIELD_LOCATION },
	{ "etag", TUX_REPLY_FIELD_ETAG },
	{ "last-modified", TUX_REPLY_FIELD_LAST_MODIFIED },
	{ "content-range", TUX_REPLY_FIELD_CONTENT_RANGE },
	{ "accept-ranges", TUX_REPLY_FIELD_LIST_OF_FILE },
	{ "content-encoding", TUX_REPLY_FIELD_LIST_OF_FILE },
};

enum { TUX_REPLY_FIELDS = sizeof(tux_reply_fields) / sizeof(tux_reply_fields[0]) };

#endif
