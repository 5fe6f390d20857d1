/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sites for the engine, made from the host options, with open document roots. */
#ifndef TUX_PROGRAM_SERVER_HOSTS_H
#define TUX_PROGRAM_SERVER_HOSTS_H

#include "listen.h"
#include "../settings/settings.h"
#include "../confine/user.h"

/* Zero-initialize before use. */
struct tux_sites {
	struct tux_site *site;
	unsigned count;
	struct tux_hosts hosts; /* host names, for both the kernel engine and the user-space engine */
	const struct tux_host_settings *said; /* options of each site; owned by the settings */
	struct tux_site base;   /* without a root: the arrays of all sites that set nothing of their own */
};

/*
 * Opens the roots of all hosts, or of the top if there are no hosts, for user. With may_miss a root that cannot be opened gets
 * root_fd -1. Returns false with a sentence in error; call tux_sites_close() also then.
 */
bool tux_sites_open(struct tux_sites *sites, const struct tux_settings *settings, const struct tux_user *user, bool may_miss, char *error,
                    size_t error_size);

/*
 * Fills hosts: selects a site by listener and host name. Call it after the listeners are open. Returns false with a sentence in
 * error.
 */
bool tux_sites_place(struct tux_sites *sites, const struct tux_addresses *addresses, char *error, size_t error_size);

/* Frees the sites and closes their roots. */
void tux_sites_close(struct tux_sites *sites);

#endif
