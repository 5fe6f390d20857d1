/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who we run as: root binds the port and opens the log, then somebody harmless serves. */
#ifndef TUX_PROGRAM_CONFINE_PRIVILEGES_H
#define TUX_PROGRAM_CONFINE_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "user.h"

/*
 * Finds the user to become: wanted, or as root without it www-data, else nobody, else the number of nobody. If the process is that
 * user already, or root may not change its user (no capability, a user namespace without the user), it stays who it is. Then note
 * says why, unless wanted says so or the process is not root. wanted must be the own user without root. Returns false with a
 * sentence in error.
 */
bool tux_privileges_user(const char *wanted, struct tux_user *user, char *note, size_t note_size, char *error, size_t error_size);

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

/* True if the process has a capability (CAP_...). */
bool tux_privileges_has(unsigned capability);

/* Root's groups, while the process does something with the rights of another user. */
struct tux_privileges_saved {
	gid_t gid;
	gid_t *group;
	int groups;
	bool assumed;
};

/*
 * Takes the rights of user, if it is to be changed to, until tux_privileges_resume(): the kernel then decides about files as it does
 * for that user. One thread only. Returns false with errno. Resuming ends the process if it fails.
 */
bool tux_privileges_assume(const struct tux_user *user, struct tux_privileges_saved *saved);
void tux_privileges_resume(struct tux_privileges_saved *saved);

#endif
