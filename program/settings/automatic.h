/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts with automatic certificates, and their names: TUX's own authority signs for internal ones, a public one for the others. */
#ifndef TUX_PROGRAM_SETTINGS_AUTOMATIC_H
#define TUX_PROGRAM_SETTINGS_AUTOMATIC_H

#include "settings.h"

/* Returns the setting of a host with an automatic certificate, its own or that of the top; NULL if it has none. */
const struct tux_certificate_files *tux_automatic_of(const struct tux_host_settings *host, const struct tux_host_settings *top);

/* True if a host has an automatic certificate. */
bool tux_settings_automatic(const struct tux_settings *settings);

/* True if a host has a certificate of a public authority. */
bool tux_settings_public(const struct tux_settings *settings);

/* Calls visit for each host with an automatic certificate, until it returns false. Returns false then. */
bool tux_automatic_each(struct tux_settings *settings, bool (*visit)(void *owner, struct tux_host_settings *host, const struct tux_certificate_files *files),
                        void *owner);

/* True for an address of IPv4, or of IPv6 in brackets. */
bool tux_name_is_address(const char *name);

/*
 * True if no public authority signs for a name: "localhost", a name in a domain that only a private network knows, such as "home.arpa", or
 * a private address.
 */
bool tux_name_is_internal(const char *name);

/* True if each name of the host is an address of this machine alone, or "localhost" or in it. */
bool tux_names_are_loopback(const struct tux_host_settings *host);

/* The domains and addresses of tux_name_is_internal(), as name constraints of OpenSSL. */
extern const char tux_internal_names[];

/* Checks that a host can have an automatic certificate. Returns false with a sentence in error. */
bool tux_automatic_check(const struct tux_host_settings *host, char *error, size_t error_size);

/* Adds a name of the command line: --tls NAME. Returns false if it is no name of a host, or out of memory. */
bool tux_automatic_add(struct tux_settings *settings, const char *name);

#endif
