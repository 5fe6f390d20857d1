/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plain bytes of a message, cut into records of TLS. */
#ifndef TUX_ENGINE_TLS_RECORDS_H
#define TUX_ENGINE_TLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	TLS_RECORD_BYTES = 16384, /* plain bytes of a record (RFC 8446 5.1) */
};

/* A place in the pieces of a message. */
struct tls_place {
	const struct msghdr *message;
	size_t piece;
	size_t off; /* in it */
};

/* Skips pieces without bytes left. Returns false at the end of the message. */
bool tls_place_find(struct tls_place *place);

/*
 * Returns the plain bytes of the next record, and moves the place after them; tls_place_find() has found some. Bytes of several pieces are
 * copied to room, of TLS_RECORD_BYTES: a head and a small body are one record.
 */
const uint8_t *tls_place_record(struct tls_place *place, uint8_t *room, size_t *len);

/* Returns the number of bytes of a message, or most if it has more. */
uint32_t tls_message_bytes(const struct msghdr *message, uint32_t most);

#endif
