/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include <string.h>

#include "../../core/field.h"
#include "../../core/negotiate.h"

static bool is_in(const struct tux_network *network, const uint8_t address[16])
{
	const unsigned whole = network->prefix_len / 8, rest = network->prefix_len % 8;

	return memcmp(network->address, address, whole) == 0 &&
	       (rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

bool report_permits(const struct tux_status_route *route, const uint8_t address[16], uint16_t port)
{
	static const struct tux_network local[] = {
		{ { [15] = 1 }, 128 },
		{ { [10] = 0xff, 0xff, 127 }, 104 },
	};
	static const uint8_t none[16];

	if (memcmp(address, none, sizeof(none)) == 0)
		return port == 0;
	for (unsigned i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if (is_in(&local[i], address))
			return true;
	for (unsigned i = 0; i < route->allow_count; i++)
		if (is_in(&route->allow[i], address))
			return true;
	return false;
}

static bool accepts_html(const uint8_t *buf, const struct tux_request *req)
{
	uint32_t line = 0;

	while ((line = tux_request_field(req, TUX_FIELD_ACCEPT, line)) != 0) {
		struct tux_span rest = req->fields.line[line - 1].value;
		struct tux_span element, token;

		while (tux_field_list_next(buf, &rest, &element))
			if (tux_field_weight(buf, element, &token) > 0 && tux_field_equals(buf, token, "text/html", 9))
				return true;
	}
	return false;
}

/* The value of "format=" in the query; false without one. */
static bool format_find(const uint8_t *buf, struct tux_span query, const uint8_t **value, size_t *len)
{
	static const char name[] = "format=";
	const size_t name_len = sizeof(name) - 1;
	const uint8_t *at = buf + query.off, *const end = at + query.len;

	while (at < end) {
		const uint8_t *amp = memchr(at, '&', (size_t)(end - at));
		const uint8_t *stop = amp != NULL ? amp : end;

		if ((size_t)(stop - at) >= name_len && memcmp(at, name, name_len) == 0) {
			*value = at + name_len;
			*len = (size_t)(stop - at) - name_len;
			return true;
		}
		at = stop + 1;
	}
	return false;
}

bool report_form_wanted(const uint8_t *buf, const struct tux_request *req, enum tux_report_form *form)
{
	static const struct {
		const char *name;
		enum tux_report_form form;
	} formats[] = { { "prometheus", TUX_REPORT_PROMETHEUS }, { "json", TUX_REPORT_JSON }, { "html", TUX_REPORT_PAGE },
	                { "ready", TUX_REPORT_READY } };
	const uint8_t *value;
	size_t len;

	*form = TUX_REPORT_PROMETHEUS;
	if (format_find(buf, req->query, &value, &len)) {
		for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
			if (strlen(formats[i].name) != len || memcmp(formats[i].name, value, len) != 0)
				continue;
			*form = formats[i].form;
			return true;
		}
		return false;
	}
	if (tux_negotiate_json(buf, req))
		*form = TUX_REPORT_JSON;
	else if (accepts_html(buf, req))
		*form = TUX_REPORT_PAGE;
	return true;
}
