/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follows the unencrypted messages of a client by their headers, so that a long ClientHello is refused before memory is reserved for it. */
#ifndef TUX_ENGINE_TLS_HELLO_H
#define TUX_ENGINE_TLS_HELLO_H

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialize before use. */
struct tls_hello {
	uint8_t record[5];    /* header of the record */
	uint8_t message[4];   /* header of the message, which may be in several records */
	uint8_t record_bytes; /* of the headers that have arrived */
	uint8_t message_bytes;
	uint32_t record_left; /* bytes after the header */
	uint32_t message_left;
	bool first_over;
};

/*
 * Follows the next bytes of a client. again: a second ClientHello may follow the first one, as with TLS 1.3. Returns false if one announces
 * more than 16 KiB.
 */
bool tls_hello_fits(struct tls_hello *hello, bool again, const uint8_t *data, uint32_t len);

#endif
