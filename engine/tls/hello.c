/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hello.h"

#include <openssl/ssl3.h>

enum {
	MAX_HELLO = 16384, /* bytes of a ClientHello. OpenSSL has 131396, and reserves them before they arrive */
};

/* True if the record is not encrypted and has parts of handshake messages: the first ClientHello, or with TLS 1.3 the second one. */
static bool has_message(const struct tls_hello *hello, bool again)
{
	return hello->record[0] == SSL3_RT_HANDSHAKE && (!hello->first_over || again);
}

bool tls_hello_fits(struct tls_hello *hello, bool again, const uint8_t *data, uint32_t len)
{
	uint32_t at = 0;

	while (at < len) {
		uint32_t n = hello->record_left < len - at ? hello->record_left : len - at;

		if (hello->record_bytes < sizeof(hello->record)) {
			hello->record[hello->record_bytes++] = data[at++];
			hello->record_left = (uint32_t)hello->record[3] << 8 | hello->record[4];
			continue;
		}
		if (n > 0 && has_message(hello, again) && hello->message_bytes < sizeof(hello->message)) {
			n = 1;
			hello->message[hello->message_bytes++] = data[at];
			hello->message_left = (uint32_t)hello->message[1] << 16 | (uint32_t)hello->message[2] << 8 | hello->message[3];
			if (hello->message_bytes == sizeof(hello->message) && hello->message_left > MAX_HELLO)
				return false;
		} else if (n > 0 && has_message(hello, again)) {
			n = hello->message_left < n ? hello->message_left : n;
			hello->message_left -= n;
			hello->message_bytes = hello->message_left > 0 ? hello->message_bytes : 0;
			hello->first_over = hello->first_over || hello->message_left == 0;
		}
		at += n;
		hello->record_left -= n;
		hello->record_bytes = hello->record_left > 0 ? hello->record_bytes : 0;
	}
	return true;
}
