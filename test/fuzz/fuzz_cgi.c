/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The variables of CGI: each is a name of letters, digits and '_', and a value without a line end; no name stands there
 * twice, and none is that of a setting which programs take from their environment. The first octet chooses facts.
 */
#include <string.h>

#include "cgi_variables.h"
#include "fuzz.h"

enum { CAP = 32768 };

static bool is_name(const char *text, size_t len)
{
	return len > 0 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

/* What the fields made, one behind the other up to end. */
static void check_variables(const char *at, const char *end)
{
	for (const char *variable = at; variable < end; variable += strlen(variable) + 1) {
		const char *equals = strchr(variable, '=');

		require(equals != NULL && is_name(variable, (size_t)(equals - variable)));
		require(strpbrk(equals, "\r\n") == NULL && strncmp(variable, "HTTP_PROXY=", 11) != 0);
		require(strncmp(variable, "HTTP_CONTENT_LENGTH=", 20) != 0 && strncmp(variable, "HTTP_TRANSFER_ENCODING=", 23) != 0);
		for (const char *other = at; other < variable; other += strlen(other) + 1)
			require(strncmp(other, variable, (size_t)(equals - variable) + 1) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tux_request req;
	struct tux_cgi_facts facts = { 0 };
	uint32_t len, written;
	uint8_t *copy, *out, *exact;

	if (size < 2)
		return 0;
	len = (uint32_t)size - 1;
	copy = allocated(len);
	memcpy(copy, data + 1, len);
	if (tux_request_parse(copy, len, 0, &req) != TUX_PARSED) {
		free(copy);
		return 0;
	}
	facts.https = (data[0] & 1) != 0;
	facts.has_length = (data[0] & 2) != 0;
	facts.content_length = req.content_length;
	facts.server_port = data[0] & 4;
	facts.path_info = (struct tux_octets){ (const uint8_t *)"/x", (data[0] & 8) != 0 ? 2 : 0 };
	facts.server_name = (struct tux_octets){ (const uint8_t *)"n", (data[0] & 16) != 0 ? 1 : 0 };
	out = allocated(CAP);
	written = tux_cgi_variables(out, CAP, copy, &req, &facts);
	require(written > 0 && out[written - 1] == '\0');
	require_written(out, written);
	check_variables((const char *)out, (const char *)out + written);
	exact = allocated(written);
	require(tux_cgi_variables(exact, written, copy, &req, &facts) == written && memcmp(exact, out, written) == 0);
	require(tux_cgi_variables(exact, written - 1, copy, &req, &facts) == 0);
	free(exact);
	free(out);
	free(copy);
	return 0;
}
