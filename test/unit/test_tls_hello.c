/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The announced length of a ClientHello, over every split of its records and of what arrives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/tls/hello.h"

enum { BYTES = 40, SECOND_AT = TLS_RECORD_HEAD + TLS_MESSAGE_HEAD + 3 };

/* A record of len bytes, with the header of a message that announces as many as told. Returns the bytes written. */
static uint32_t put_message(uint8_t *to, uint8_t type, uint32_t len, uint32_t announced)
{
	const uint8_t head[] = { type, 3, 1, (uint8_t)(len >> 8), (uint8_t)len, 1, (uint8_t)(announced >> 16), (uint8_t)(announced >> 8),
				 (uint8_t)announced };

	memcpy(to, head, sizeof(head));
	memset(to + sizeof(head), 0xff, len - TLS_MESSAGE_HEAD);
	return TLS_RECORD_HEAD + len;
}

/* True if the bytes fit, given in two parts of each length. */
static bool fits(const uint8_t *data, uint32_t len, bool second)
{
	uint32_t split, fitting = 0;

	for (split = 0; split <= len; split++) {
		struct tls_hello hello = { .record_left = 0 };

		fitting += tls_hello_fits(&hello, data, split, second) && tls_hello_fits(&hello, data + split, len - split, second);
	}
	assert_true(fitting == 0 || fitting == len + 1);
	return fitting > 0;
}

static void test_limit_of_the_announced_length(void **state)
{
	uint8_t data[BYTES];

	(void)state;
	assert_true(fits(data, put_message(data, TLS_HANDSHAKE, 20, TLS_MAX_HELLO), false));
	assert_false(fits(data, put_message(data, TLS_HANDSHAKE, 20, TLS_MAX_HELLO + 1), false));
	assert_false(fits(data, put_message(data, TLS_HANDSHAKE, 20, 0xffffff), false));
	assert_true(fits(data, put_message(data, TLS_HANDSHAKE - 1, 20, TLS_MAX_HELLO + 1), false)); /* an alert has no messages */
}

static void test_second_message_counts_when_it_may_come(void **state)
{
	uint8_t data[BYTES];
	uint32_t len = put_message(data, TLS_HANDSHAKE, TLS_MESSAGE_HEAD + 3, 3);

	(void)state;
	assert_int_equal(len, SECOND_AT);
	len += put_message(data + len, TLS_HANDSHAKE, 20, TLS_MAX_HELLO + 1);
	assert_false(fits(data, len, true));
	assert_true(fits(data, len, false)); /* it is encrypted: these bytes are no header */
}

static void test_header_of_a_message_in_several_records(void **state)
{
	static const uint8_t parts[] = { TLS_HANDSHAKE, 3, 1, 0, 2, 1, 0x01, TLS_HANDSHAKE, 3, 1, 0, 0, TLS_HANDSHAKE, 3, 1, 0, 2, 0x00, 0x00 };
	uint8_t data[sizeof(parts)];

	(void)state;
	memcpy(data, parts, sizeof(data));
	assert_false(fits(data, sizeof(data), false)); /* 65,536 bytes */
	data[6] = 0;
	assert_true(fits(data, sizeof(data), false)); /* none: the next message begins */
}

static void test_name_in_the_extension(void **state)
{
	uint8_t content[] = { 0, 6, 0, 0, 3, 'a', '.', 'b' };
	struct tux_span name = tls_hello_name(content, sizeof(content));

	(void)state;
	assert_int_equal(name.off, 5);
	assert_int_equal(name.len, 3);
	for (uint32_t len = 0; len < sizeof(content); len++)
		assert_int_equal(tls_hello_name(content, len).len, 0);
	content[4] = 4; /* longer than the content */
	assert_int_equal(tls_hello_name(content, sizeof(content)).len, 0);
	content[4] = 3;
	content[2] = 1; /* no name of a host */
	assert_int_equal(tls_hello_name(content, sizeof(content)).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit_of_the_announced_length),
		cmocka_unit_test(test_second_message_counts_when_it_may_come),
		cmocka_unit_test(test_header_of_a_message_in_several_records),
		cmocka_unit_test(test_name_in_the_extension),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
