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

static bool server_add(struct tux_upstream *upstream, const char *name, const void *address, socklen_t len, char *error,
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
	servers[upstream->server_count] = (struct tux_upstream_server){ .name = name, .address_len = len };
	memcpy(&servers[upstream->server_count++].address, address, len);
	return true;
}

static bool unix_add(struct tux_upstream *upstream, const char *name, char *error, size_t error_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *const path = name + strlen("unix:");
	const size_t len = strlen(path);

	if (len == 0 || len >= sizeof(address.sun_path)) {
		snprintf(error, error_size, "\"%s\" is no Unix socket: its path has 1 to %zu bytes", name, sizeof(address.sun_path) - 1);
		return false;
	}
	memcpy(address.sun_path, path, len);
	return server_add(upstream, name, &address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1), error, error_size);
}

/* HOST:PORT with a name or an address, of IPv6 in brackets. All addresses of a name are servers. later: a name is not resolved. */
static bool host_add(struct tux_upstream *upstream, const char *name, bool later, char *error, size_t error_size)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	struct addrinfo numeric = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct tux_upstream_server *servers;
	unsigned first, room = later ? UNRESOLVED_SERVERS : NAME_SERVERS;
	const char *const colon = strrchr(name, ':');
	struct addrinfo *found = NULL, *one;
	const char *start = name;
	char host[256] = "";
	size_t len = colon ? (size_t)(colon - name) : 0;
	uint64_t port;
	bool added = true;
	int rc;

	if (len > 2 && name[0] == '[' && colon[-1] == ']') {
		start++;
		len -= 2;
	} else if (memchr(name, ':', len)) {
		len = 0;
	}
	if (len == 0 || len >= sizeof(host) || !tux_value_count(colon + 1, 1, 65535, &port)) {
		snprintf(error, error_size, "\"%s\" is no server: ADDRESS:PORT, [ADDRESS]:PORT, NAME:PORT or unix:PATH", name);
		return false;
	}
	memcpy(host, start, len);
	numeric.ai_flags |= AI_NUMERICHOST;
	rc = getaddrinfo(host, colon + 1, &numeric, &found);
	if (rc == 0) {
		added = server_add(upstream, name, found->ai_addr, found->ai_addrlen, error, error_size);
		freeaddrinfo(found);
		return added;
	}
	rc = later ? 0 : getaddrinfo(host, colon + 1, &hints, &found);
	if (rc != 0) {
		snprintf(error, error_size, "the server \"%s\" cannot be found: %s", name, gai_strerror(rc));
		found = NULL;
	}
	first = upstream->server_count;
	for (one = found; one && added && upstream->server_count < TUX_MAX_UPSTREAM_SERVERS; one = one->ai_next)
		added = server_add(upstream, name, one->ai_addr, one->ai_addrlen, error, error_size);
	while (added && upstream->server_count < first + room && (upstream->server_count == first || upstream->server_count < TUX_MAX_UPSTREAM_SERVERS))
		added = server_add(upstream, name, "", 0, error, error_size);
	for (; added && first < upstream->server_count; first++) {
		servers = (struct tux_upstream_server *)(uintptr_t)upstream->server;
		servers[first].named = true;
		servers[first].port = (uint16_t)port;
	}
	if (found)
		freeaddrinfo(found);
	return added;
}

static bool address_add(const struct tux_upstream_table *table, struct tux_upstream *upstream, const char *name, char *error, size_t error_size)
{
	return strncmp(name, "unix:", 5) == 0 ? unix_add(upstream, name, error, error_size) :
	                                        host_add(upstream, name, table->resolved_later, error, error_size);
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

			struct tux_upstream_server *added;

			if (!server_add(&grown[i], one->name, &one->address, one->address_len, error, error_size))
				return false;
			added = (struct tux_upstream_server *)(uintptr_t)&grown[i].server[k];
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
