/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "print.h"

_Static_assert(ADDRESS_TEXT == INET6_ADDRSTRLEN, "it is what inet_ntop() needs");

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }; /* prefix of an IPv4 address */

static struct address address_of(int fd, int (*ask)(int fd, struct sockaddr *address, socklen_t *len))
{
	struct address address = { .port = 0 };
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} end;
	socklen_t len = sizeof(end);

	if (ask(fd, &end.any, &len) != 0)
		return address;
	if (end.any.sa_family == AF_INET6) {
		memcpy(address.octets, &end.v6.sin6_addr, 16);
		address.port = ntohs(end.v6.sin6_port);
	} else if (end.any.sa_family == AF_INET) {
		memcpy(address.octets, mapped, sizeof(mapped));
		memcpy(address.octets + sizeof(mapped), &end.v4.sin_addr, 4);
		address.port = ntohs(end.v4.sin_port);
	}
	return address;
}

struct address address_of_peer(int fd)
{
	return address_of(fd, getpeername);
}

struct address address_of_socket(int fd)
{
	return address_of(fd, getsockname);
}

static bool is_v4(const uint8_t octets[16])
{
	return memcmp(octets, mapped, sizeof(mapped)) == 0;
}

static bool is_none(const uint8_t octets[16])
{
	static const uint8_t none[16];

	return memcmp(octets, none, sizeof(none)) == 0;
}

struct tux_octets address_text(const uint8_t octets[16], char *text)
{
	text[0] = '\0';
	if (is_v4(octets))
		inet_ntop(AF_INET, octets + sizeof(mapped), text, ADDRESS_TEXT);
	else if (!is_none(octets))
		inet_ntop(AF_INET6, octets, text, ADDRESS_TEXT);
	return (struct tux_octets){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

uint32_t sockaddr_text(const struct sockaddr_storage *address, socklen_t len, char *text)
{
	char numeric[ADDRESS_TEXT];
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un local;
	} end = { .v4 = { 0 } };

	memcpy(&end, address, len < sizeof(end) ? len : sizeof(end));
	if (len >= sizeof(end.v4) && address->ss_family == AF_INET && inet_ntop(AF_INET, &end.v4.sin_addr, numeric, sizeof(numeric)) != NULL)
		return (uint32_t)print(text, SOCKADDR_TEXT, "%s:%u", numeric, ntohs(end.v4.sin_port));
	if (len >= sizeof(end.v6) && address->ss_family == AF_INET6 && inet_ntop(AF_INET6, &end.v6.sin6_addr, numeric, sizeof(numeric)) != NULL)
		return (uint32_t)print(text, SOCKADDR_TEXT, "[%s]:%u", numeric, ntohs(end.v6.sin6_port));
	if (len > sizeof(sa_family_t) && address->ss_family == AF_UNIX)
		return (uint32_t)print(text, SOCKADDR_TEXT, "unix:%.*s", (int)sizeof(end.local.sun_path), end.local.sun_path);
	text[0] = '\0';
	return 0;
}

uint32_t proxy_protocol_header(const struct address *client, const struct address *server, uint8_t out[PROXY_PROTOCOL_BYTES])
{
	static const uint8_t start[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n' };
	const bool known = !is_none(client->octets) && !is_none(server->octets);
	const bool v4 = known && is_v4(client->octets) && is_v4(server->octets);
	const uint32_t skip = v4 ? sizeof(mapped) : 0, len = 16 - skip;
	const uint16_t ports[2] = { htons(client->port), htons(server->port) };
	const uint8_t body = (uint8_t)(known ? 2 * len + 4 : 0);

	memcpy(out, start, sizeof(start));
	out[12] = known ? 0x21 : 0x20; /* version 2, and PROXY or LOCAL */
	out[13] = !known ? 0x00 : v4 ? 0x11 : 0x21; /* TCP over IPv4 or IPv6 */
	out[14] = 0;
	out[15] = body;
	if (!known)
		return 16;
	memcpy(out + 16, client->octets + skip, len);
	memcpy(out + 16 + len, server->octets + skip, len);
	memcpy(out + 16 + 2 * len, ports, sizeof(ports));
	return 16 + (uint32_t)body;
}
