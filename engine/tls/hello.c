/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
#include "hello.h"

/* The next byte of a record's header. */
/*@ requires \valid(hello) && tls_hello_valid(hello) && hello->record_bytes < TLS_RECORD_HEAD;
  @ assigns hello->record[0 .. TLS_RECORD_HEAD - 1], hello->record_bytes, hello->record_left;
  @ ensures tls_hello_valid(hello);
  @*/
static void add_to_record_head(struct tls_hello *hello, uint8_t octet)
{
	hello->record[hello->record_bytes] = octet;
	hello->record_bytes++;
	if (hello->record_bytes < TLS_RECORD_HEAD)
		return;
	hello->record_left = 256U * hello->record[3] + hello->record[4];
	if (hello->record_left == 0)
		hello->record_bytes = 0;
}

/*@ requires \valid(hello);
  @ assigns hello->message_bytes, hello->first_over;
  @ ensures hello->message_bytes == 0 && hello->first_over;
  @*/
static void end_message(struct tls_hello *hello)
{
	hello->message_bytes = 0;
	hello->first_over = true;
}

/* The next byte of a message's header. Returns false if the message is too long. */
/*@ requires \valid(hello) && tls_hello_valid(hello) && hello->message_bytes < TLS_MESSAGE_HEAD;
  @ assigns hello->message[0 .. TLS_MESSAGE_HEAD - 1], hello->message_bytes, hello->message_left, hello->first_over;
  @ ensures \result ==> tls_hello_valid(hello);
  @*/
static bool add_to_message_head(struct tls_hello *hello, uint8_t octet)
{
	hello->message[hello->message_bytes] = octet;
	hello->message_bytes++;
	if (hello->message_bytes < TLS_MESSAGE_HEAD)
		return true;
	hello->message_left = 65536U * hello->message[1] + 256U * hello->message[2] + hello->message[3];
	if (hello->message_left > TLS_MAX_HELLO)
		return false;
	if (hello->message_left == 0)
		end_message(hello);
	return true;
}

/* Takes the first of n bytes that are in a record of messages, or the rest of a message. Returns how many; 0 if the message is too long. */
/*@ requires \valid(hello) && tls_hello_valid(hello) && 0 < n;
  @ assigns hello->message[0 .. TLS_MESSAGE_HEAD - 1], hello->message_bytes, hello->message_left, hello->first_over;
  @ ensures \result <= n;
  @ ensures 0 < \result ==> tls_hello_valid(hello);
  @*/
static uint32_t take_message(struct tls_hello *hello, uint8_t first, uint32_t n)
{
	uint32_t taken;

	if (hello->message_bytes < TLS_MESSAGE_HEAD)
		return add_to_message_head(hello, first) ? 1 : 0;
	taken = hello->message_left < n ? hello->message_left : n;
	hello->message_left -= taken;
	if (hello->message_left == 0)
		end_message(hello);
	return taken;
}

/* n bytes of the record have arrived. */
/*@ requires \valid(hello) && tls_hello_valid(hello) && hello->record_bytes == TLS_RECORD_HEAD && n <= hello->record_left;
  @ assigns hello->record_bytes, hello->record_left;
  @ ensures tls_hello_valid(hello);
  @*/
static void take_record(struct tls_hello *hello, uint32_t n)
{
	hello->record_left -= n;
	if (hello->record_left == 0)
		hello->record_bytes = 0;
}

bool tls_hello_fits(struct tls_hello *hello, const uint8_t *data, uint32_t len, bool second)
{
	uint32_t at = 0;

	/*@ loop invariant at <= len;
	  @ loop invariant tls_hello_valid(hello);
	  @ loop assigns at, *hello;
	  @ loop variant len - at; */
	while (at < len) {
		uint32_t n;

		if (hello->record_bytes < TLS_RECORD_HEAD) {
			add_to_record_head(hello, data[at]);
			at++;
			continue;
		}
		n = hello->record_left < len - at ? hello->record_left : len - at;
		if (hello->record[0] == TLS_HANDSHAKE && (second || !hello->first_over))
			n = take_message(hello, data[at], n);
		if (n == 0)
			return false;
		take_record(hello, n);
		at += n;
	}
	return true;
}

struct tux_span tls_hello_name(const uint8_t *content, uint32_t len)
{
	enum { NAME_AT = 5, HOST_NAME = 0 }; /* after the length of the list, the type and the length of the name */
	struct tux_span name = { 0, 0 };
	uint32_t bytes;

	if (len <= NAME_AT || content[2] != HOST_NAME)
		return name;
	bytes = 256U * content[3] + content[4];
	if (bytes != len - NAME_AT || bytes > TLS_MAX_NAME)
		return name;
	name.off = NAME_AT;
	name.len = bytes;
	return name;
}
