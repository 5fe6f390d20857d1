/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "upstreams.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "units.h"

enum {
	NAME_SERVERS = 4, /* at least, that a name has room for: more addresses may come */
	UNRESOLVED_SERVERS = 8, /* that a name has room for whose addresses are found later */
};

/* The text of a server. */
struct spec {
	const char *name; /* as written */
	const char *at;   /* after the scheme */
	bool tls;
	unsigned port;    /* without one in the text; 0: none */
};

/* Returns the scheme and the rest of a server's text. */
static struct spec spec_of(const char *name)
{
	if (strncmp(name, "https://", 8) == 0)
		return (struct spec){ name, name + 8, true, 443 };
	if (strncmp(name, "http://", 7) == 0)
		return (struct spec){ name, name + 7, false, 80 };
	return (struct spec){ name, name, false, 0 };
}

static bool server_add(struct tux_upstream *upstream, struct spec spec, const void *address, socklen_t len, char *error,
                       size_t error_size)
{
	struct tux_upstream_server *servers;

	if (upstream->server_count == TUX_MAX_UPSTREAM_SERVERS) {
		snprintf(error, error_size, "upstream \"%s\" has more than %d servers", upstream->name, TUX_MAX_UPSTREAM_SERVERS);
		return false;
	}
	servers = realloc((void *)(uintptr_t)upstream->server, (upstream->server_count + 1) * sizeof(*servers));
	if (!servers) {
		snprintf(error, error_size, "no memory for a server");
		return false;
	}
	upstream->server = servers;
	servers[upstream->server_count] = (struct tux_upstream_server){ .name = spec.name, .tls = spec.tls, .address_len = len };
	memcpy(&servers[upstream->server_count++].address, address, len);
	return true;
}

static bool unix_add(struct tux_upstream *upstream, struct spec spec, char *error, size_t error_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *const path = spec.at + strlen("unix:");
	const size_t len = strlen(path);

	if (len == 0 || len >= sizeof(address.sun_path)) {
		snprintf(error, error_size, "\"%s\" is no Unix socket: its path has 1 to %zu bytes", spec.name, sizeof(address.sun_path) - 1);
		return false;
	}
	memcpy(address.sun_path, path, len);
	return server_add(upstream, spec, &address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1), error, error_size);
}

/* HOST:PORT in the text of a server. */
struct place {
	char host[256];
	char port[12];
	uint16_t at;  /* of the host in the text */
	uint16_t len; /* bytes; a dot at the end of a name is not part of it */
};

/* Parses HOST:PORT with a name or an address, of IPv6 in brackets. The port may be missing after a scheme. Returns false if it is malformed. */
static bool place_parse(struct spec spec, struct place *place)
{
	const char *start = spec.at;
	const char *const bracket = *start == '[' ? strchr(start, ']') : NULL, *const colon = strrchr(bracket ? bracket : start, ':');
	size_t len = bracket ? (size_t)(bracket - ++start) : strcspn(start, ":");
	uint64_t port = spec.port;

	if (len == 0 || len >= sizeof(place->host) || memchr(start, '/', len) || (bracket && bracket[1] != '\0' && bracket[1] != ':') ||
	    (colon && !bracket && colon != start + len) || (colon && !tux_value_count(colon + 1, 1, 65535, &port)) || port == 0)
		return false;
	*place = (struct place){ .at = (uint16_t)(start - spec.name), .len = (uint16_t)len };
	memcpy(place->host, start, len);
	snprintf(place->port, sizeof(place->port), "%u", (unsigned)port);
	if (!bracket && len > 1 && start[len - 1] == '.')
		place->len--;
	return true;
}

/* Sets the host of the servers from first on, which have one text. named: it is a name. */
static void servers_place(struct tux_upstream *upstream, unsigned first, const struct place *place, bool named)
{
	struct tux_upstream_server *const servers = (struct tux_upstream_server *)(uintptr_t)upstream->server;

	for (; first < upstream->server_count; first++) {
		servers[first].host_at = place->at;
		servers[first].host_len = place->len;
		servers[first].named = named;
		servers[first].port = named ? (uint16_t)strtoul(place->port, NULL, 10) : 0;
	}
}

/* Adds HOST:PORT. All addresses of a name are servers. later: a name is not resolved. */
static bool host_add(struct tux_upstream *upstream, struct spec spec, bool later, char *error, size_t error_size)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	const struct addrinfo numeric = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST };
	const unsigned first = upstream->server_count, room = later ? UNRESOLVED_SERVERS : NAME_SERVERS;
	struct addrinfo *found = NULL, *one;
	struct place place;
	bool added = true;
	int rc;

	if (!place_parse(spec, &place)) {
		snprintf(error, error_size, "\"%s\" is no server: ADDRESS:PORT, [ADDRESS]:PORT, NAME:PORT or unix:PATH, with https:// before it for TLS",
		         spec.name);
		return false;
	}
	rc = getaddrinfo(place.host, place.port, &numeric, &found);
	if (rc == 0) {
		added = server_add(upstream, spec, found->ai_addr, found->ai_addrlen, error, error_size);
		servers_place(upstream, first, &place, false);
		freeaddrinfo(found);
		return added;
	}
	rc = later ? 0 : getaddrinfo(place.host, place.port, &hints, &found);
	if (rc != 0) {
		snprintf(error, error_size, "the server \"%s\" cannot be found: %s", spec.name, gai_strerror(rc));
		found = NULL;
	}
	for (one = found; one && added && upstream->server_count < TUX_MAX_UPSTREAM_SERVERS; one = one->ai_next)
		added = server_add(upstream, spec, one->ai_addr, one->ai_addrlen, error, error_size);
	while (added && upstream->server_count < first + room && (upstream->server_count == first || upstream->server_count < TUX_MAX_UPSTREAM_SERVERS))
		added = server_add(upstream, spec, "", 0, error, error_size);
	if (added)
		servers_place(upstream, first, &place, true);
	if (found)
		freeaddrinfo(found);
	return added;
}

static bool address_add(const struct tux_upstream_table *table, struct tux_upstream *upstream, const char *name, char *error, size_t error_size)
{
	const struct spec spec = spec_of(name);

	return strncmp(spec.at, "unix:", 5) == 0 ? unix_add(upstream, spec, error, error_size) :
	                                           host_add(upstream, spec, table->resolved_later, error, error_size);
}

int tux_upstreams_find(struct tux_upstream_table *table, const char *name, char *error, size_t error_size)
{
	struct tux_upstream *grown;
	unsigned i;

	for (i = 0; i < table->count; i++)
		if (strcmp(table->upstream[i].name, name) == 0)
			return (int)i;
	if (table->count == TUX_MAX_UPSTREAMS || !*name) {
		snprintf(error, error_size, *name ? "there are more than %d upstreams" : "an upstream has a name", TUX_MAX_UPSTREAMS);
		return -1;
	}
	grown = realloc(table->upstream, (table->count + 1) * sizeof(*grown));
	if (!grown) {
		snprintf(error, error_size, "no memory for an upstream");
		return -1;
	}
	table->upstream = grown;
	grown[i] = table->defaults;
	grown[i].name = name;
	if (strchr(name, ':') && !address_add(table, &grown[i], name, error, error_size)) {
		free((void *)(uintptr_t)grown[i].server);
		return -1;
	}
	table->count++;
	return (int)i;
}

bool tux_upstreams_set(struct tux_upstream_table *table, unsigned number, const struct tux_option *option, const char *value, char *error,
                       size_t error_size)
{
	if (option->type == TUX_TYPE_BLOCK) /* server */
		return address_add(table, &table->upstream[number], value, error, error_size);
	return tux_option_set(option, &table->upstream[number], value, error, error_size);
}

bool tux_upstreams_copy(struct tux_upstream_table *table, const struct tux_upstream_table *from, char *error, size_t error_size)
{
	unsigned i, k;

	table->defaults = from->defaults;
	for (i = 0; i < from->count; i++) {
		struct tux_upstream *const grown = realloc(table->upstream, (i + 1) * sizeof(*grown));

		if (!grown) {
			snprintf(error, error_size, "no memory for an upstream");
			return false;
		}
		table->upstream = grown;
		grown[i] = from->upstream[i];
		grown[i].server = NULL;
		grown[i].server_count = 0;
		table->count = i + 1;
		for (k = 0; k < from->upstream[i].server_count; k++) {
			const struct tux_upstream_server *const one = &from->upstream[i].server[k];
			const struct spec spec = { .name = one->name, .tls = one->tls };
			struct tux_upstream_server *added;

			if (!server_add(&grown[i], spec, &one->address, one->address_len, error, error_size))
				return false;
			added = (struct tux_upstream_server *)(uintptr_t)&grown[i].server[k];
			added->host_at = one->host_at;
			added->host_len = one->host_len;
			added->named = one->named;
			added->port = one->port;
		}
	}
	return true;
}

uint16_t tux_upstream_port(const struct tux_upstream_server *server)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (server->named)
		return server->port;
	if (server->address.ss_family == AF_INET) {
		memcpy(&in4, &server->address, sizeof(in4));
		return ntohs(in4.sin_port);
	}
	if (server->address.ss_family == AF_INET6) {
		memcpy(&in6, &server->address, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	return 0;
}

void tux_upstreams_free(struct tux_upstream_table *table)
{
	unsigned i;

	for (i = 0; i < table->count; i++)
		free((void *)(uintptr_t)table->upstream[i].server);
	free(table->upstream);
	*table = (struct tux_upstream_table){ .resolved_later = table->resolved_later };
}
