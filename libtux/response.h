/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the bytes that a historic module writes to its socket as a response (RFC 9112). Without sockets and without the server. */
#ifndef LIBTUX_RESPONSE_H
#define LIBTUX_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RESPONSE_MAX_HEAD = 16384,  /* bytes; more is no response */
	RESPONSE_MAX_FIELDS = 100,
};

enum response_state {
	RESPONSE_HEAD,
	RESPONSE_BODY,       /* to the end, or until left bytes are read */
	RESPONSE_CHUNK_SIZE, /* the line with the size of a chunk */
	RESPONSE_CHUNK,      /* left bytes of a chunk */
	RESPONSE_CHUNK_END,  /* the line end after a chunk */
	RESPONSE_TRAILER,    /* lines after the last chunk */
	RESPONSE_WHOLE,      /* more bytes are excess */
	RESPONSE_BROKEN,     /* wrong says why */
};

/* A field line: offsets in head. Each text ends in NUL. */
struct response_field {
	uint16_t name;
	uint16_t value;
};

struct response {
	enum response_state state;
	bool has_head;       /* the head is complete: status to fields are valid */
	bool no_body;        /* bytes of a body are dropped: the response to HEAD, 204 and 304 */
	bool chunked;
	bool excess;         /* the module wrote more than its Content-Length */
	uint16_t status;
	int64_t length;      /* of Content-Length; -1: unknown */
	uint64_t left;
	const char *wrong;   /* for the log */
	char *head;          /* malloc'ed */
	uint32_t head_len;
	uint32_t head_size;
	uint32_t scanned;    /* bytes of head in which no empty line ends */
	uint32_t line_len;   /* bytes of the line of a chunk, or of a trailer */
	char line[24];       /* the line of a chunk's size */
	const char *type;    /* Content-Type; NULL: no such field */
	unsigned field_count;
	struct response_field field[RESPONSE_MAX_FIELDS]; /* those that the server does not write itself */
};

/* Prepares for a response to a request. is_head: its method is HEAD. */
void response_start(struct response *response, bool is_head);

/*
 * Reads from len > 0 bytes at data. Returns how many of them are framing, and sets *body to how many follow that are body. They count as
 * read. Returns 0 with *body == 0 if the response is broken. Stops when the head is complete, so that the caller sees it before the body.
 */
size_t response_read(struct response *response, const char *data, size_t len, size_t *body);

/*
 * Takes the bytes of a file as a part of the body. Returns how many of them belong to it. Returns -1 if no body without chunks is open.
 */
int64_t response_take_file(struct response *response, uint64_t len);

/* Tells that the module has finished. Returns true if the response is whole. */
bool response_finish(struct response *response);

/* Frees what the response holds. */
void response_forget(struct response *response);

#endif
