/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "automatic.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Top-level names that are never public (RFC 2606, 6761, 6762, 8375, ICANN's "internal"), with those in them. */
static const char *const domains[] = { "localhost", "local", "internal", "home.arpa", "test", "lan" };

/* Private addresses (RFC 1918, 3927, 4193, 4291, 6598). */
static const struct {
	int family;
	uint8_t bytes[16];
	unsigned bits;
} networks[] = {
	{ AF_INET, { 127 }, 8 },  { AF_INET, { 10 }, 8 },       { AF_INET, { 172, 16 }, 12 }, { AF_INET, { 192, 168 }, 16 },
	{ AF_INET, { 169, 254 }, 16 }, { AF_INET, { 100, 64 }, 10 }, { AF_INET6, { 0xfc }, 7 },    { AF_INET6, { 0xfe, 0x80 }, 10 },
	{ AF_INET6, { [15] = 1 }, 128 },
};

const char tux_internal_names[] =
	"critical,permitted;DNS:localhost,permitted;DNS:local,permitted;DNS:internal,permitted;DNS:home.arpa,permitted;DNS:test,permitted;DNS:lan,"
	"permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:10.0.0.0/255.0.0.0,permitted;IP:172.16.0.0/255.240.0.0,"
	"permitted;IP:192.168.0.0/255.255.0.0,permitted;IP:169.254.0.0/255.255.0.0,permitted;IP:100.64.0.0/255.192.0.0,"
	"permitted;IP:fc00::/fe00::,permitted;IP:fe80::/ffc0::,permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

const struct tux_certificate_files *tux_automatic_of(const struct tux_host_settings *host, const struct tux_host_settings *top)
{
	const struct tux_certificates *const tls = host->tls.count > 0 ? &host->tls : &top->tls;

	return tls->count > 0 && tls->files[0].automatic ? &tls->files[0] : NULL;
}

bool tux_automatic_each(struct tux_settings *settings, bool (*visit)(void *owner, struct tux_host_settings *host, const struct tux_certificate_files *files),
                        void *owner)
{
	struct tux_host_settings *host = settings->host_count > 0 ? settings->host : &settings->top;
	struct tux_host_settings *const end = host + (settings->host_count > 0 ? settings->host_count : 1);

	for (; host < end; host++) {
		const struct tux_certificate_files *const files = tux_automatic_of(host, &settings->top);

		if (files && !visit(owner, host, files))
			return false;
	}
	return true;
}

static bool found(void *owner, struct tux_host_settings *host, const struct tux_certificate_files *files)
{
	(void)owner;
	(void)host;
	(void)files;
	return false;
}

bool tux_settings_automatic(const struct tux_settings *settings)
{
	return !tux_automatic_each((struct tux_settings *)(uintptr_t)settings, found, NULL);
}

/* Ends the visits at a host whose certificate is of a public authority. All names of a host are internal, or all are public. */
static bool is_internal(void *owner, struct tux_host_settings *host, const struct tux_certificate_files *files)
{
	(void)owner;
	(void)files;
	return host->name_count == 0 || tux_name_is_internal(host->name[0]);
}

bool tux_settings_public(const struct tux_settings *settings)
{
	return !tux_automatic_each((struct tux_settings *)(uintptr_t)settings, is_internal, NULL);
}

/* Reads an address; returns its family, or 0 for a name. */
static int address_read(const char *name, uint8_t bytes[16])
{
	char text[INET6_ADDRSTRLEN];
	const size_t len = strlen(name);

	if (inet_pton(AF_INET, name, bytes) == 1)
		return AF_INET;
	if (*name != '[' || len < 3 || len - 2 >= sizeof(text))
		return 0;
	memcpy(text, name + 1, len - 2);
	text[len - 2] = '\0';
	return inet_pton(AF_INET6, text, bytes) == 1 ? AF_INET6 : 0;
}

bool tux_name_is_address(const char *name)
{
	uint8_t bytes[16];

	return address_read(name, bytes) != 0;
}

/* True if an address is in a network of the table. */
static bool is_in(unsigned network, const uint8_t *bytes)
{
	const unsigned whole = networks[network].bits / 8, rest = networks[network].bits % 8;

	return memcmp(bytes, networks[network].bytes, whole) == 0 &&
	       (rest == 0 || ((bytes[whole] ^ networks[network].bytes[whole]) & (0xff00 >> rest) & 0xff) == 0);
}

/* True if a name is a domain, or in it. */
static bool is_beneath(const char *name, const char *domain)
{
	const size_t len = strlen(name), domain_len = strlen(domain);

	return len >= domain_len && strcmp(name + len - domain_len, domain) == 0 && (len == domain_len || name[len - domain_len - 1] == '.');
}

bool tux_name_is_internal(const char *name)
{
	uint8_t bytes[16];
	const int family = address_read(name, bytes);

	for (unsigned i = 0; family != 0 && i < sizeof(networks) / sizeof(networks[0]); i++)
		if (networks[i].family == family && is_in(i, bytes))
			return true;
	for (unsigned i = 0; family == 0 && i < sizeof(domains) / sizeof(domains[0]); i++)
		if (is_beneath(name, domains[i]))
			return true;
	return false;
}

bool tux_names_are_loopback(const struct tux_host_settings *host)
{
	for (unsigned i = 0; i < host->name_count; i++)
		if (!is_beneath(host->name[i], "localhost") && strncmp(host->name[i], "127.", 4) != 0 && strcmp(host->name[i], "[::1]") != 0)
			return false;
	return host->name_count > 0;
}

/* Checks one name of a host with an automatic certificate. */
static bool name_check(const char *name, char *error, size_t error_size)
{
	if (tux_name_is_internal(name))
		return true;
	if (tux_name_is_address(name))
		snprintf(error, error_size, "there is no automatic certificate for \"%s\", a public address; specify certificate and key", name);
	else if (*name == '*')
		snprintf(error, error_size, "there is no automatic certificate for \"%s\": public authorities verify wildcards by DNS only; "
		         "specify certificate and key", name);
	else if (!strchr(name, '.'))
		snprintf(error, error_size, "there is no automatic certificate for \"%s\", a name without a domain; an internal one is \"%s.internal\"", name,
		         name);
	else
		return true;
	return false;
}

bool tux_automatic_check(const struct tux_host_settings *host, char *error, size_t error_size)
{
	if (host->pattern || host->found_by) {
		snprintf(error, error_size, "there are no automatic certificates for hosts that directories make");
		return false;
	}
	if (host->name_count == 0) {
		snprintf(error, error_size, "an automatic certificate needs a host with names: host \"example.org\" { tls { automatic on } }");
		return false;
	}
	if (host->tls.count > 1) {
		snprintf(error, error_size, "an automatic certificate is the only one of its host");
		return false;
	}
	for (unsigned i = 0; i < host->name_count; i++) {
		if (!name_check(host->name[i], error, error_size))
			return false;
		if (tux_name_is_internal(host->name[i]) == tux_name_is_internal(host->name[0]))
			continue;
		snprintf(error, error_size, "\"%s\" and \"%s\" need different authorities for an automatic certificate: make each a host of its own",
		         host->name[0], host->name[i]);
		return false;
	}
	return true;
}

bool tux_automatic_add(struct tux_settings *settings, const char *name)
{
	const struct tux_certificate_files files = { .automatic = true };
	char error[256], bracketed[INET6_ADDRSTRLEN + 2];
	struct in6_addr ipv6;

	if (inet_pton(AF_INET6, name, &ipv6) == 1) {
		snprintf(bracketed, sizeof(bracketed), "[%s]", name);
		name = bracketed;
	}
	if (!tux_host_name_add(&settings->top, name, error, sizeof(error)))
		return false;
	return tux_automatic_of(&settings->top, &settings->top) || tux_certificates_add(&settings->top.tls, files);
}
