/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "upgrade.h"

#include <string.h>

/* True if a protocol in Upgrade carries requests. */
static bool carries_requests(const uint8_t *buf, struct tux_span protocol)
{
	static const char *const names[] = { "h2", "h2c", "h3", "http", "tls" };
	const uint8_t *slash = memchr(buf + protocol.off, '/', protocol.len);

	if (slash != NULL)
		protocol.len = (uint32_t)(slash - buf) - protocol.off;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (tux_field_equals(buf, protocol, names[i], (uint32_t)strlen(names[i])))
			return true;
	return false;
}

bool upgrade_is_requested(const uint8_t *buf, const struct tux_request *req)
{
	uint32_t line = tux_request_field(req, TUX_FIELD_UPGRADE, 0);

	for (; line != 0; line = tux_request_field(req, TUX_FIELD_UPGRADE, line)) {
		struct tux_span rest = req->fields.line[line - 1].value, protocol;

		while (tux_field_list_next(buf, &rest, &protocol))
			if (carries_requests(buf, protocol))
				return false;
	}
	return req->upgrade;
}

static uint8_t lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + ('a' - 'A')) : octet;
}

static bool is_same(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint32_t i = 0;

	while (i < len && lower(a[i]) == lower(b[i]))
		i++;
	return i == len;
}

bool upgrade_lists(const uint8_t *buf, const struct tux_request *req, const uint8_t *name, uint32_t len)
{
	uint32_t line = tux_request_field(req, TUX_FIELD_UPGRADE, 0);

	for (; line != 0; line = tux_request_field(req, TUX_FIELD_UPGRADE, line)) {
		struct tux_span rest = req->fields.line[line - 1].value, protocol;

		while (tux_field_list_next(buf, &rest, &protocol))
			if (protocol.len == len && is_same(buf + protocol.off, name, len))
				return true;
	}
	return false;
}
