/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status_query.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "../../core/field_name.h"
#include "../../core/host.h"
#include "../../core/negotiate.h"

static bool is_in(const struct tux_network *network, const uint8_t address[16])
{
	const unsigned whole = network->prefix_len / 8, rest = network->prefix_len % 8;

	return memcmp(network->address, address, whole) == 0 &&
	       (rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

bool status_query_permits(const struct tux_status_route *route, const uint8_t address[16], uint16_t port)
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

/* True for any address in brackets, or four numbers. No other host name ends in a number (RFC 3696 2). */
static bool is_address(const char *name)
{
	struct in_addr address;

	return *name == '[' || inet_pton(AF_INET, name, &address) == 1;
}

bool status_query_host_permits(const struct tux_host_names *names, uint32_t listener, const uint8_t *buf, struct tux_span host, const char *machine)
{
	static const char beneath[] = ".localhost";
	const uint32_t no_host = UINT32_MAX;
	uint32_t fallback[TUX_MAX_HOST_LISTENERS];
	struct tux_host_names named = *names;
	char name[TUX_MAX_HOST_NAME + 1];
	const uint8_t *colon;
	size_t len = host.len;

	if (len == 0)
		return true;
	colon = buf[host.off] == '[' ? NULL : memchr(buf + host.off, ':', len);
	if (colon != NULL)
		len = (size_t)(colon - (buf + host.off));
	if (len > 0 && buf[host.off + len - 1] == '.')
		len--;
	if (len > TUX_MAX_HOST_NAME)
		return false;
	memcpy(name, buf + host.off, len);
	name[len] = '\0';
	if (strchr(name, '.') == NULL || is_address(name) || strcasecmp(name, machine) == 0 ||
	    (len > sizeof(beneath) - 1 && strcasecmp(name + len - (sizeof(beneath) - 1), beneath) == 0))
		return true;
	for (unsigned i = 0; i < TUX_MAX_HOST_LISTENERS; i++)
		fallback[i] = no_host;
	named.fallback = fallback;
	return tux_host_find(&named, listener, buf, host) != no_host;
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

/* Finds the value of "format=" in the query. Returns false without one. */
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

bool status_query_form(const uint8_t *buf, const struct tux_request *req, enum tux_report_form *form)
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
