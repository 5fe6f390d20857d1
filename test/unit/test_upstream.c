/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The address of an upstream server with a name, which the resolver writes into shared memory. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../engine/backend/upstream.h"

enum { LIMIT_S = 10 };

static uint64_t now_ms = 1000;
static struct peer_streams streams = { .now_ms = &now_ms };

static struct tux_resolved resolved_make(uint32_t sequence, uint8_t last)
{
	struct tux_resolved resolved = { .sequence = sequence, .len = sizeof(struct sockaddr_in) };
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x7f000000u + last) };

	memcpy(&resolved.address, &address, sizeof(address));
	return resolved;
}

/* A resolver that ended in the middle of a write never ends it. The request gets the address from before. */
static void test_unfinished_address_is_not_awaited(void **state)
{
	struct tux_resolved resolved = resolved_make(2, 1);
	const struct tux_upstream_server server = { .name = "app", .named = true, .resolved = &resolved };
	const struct tux_upstream config = { .server = &server, .server_count = 1 };
	struct upstream_server *chosen;
	struct upstream upstream;
	uint64_t tried = 0;

	(void)state;
	assert_true(upstream_open(&upstream, &config, &streams));
	chosen = upstream_choose(&upstream, &tried);
	assert_non_null(chosen);
	assert_int_equal(chosen->sequence, 2);
	assert_string_equal(chosen->text, "127.0.0.1:80");
	resolved = resolved_make(3, 2);
	tried = 0;
	alarm(LIMIT_S); /* the signal ends the test */
	assert_ptr_equal(upstream_choose(&upstream, &tried), chosen);
	alarm(0);
	assert_int_equal(chosen->sequence, 2);
	assert_string_equal(chosen->text, "127.0.0.1:80");
	resolved.sequence = 4;
	tried = 0;
	assert_ptr_equal(upstream_choose(&upstream, &tried), chosen);
	assert_string_equal(chosen->text, "127.0.0.2:80");
	upstream_free(&upstream);
}

/* A length that no address has is not believed: the process of the resolver writes it. */
static void test_length_past_the_address_is_no_address(void **state)
{
	struct tux_resolved resolved = resolved_make(2, 1);
	const struct tux_upstream_server server = { .name = "app", .named = true, .resolved = &resolved };
	const struct tux_upstream config = { .server = &server, .server_count = 1 };
	struct upstream_server *chosen;
	struct upstream upstream;
	uint64_t tried = 0;

	(void)state;
	resolved.len = sizeof(resolved.address) + 1;
	assert_true(upstream_open(&upstream, &config, &streams));
	chosen = upstream_choose(&upstream, &tried);
	assert_non_null(chosen);
	assert_int_equal(chosen->address_len, 0);
	upstream_free(&upstream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unfinished_address_is_not_awaited),
		cmocka_unit_test(test_length_past_the_address_is_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
