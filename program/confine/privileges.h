/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user of the process: root binds the port and opens the log, then an unprivileged user serves. */
#ifndef TUX_PROGRAM_CONFINE_PRIVILEGES_H
#define TUX_PROGRAM_CONFINE_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "user.h"

/*
 * Finds the user to become: wanted; for root without wanted www-data, else nobody, else the number of nobody. The user stays the
 * same if it is already right, or if root may not change it (no capability, a user namespace without the user). note then contains
 * the reason, unless wanted is the same user or the process is not root. Without root, wanted must be the own user. Returns false
 * with a sentence in error.
 */
bool tux_privileges_user(const char *wanted, struct tux_user *user, char *note, size_t note_size, char *error, size_t error_size);

/* Tries in a child process whether this one can become user. Returns 0, or the errno of the kernel. */
int tux_privileges_refused(const struct tux_user *user);

/*
 * Becomes user, with its groups, and drops every capability permanently, including those that an exec could restore. Call it before
 * any thread starts. Returns false with a sentence in error; the caller must not continue then.
 */
bool tux_privileges_drop(const struct tux_user *user, char *error, size_t error_size);

/*
 * Like tux_privileges_drop(), but for a process that starts others. Keeps the capabilities in kept (one bit each, 1 << CAP_...),
 * and executed programs may gain privileges. With regain they may gain even the capabilities dropped here; else at most those in
 * inherited. Returns false with a sentence in error.
 */
bool tux_privileges_keep(const struct tux_user *user, uint64_t kept, uint64_t inherited, bool regain, char *error, size_t error_size);

/* Drops all current capabilities. Returns false with errno. */
bool tux_privileges_forget(void);

/* Drops all current capabilities but one (CAP_...), which an executed program inherits. Returns false with errno. */
bool tux_privileges_inherit(unsigned capability);

/* True if the process has a capability (CAP_...). */
bool tux_privileges_has(unsigned capability);

/* Root's groups, saved while the process uses the rights of another user. */
struct tux_privileges_saved {
	gid_t gid;
	gid_t *group;
	int groups;
	bool assumed;
};

/*
 * Uses the rights of user, if user->change is set, until tux_privileges_resume(): the kernel then checks file access for that user.
 * Call it with one thread only. Returns false with errno. tux_privileges_resume() ends the process if it fails.
 */
bool tux_privileges_assume(const struct tux_user *user, struct tux_privileges_saved *saved);
void tux_privileges_resume(struct tux_privileges_saved *saved);

#endif
