/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request_head.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../../core/cgi_variables.h"
#include "../../core/forward.h"
#include "../../core/named_value.h"
#include "../io/address.h"
#include "../tls/context.h"
#include "../tls/identity.h"
#include "../upgrade.h"
#include "backends.h"

enum {
	REQUEST_HEAD_ROOM = 2048,            /* upper limit of the growth of a rewritten head */
	PORT_TEXT = 8,                       /* ":65535" */
	HOST_TEXT = TUX_MAX_HOST_NAME + PORT_TEXT + 2,
	IDENTITY_FACTS = 5,
	FACT_ROOM = TLS_DN_BYTES + 64, /* of the longest fact with its name */
	ENVIRONMENT_ROOM = 3 * TUX_MAX_HEAD, /* the variables repeat parts of the head, and add facts of TUX */
};

/*
 * Writes the host name for a request without one (HTTP/1.0): the host's first name, else the local address of the connection. with_port adds
 * the port unless it is that of the scheme.
 */
static struct tux_octets host_of(const struct request *req, bool with_port, char text[HOST_TEXT])
{
	const struct address here = address_of_socket(req->client->channel->fd);
	char numeric[ADDRESS_TEXT], port[PORT_TEXT] = "";
	const struct tux_octets address = address_text(here.octets, numeric);

	if (with_port && here.port != 0 && here.port != (req->client->secure ? 443 : 80))
		snprintf(port, sizeof(port), ":%u", here.port);
	if (req->host->name != NULL)
		snprintf(text, HOST_TEXT, "%s%s", req->host->name, port);
	else if (address.len == 0) /* a Unix socket */
		snprintf(text, HOST_TEXT, "localhost");
	else
		snprintf(text, HOST_TEXT, memchr(address.at, ':', address.len) != NULL ? "[%s]%s" : "%s%s", numeric, port);
	return (struct tux_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

#define FIELD_PREFIX "X-SSL-Client-"
#define TEXT(literal) { literal, sizeof(literal) - 1 }

/* Names of the facts about a client's certificate: variables of programs, and fields of upstream servers, which no client can send. */
static const struct {
	struct tux_text variable, field;
} facts[IDENTITY_FACTS] = {
	{ TEXT("SSL_CLIENT_VERIFY"), TEXT("X-SSL-Client-Verify") },
	{ TEXT("SSL_CLIENT_S_DN"), TEXT("X-SSL-Client-S-DN") },
	{ TEXT("SSL_CLIENT_I_DN"), TEXT("X-SSL-Client-I-DN") },
	{ TEXT("SSL_CLIENT_M_SERIAL"), TEXT("X-SSL-Client-Serial") },
	{ TEXT("SSL_CLIENT_FINGERPRINT"), TEXT("X-SSL-Client-Fingerprint") },
};

/* Appends the facts, as fields or variables. Returns false if out of memory. */
static bool put_identity(const struct client *client, bool field, struct buffer *to)
{
	const struct tls_identity *of = client->identity;
	const char *const values[IDENTITY_FACTS] = {
		of != NULL ? "SUCCESS" : "NONE", of != NULL ? of->subject : "", of != NULL ? of->issuer : "", of != NULL ? of->serial : "",
		of != NULL ? of->fingerprint : "",
	};

	if (client->context == NULL || !client->context->demands)
		return true;
	for (unsigned i = 0; i < IDENTITY_FACTS; i++) {
		const struct tux_octets value = { (const uint8_t *)values[i], (uint32_t)strlen(values[i]) };
		uint8_t *out = value.len > 0 ? buffer_room(to, FACT_ROOM) : NULL;

		if (value.len == 0)
			continue;
		if (out == NULL)
			return false;
		to->len += field ? tux_named_field(out, FACT_ROOM, facts[i].field, value) : tux_named_variable(out, FACT_ROOM, facts[i].variable, value);
	}
	return true;
}

/* Returns the length of the line from an offset on, its end included. */
static uint32_t line_len(const struct buffer *head, uint32_t from)
{
	const uint8_t *line = head->data + from, *end = memchr(line, '\n', head->len - from);

	return end != NULL ? (uint32_t)(end - line) + 1 : head->len - from;
}

/*
 * Removes the fields with such names that a client has sent, from a head that the core has written: each line ends in CRLF. The request line
 * stays, because a method may have such a name, too.
 */
static void drop_forged(struct buffer *head)
{
	uint32_t from = line_len(head, 0), to = from;

	while (from < head->len) {
		const uint8_t *line = head->data + from;
		const uint32_t len = line_len(head, from);

		if (len < sizeof(FIELD_PREFIX) || strncasecmp((const char *)line, FIELD_PREFIX, sizeof(FIELD_PREFIX) - 1) != 0) {
			if (to < from)
				memmove(head->data + to, line, len);
			to += len;
		}
		from += len;
	}
	head->len = to;
}

/* Writes the facts about the client's certificate into a head, before the empty line at its end. Returns false if out of memory. */
static bool add_identity(const struct client *client, struct buffer *head)
{
	uint8_t end[2];

	drop_forged(head);
	head->len -= sizeof(end);
	memcpy(end, head->data + head->len, sizeof(end));
	return put_identity(client, true, head) && buffer_keep(head, end, sizeof(end));
}

uint16_t request_head_write(const struct request *req, const struct tux_upstream *upstream, const struct request_framing *framing, bool upgrade,
                            struct buffer *head)
{
	const struct tux_request *parsed = &req->head;
	const uint32_t cap = parsed->head_len + REQUEST_HEAD_ROOM;
	char client[ADDRESS_TEXT], host[HOST_TEXT];
	const struct tux_forwarding how = {
		.host = parsed->host.len == 0 ? host_of(req, true, host) : (struct tux_octets){ NULL, 0 },
		.client = address_text(req->client->address, client),
		.content_length = framing->content_length,
		.framing = framing->framing,
		.trusted = upstream->trust_forwarded,
		.https = req->client->secure,
		.upgrade = upgrade,
	};
	uint8_t *out = buffer_room(head, cap);

	if (out == NULL)
		return 503;
	head->len = tux_forward_request(out, cap, req->bytes, parsed, &how);
	if (head->len == 0)
		return 431;
	return add_identity(req->client, head) ? 0 : 503;
}

uint16_t request_head_environment(const struct request *req, const struct request_framing *framing, struct buffer *environment)
{
	char client[ADDRESS_TEXT], server[ADDRESS_TEXT], host[HOST_TEXT];
	const struct address here = address_of_socket(req->client->channel->fd);
	const struct tux_cgi_facts known = {
		.server_name = req->head.host.len == 0 ? host_of(req, false, host) : (struct tux_octets){ NULL, 0 },
		.server_addr = address_text(here.octets, server),
		.server_port = here.port,
		.remote_addr = address_text(req->client->address, client),
		.remote_port = req->client->port,
		.https = req->client->secure,
		.document_root = { (const uint8_t *)req->host->path, (uint32_t)strlen(req->host->path) },
		.server_software = { (const uint8_t *)"tux", 3 },
		.has_length = framing->framing == TUX_FRAMING_LENGTH,
		.content_length = framing->content_length,
	};
	uint8_t *out = buffer_room(environment, ENVIRONMENT_ROOM);

	if (out == NULL)
		return 503;
	environment->len = tux_cgi_variables(out, ENVIRONMENT_ROOM, req->bytes, &req->head, &known);
	if (environment->len == 0)
		return 431;
	return put_identity(req->client, false, environment) ? 0 : 503;
}

bool request_head_may_repeat(const struct tux_request *req)
{
	switch ((enum tux_method)req->method) {
	case TUX_GET:
	case TUX_HEAD:
	case TUX_OPTIONS:
	case TUX_PUT:
	case TUX_DELETE:
	case TUX_TRACE:
		return true;
	case TUX_POST:
	case TUX_PATCH:
	case TUX_CONNECT:
	case TUX_METHOD_UNKNOWN:
		break;
	}
	return false;
}

bool request_head_asked_for(const struct request *req, const uint8_t *head)
{
	const struct tux_field_lines *fields = &req->thread->backends->received.fields;
	uint32_t line = tux_fields_find(fields, TUX_FIELD_UPGRADE, 0);

	for (; line != 0; line = tux_fields_find(fields, TUX_FIELD_UPGRADE, line)) {
		struct tux_span rest = fields->line[line - 1].value, protocol;

		while (tux_field_list_next(head, &rest, &protocol))
			if (!upgrade_lists(req->bytes, &req->head, head + protocol.off, protocol.len))
				return false;
	}
	return true;
}
