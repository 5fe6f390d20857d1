/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every outer limit of the protocol core, with the status that it produces. Limits of the engine (connections, timeouts, memory)
 * are options, in engine/engine.h.
 */
#ifndef TUX_CORE_LIMIT_H
#define TUX_CORE_LIMIT_H

enum {
	TUX_MAX_HEAD = 16384,       /* bytes of request line and field lines together; more is 431 */
	TUX_MAX_RECEIVED_HEAD = 65536, /* bytes of a response head from a backend, at most; a setting may be lower; more is 502 */
	TUX_MAX_EMPTY_LINES = 8,    /* before a request line; more is 400 */
	TUX_MAX_TARGET = 8192,      /* bytes of a request target; more is 414 */
	TUX_MAX_FIELDS = 100,       /* field lines in a request; more is 431 */
	TUX_MAX_OPTIONS = 32,       /* options of Connection in a message that is forwarded; more is 431, and 502 of a response */
	TUX_MAX_RANGES = 16,        /* ranges in one request; with more the field is ignored (RFC 9110 14.2) */
	TUX_MAX_CHUNK_LINE = 4096,  /* bytes of a chunk-size line; more is 400 */
	TUX_MAX_TRAILER = 8192,     /* bytes of a trailer section; more is 431 */
	TUX_MAX_ETAG = 40,          /* bytes of an entity tag that TUX makes, quotes included */
};

#endif
