/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host as it is said: what a block of the configuration says of one, and what its top and the command line say of all. */
#ifndef TUX_PROGRAM_SETTINGS_HOST_H
#define TUX_PROGRAM_SETTINGS_HOST_H

#include "certificates.h"
#include "fields.h"
#include "host_pattern.h"
#include "media_types.h"
#include "routes.h"

enum { TUX_HTTPS_PORT_OWN = 65536 };

/* Settings that struct tux_host has as they are. */
struct tux_host_values {
	bool browse, content_tags, dot_files, spa;
	struct tux_modes modes;
	uint16_t mode_cgi, mode_module;
	const char **index; /* like tux_host_settings.listen */
	unsigned index_count;
	uint64_t max_body_bytes;
};

/* Zero-initialize before use. The texts are the caller's. There may be 100,000 of them, so memory for rare settings is separate. */
struct tux_host_settings {
	uint32_t said;             /* set of the options that were set; options.c has their bits */
	const char **name;         /* that it answers to, as tux_host_name_add() takes them */
	unsigned name_count;
	bool is_default;           /* it answers to all other names, too */
	const struct tux_host_pattern *found_by; /* pattern that has found its directory; its root may be missing; NULL: not found so */
	const char *directory;     /* root; of a pattern: the directory with the hosts */
	struct tux_host_pattern *pattern; /* NULL: directory is the root */
	const char **listen;       /* as written; inherited ones are the top's array */
	unsigned listen_count;
	const char *log;           /* a file name, "-" for the standard output; NULL: off */
	const char *cache_control; /* NULL: none */
	const char *hsts;          /* value of Strict-Transport-Security; NULL: none */
	uint32_t https_port;       /* to which plain requests are redirected; 0: none; TUX_HTTPS_PORT_OWN: that of its first listener with TLS */
	struct tux_field_rules fields;
	struct tux_media_type_settings media_types; /* besides those of the top */
	struct tux_error_page *page;
	unsigned page_count;
	struct tux_route_table *routes; /* NULL: no routes; see tux_host_routes() */
	struct tux_certificates tls; /* none: those of the top */
	struct tux_client_demand tls_client;
	struct tux_file_type *type; /* like listen */
	unsigned type_count;
	struct tux_host_values values;
};

/*
 * Adds a name: letters, digits and '-' between dots, in lower case from then on; with "*." in front of it for all that end so; or
 * an address, of IPv6 in brackets. False with a sentence in error. The text is copied.
 */
bool tux_host_name_add(struct tux_host_settings *host, const char *name, char *error, size_t error_size);

/* Adds an address to listen on, which is good and stays. False if the host has as many as it may have, or out of memory. */
bool tux_host_listen_add(struct tux_host_settings *host, const char *spec);

/* Adds the name of an index. Returns false if it is no name of a file, if the host has as many as it may have, or out of memory. */
bool tux_host_index_add(struct tux_host_settings *host, const char *name);

/* Returns the routes of the host. Makes an empty table if the host has no routes yet; returns NULL if out of memory. */
struct tux_route_table *tux_host_routes(struct tux_host_settings *host);

/* Adds a page for a status from 400 to 599. The path, beneath the root, begins with '/'; it stays. False with a sentence in error. */
bool tux_host_page_add(struct tux_host_settings *host, unsigned status, const char *path, char *error, size_t error_size);

/* Adds what files with these extensions select: "TUX/CGI=cgi,pl", or TUX/module, or TUX/redirect. False if it is not that, or said before. */
bool tux_host_type_add(struct tux_host_settings *host, const char *text);

/* Whether a file of the host may be a program, or name a module; whether another server may answer for one. */
bool tux_host_has_programs(const struct tux_host_settings *host);
bool tux_host_has_modules(const struct tux_host_settings *host);
bool tux_host_redirects(const struct tux_host_settings *host);

/* Whether there is a place where both listen, beneath this top. */
bool tux_hosts_meet(const struct tux_host_settings *host, const struct tux_host_settings *other, const struct tux_host_settings *top);

/* Frees the host, but for what it inherited from the top. top is NULL for the top itself. */
void tux_host_free(struct tux_host_settings *host, const struct tux_host_settings *top);

#endif
