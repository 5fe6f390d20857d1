/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses of the server. engine/io/listener.c opens a single socket. */
#define _GNU_SOURCE 1
#include "listen.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../engine/io/place.h"
#include "systemd.h"

enum {
	URL_MAX = 160,
	DEFAULT_PORT = 8080,
	DEFAULT_TLS_PORT = 8443,
	HTTP_PORT = 80,
	HTTPS_PORT = 443,
};

/* The arguments of tux_addresses_open(). */
struct opening {
	struct tux_addresses *addresses;
	const struct tux_addresses *before; /* may be NULL */
	unsigned threads;
	char *error;
	size_t error_size;
};

/* True if addresses has the listener. Equal sockets are equal descriptors of this process. */
static bool has(const struct tux_addresses *addresses, const struct tux_listener *listener)
{
	unsigned i;

	for (i = 0; addresses && i < addresses->count; i++)
		if (addresses->listener[i].fd[0] == listener->fd[0])
			return true;
	return false;
}

/* True if a socket that was opened for a spec is one for another, which may have TLS where that has not. */
static bool is_for(const char *of, const char *spec)
{
	return of && spec ? strcmp(tux_listener_address(of), tux_listener_address(spec)) == 0 : of == spec;
}

/* Adopts the open listeners of spec. Returns false if there are none, or too many; opening one reports that. */
static bool keep(const struct opening *opening, const char *spec)
{
	struct tux_addresses *const addresses = opening->addresses;
	const struct tux_addresses *const before = opening->before;
	const unsigned kept = addresses->count;
	unsigned i;

	for (i = 0; before && i < before->count; i++) {
		if (!is_for(before->spec[i], spec) || has(addresses, &before->listener[i]))
			continue;
		if (addresses->count == TUX_MAX_LISTENERS)
			return false;
		addresses->spec[addresses->count] = spec;
		addresses->listener[addresses->count] = before->listener[i];
		addresses->listener[addresses->count++].tls = spec && tux_listener_has_tls(spec);
	}
	return addresses->count > kept;
}

static bool open_one(const struct opening *opening, const char *spec)
{
	struct tux_addresses *const addresses = opening->addresses;
	int opened, i;

	if (keep(opening, spec))
		return true;
	opened = tux_listener_open(spec, opening->threads, addresses->listener + addresses->count,
	                           TUX_MAX_LISTENERS - addresses->count, opening->error, opening->error_size);
	for (i = 0; i < opened; i++)
		addresses->spec[addresses->count++] = spec;
	return opened > 0;
}

/* True if this machine has the IPv6 loopback address. Without it the second default address is not needed. */
static bool has_ipv6(void)
{
	const struct sockaddr_in6 loopback = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has;

	if (fd < 0)
		return false;
	has = bind(fd, (const struct sockaddr *)&loopback, sizeof(loopback)) == 0;
	close(fd);
	return has;
}

/* The specs of the default addresses on one port. They are never freed, because a reload compares them. */
struct default_specs {
	struct default_specs *next;
	uint16_t port;
	bool tls;
	char ipv4[24], ipv6[20];
};

/* Finds or makes them; NULL if out of memory. */
static const struct default_specs *default_specs(uint16_t port, bool tls)
{
	static struct default_specs *all;
	struct default_specs *specs = all;

	while (specs && (specs->port != port || specs->tls != tls))
		specs = specs->next;
	if (specs)
		return specs;
	specs = calloc(1, sizeof(*specs));
	if (!specs)
		return NULL;
	specs->port = port;
	specs->tls = tls;
	snprintf(specs->ipv4, sizeof(specs->ipv4), "%s127.0.0.1:%u", tls ? "https://" : "", port);
	snprintf(specs->ipv6, sizeof(specs->ipv6), "%s[::1]:%u", tls ? "https://" : "", port);
	specs->next = all;
	all = specs;
	return specs;
}

static bool open_default(const struct opening *opening, uint16_t port, bool tls)
{
	const struct default_specs *specs = default_specs(port > 0 ? port : tls ? DEFAULT_TLS_PORT : DEFAULT_PORT, tls);

	if (!specs) {
		snprintf(opening->error, opening->error_size, "no memory for addresses");
		return false;
	}
	return open_one(opening, specs->ipv4) && (!has_ipv6() || open_one(opening, specs->ipv6));
}

static bool adopt_all(const struct opening *opening, unsigned sockets)
{
	struct tux_addresses *const addresses = opening->addresses;

	if (sockets > TUX_MAX_LISTENERS) {
		snprintf(opening->error, opening->error_size, "%u sockets were passed, but %d are the most", sockets,
		         TUX_MAX_LISTENERS);
		return false;
	}
	while (addresses->count < sockets) {
		if (!tux_listener_adopt(TUX_SERVICE_FIRST_FD + (int)addresses->count, &addresses->listener[addresses->count],
		                        opening->error, opening->error_size))
			return false;
		addresses->spec[addresses->count++] = NULL;
	}
	return true;
}

bool tux_addresses_open(struct tux_addresses *addresses, const struct tux_addresses *before, const char *const *specs,
                        unsigned spec_count, uint16_t port, bool tls, unsigned threads, char *error, size_t error_size)
{
	const struct opening opening = { addresses, before, threads, error, error_size };
	const unsigned sockets = tux_service_sockets();
	bool opened = true;
	unsigned i;

	addresses->count = 0;
	for (i = 0; i < spec_count && opened; i++)
		opened = open_one(&opening, specs[i]);
	if (spec_count == 0 && port == 0 && sockets > 0)
		opened = keep(&opening, NULL) || adopt_all(&opening, sockets);
	else if (spec_count == 0)
		opened = open_default(&opening, port, tls);
	if (!opened)
		tux_addresses_close(addresses, before);
	return opened;
}

/* True for a socket that listens on all addresses; sets its port and address families. */
static bool is_wildcard(const struct tux_listener *listener, uint16_t *port, bool *ipv4, bool *ipv6)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	socklen_t len = sizeof(storage);
	int v6only = 0;

	if (getsockname(listener->fd[0], (struct sockaddr *)&storage, &len) < 0)
		return false;
	*ipv4 = storage.ss_family == AF_INET;
	*ipv6 = storage.ss_family == AF_INET6;
	if (*ipv4) {
		memcpy(&in4, &storage, sizeof(in4));
		*port = ntohs(in4.sin_port);
		return in4.sin_addr.s_addr == htonl(INADDR_ANY);
	}
	if (*ipv6) {
		memcpy(&in6, &storage, sizeof(in6));
		*port = ntohs(in6.sin6_port);
		len = sizeof(v6only);
		*ipv4 = getsockopt(listener->fd[0], IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &len) == 0 && !v6only;
		return IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
	}
	return false;
}

/* Writes the address of an interface as in a URL. Returns false for an unwanted family or a link-local address. */
static bool interface_host(const struct ifaddrs *entry, bool ipv4, bool ipv6, char *out, size_t size)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP))
		return false;
	if (ipv4 && entry->ifa_addr->sa_family == AF_INET) {
		memcpy(&in4, entry->ifa_addr, sizeof(in4));
		inet_ntop(AF_INET, &in4.sin_addr, text, sizeof(text));
		snprintf(out, size, "%s", text);
		return true;
	}
	if (ipv6 && entry->ifa_addr->sa_family == AF_INET6) {
		memcpy(&in6, entry->ifa_addr, sizeof(in6));
		if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
			return false;
		inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
		snprintf(out, size, "[%s]", text);
		return true;
	}
	return false;
}

/* Prints one URL for each address of this machine. Returns false if it printed none. */
static bool print_interfaces(FILE *out, const char *prefix, uint16_t port, bool tls, bool ipv4, bool ipv6)
{
	char host[INET6_ADDRSTRLEN + 2], port_text[8] = "";
	struct ifaddrs *list, *entry;
	bool printed = false;

	if (getifaddrs(&list) < 0)
		return false;
	if (port != (tls ? HTTPS_PORT : HTTP_PORT))
		snprintf(port_text, sizeof(port_text), ":%u", port);
	for (entry = list; entry; entry = entry->ifa_next) {
		if (!interface_host(entry, ipv4, ipv6, host, sizeof(host)))
			continue;
		fprintf(out, "%s%s://%s%s/\n", prefix, tls ? "https" : "http", host, port_text);
		printed = true;
	}
	freeifaddrs(list);
	return printed;
}

void tux_addresses_print(const struct tux_addresses *addresses, FILE *out, const char *prefix)
{
	char url[URL_MAX];
	unsigned i;

	for (i = 0; i < addresses->count; i++) {
		const struct tux_listener *listener = &addresses->listener[i];
		bool ipv4 = false, ipv6 = false;
		uint16_t port = 0;

		/* A socket that was bound in a directory of another user does not know its path. */
		if (addresses->spec[i] && strncmp(tux_listener_address(addresses->spec[i]), "unix:", 5) == 0) {
			fprintf(out, "%s%s\n", prefix, addresses->spec[i]);
			continue;
		}
		if (is_wildcard(listener, &port, &ipv4, &ipv6) && print_interfaces(out, prefix, port, listener->tls, ipv4, ipv6))
			continue;
		tux_listener_url(listener, url, sizeof(url));
		fprintf(out, "%s%s\n", prefix, url);
	}
}

void tux_addresses_unlink(const struct tux_addresses *addresses, const struct tux_addresses *kept)
{
	struct tux_place place;
	unsigned i;

	/* The sandbox does not permit this. Then the next start replaces the stale file. */
	for (i = 0; i < addresses->count; i++) {
		const char *spec = addresses->spec[i] ? tux_listener_address(addresses->spec[i]) : NULL;

		if (!spec || strncmp(spec, "unix:", 5) != 0 || has(kept, &addresses->listener[i]) || !tux_place_open(spec + 5, false, &place))
			continue;
		if (place.exists && S_ISSOCK(place.mode))
			unlinkat(place.directory_fd, place.name, 0);
		tux_place_close(&place);
	}
}

bool tux_addresses_shut(const struct tux_addresses *addresses, const struct tux_addresses *kept, bool tcp)
{
	bool found = false;
	unsigned i;

	for (i = 0; i < addresses->count; i++) {
		const struct tux_listener *listener = &addresses->listener[i];

		if (!addresses->spec[i] || has(kept, listener) || tux_listener_is_tcp(listener) != tcp)
			continue;
		tux_listener_shut(listener);
		found = true;
	}
	return found;
}

void tux_addresses_close(struct tux_addresses *addresses, const struct tux_addresses *kept)
{
	unsigned i;

	for (i = 0; i < addresses->count; i++)
		if (addresses->spec[i] && !has(kept, &addresses->listener[i]))
			tux_listener_close(&addresses->listener[i]);
	addresses->count = 0;
}

/* True if a TCP listener has or has no TLS, at the port (0: any port). */
static bool is_there(const struct tux_addresses *addresses, bool tls, uint16_t port)
{
	for (unsigned i = 0; i < addresses->count; i++) {
		const uint16_t own = tux_listener_port(&addresses->listener[i]);

		if (own != 0 && addresses->listener[i].tls == tls && (port == 0 || own == port))
			return true;
	}
	return false;
}

enum tux_challenge tux_addresses_challenge(const struct tux_addresses *addresses)
{
	if (is_there(addresses, false, HTTP_PORT))
		return TUX_CHALLENGE_HTTP;
	if (is_there(addresses, true, HTTPS_PORT))
		return TUX_CHALLENGE_TLS;
	return is_there(addresses, false, 0) ? TUX_CHALLENGE_HTTP : TUX_CHALLENGE_TLS; /* a router may map other ports to these */
}

void tux_addresses_warn(const struct tux_addresses *addresses)
{
	if (!is_there(addresses, true, 0))
		fprintf(stderr, "tux: warning: no address speaks TLS, so the certificates have no use: listen at https://ADDRESS:PORT\n");
	else if (is_there(addresses, false, HTTPS_PORT))
		fprintf(stderr, "tux: warning: port 443 does not speak TLS: clients expect that of it, at https://ADDRESS:443\n");
}
