/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sites as the engine takes them: made of what is said of the hosts, their roots open. */
#ifndef TUX_PROGRAM_SERVER_HOSTS_H
#define TUX_PROGRAM_SERVER_HOSTS_H

#include "listen.h"
#include "../command.h"
#include "../confine/user.h"

/* Begins as zeros. */
struct tux_sites {
	struct tux_site *site;
	unsigned count;
	struct tux_hosts hosts; /* of names; for the kernel's and the user's engine alike */
	const struct tux_host_options **said; /* of each site; the command's */
	const struct tux_host_options *top;
};

/*
 * Opens the roots of all hosts, or of the top if there are none, for user. With may_miss one that cannot be opened has -1 as root_fd.
 * False with a sentence in error; tux_sites_close() all the same.
 */
bool tux_sites_open(struct tux_sites *sites, const struct tux_command *command, const struct tux_user *user, bool may_miss, char *error,
                    size_t error_size);

/* Fills hosts: who answers where, now that it is known what has been opened. False with a sentence in error. */
bool tux_sites_place(struct tux_sites *sites, const struct tux_addresses *addresses, char *error, size_t error_size);

/* Frees it, and closes the roots. */
void tux_sites_close(struct tux_sites *sites);

#endif
