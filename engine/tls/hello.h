/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
/*
 * The length of a ClientHello, known from the headers in front of it (RFC 8446 4, 5.1). OpenSSL reserves what a client announces, up to
 * 131 KB, before it arrives. Pure.
 */
#ifndef TUX_ENGINE_TLS_HELLO_H
#define TUX_ENGINE_TLS_HELLO_H

#include "../../core/span.h"

enum {
	TLS_RECORD_HEAD = 5,   /* bytes: type, version, length */
	TLS_MESSAGE_HEAD = 4,  /* bytes: type, length */
	TLS_HANDSHAKE = 22,    /* type of a record: parts of handshake messages */
	TLS_MAX_HELLO = 16384, /* bytes of a ClientHello */
	TLS_MAX_NAME = 255,    /* bytes of a host name */
};

/* The client's messages before encryption, as far as they have arrived. It begins with zeroes. */
struct tls_hello {
	uint8_t record[TLS_RECORD_HEAD];   /* header of the record */
	uint8_t message[TLS_MESSAGE_HEAD]; /* header of the message, which may be in several records */
	uint8_t record_bytes;              /* of the headers that have arrived; 0: the next one begins */
	uint8_t message_bytes;
	uint32_t record_left; /* bytes after the header that have not arrived */
	uint32_t message_left;
	bool first_over; /* the first message is complete */
};

/*@ predicate tls_hello_valid(struct tls_hello *hello) =
  @   hello->record_bytes <= TLS_RECORD_HEAD && hello->message_bytes <= TLS_MESSAGE_HEAD && hello->message_left <= TLS_MAX_HELLO &&
  @   (hello->record_bytes == TLS_RECORD_HEAD ==> hello->record_left > 0) &&
  @   (hello->message_bytes == TLS_MESSAGE_HEAD ==> hello->message_left > 0);
  @*/

/*
 * Follows the next len bytes from the client. Returns false if a message announces more than TLS_MAX_HELLO bytes; then hello is not to be
 * used again. second: a second message may come unencrypted, as in TLS 1.3 after a HelloRetryRequest; otherwise only the first one counts.
 */
/*@ requires \valid(hello) && \valid_read(data + (0 .. len - 1)) && \separated(hello, data + (0 .. len - 1));
  @ requires tls_hello_valid(hello);
  @ assigns *hello;
  @ ensures \result ==> tls_hello_valid(hello);
  @*/
bool tls_hello_fits(struct tls_hello *hello, const uint8_t *data, uint32_t len, bool second);

/*
 * Returns the place of the host name in the content of the extension server_name (RFC 6066 3): the only name of the list. Its len is 0 if
 * there is none, or the content is malformed, which OpenSSL refuses later.
 */
/*@ requires \valid_read(content + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures span_inside(\result, len) && \result.len <= TLS_MAX_NAME;
  @*/
struct tux_span tls_hello_name(const uint8_t *content, uint32_t len);

#endif
