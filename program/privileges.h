/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who we run as: root binds the port and opens the log, then somebody harmless serves. */
#ifndef TUX_PROGRAM_PRIVILEGES_H
#define TUX_PROGRAM_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whom to become. */
struct tux_user {
	char name[64];
	uid_t uid;
	gid_t gid;
	bool change; /* false: we stay who we are */
};

/*
 * Finds whom to become: wanted, or as root without it www-data, or nobody where that does not exist.
 * Without root we stay who we are, and wanted may be nobody else. False with a sentence in error.
 */
bool tux_privileges_user(const char *wanted, struct tux_user *user, char *error, size_t error_size);

/*
 * Becomes user, with its groups, and gives up every capability for good, those that an exec could
 * bring back too. Before there are threads. False with a sentence in error: then do not go on.
 */
bool tux_privileges_drop(const struct tux_user *user, char *error, size_t error_size);

/*
 * The same for a process that starts others: these capabilities stay (a bit each, 1 << CAP_...), and what it executes may gain
 * privileges; with regain even those that are given up here. False with a sentence in error.
 */
bool tux_privileges_keep(const struct tux_user *user, uint64_t kept, bool regain, char *error, size_t error_size);

/* Gives up the capabilities that there are. False with errno. */
bool tux_privileges_forget(void);

#endif
