/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: a request parsed from field lines. */
#ifndef TUX_TEST_PARSED_H
#define TUX_TEST_PARSED_H

#include <stdio.h>

#include "request.h"
#include "sanitizer.h"

struct parsed {
	uint8_t buf[4096];
	struct tux_request req;
};

/* Parses a request. method is GET or another, fields each have CRLF. The request must be accepted. */
static inline struct parsed *parse_request(const char *method, const char *fields)
{
	static struct parsed parsed;
	int len = snprintf((char *)parsed.buf, sizeof(parsed.buf), "%s /a?b HTTP/1.1\r\nHost: x\r\n%s\r\n", method, fields);

	assert_in_range(len, 1, sizeof(parsed.buf) - 1);
	forget(&parsed.req, sizeof(parsed.req));
	assert_int_equal(tux_request_parse(parsed.buf, (uint32_t)len, 0, &parsed.req), TUX_PARSED);
	return &parsed;
}

#endif
