/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user, found by name or number, with its groups. The server, or a program that it starts, runs as this user. */
#ifndef TUX_PROGRAM_CONFINE_USER_H
#define TUX_PROGRAM_CONFINE_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	TUX_USER_GROUPS = 64, /* groups of one user, including the primary group */
	TUX_USER_NAME = 64,   /* bytes, including the NUL */
};

struct tux_user {
	char name[TUX_USER_NAME]; /* for messages */
	uid_t uid;
	gid_t gid;
	bool change;              /* false = the process stays the user that it is */
	gid_t group[TUX_USER_GROUPS];
	int groups;
};

/*
 * Finds "USER" or "USER:GROUP"; each is a name or a number. A number needs no entry in passwd or group: the group then has the
 * user's number. Sets change to true. Returns false with a sentence in error.
 */
bool tux_user_find(const char *text, struct tux_user *user, char *error, size_t error_size);

/* Returns the user of this process. Never fails. */
void tux_user_own(struct tux_user *user);

/* True if text names a group after the user ("USER:GROUP"). */
bool tux_user_has_group(const char *text);

#endif
