/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A user for one program alone, as systemd's DynamicUser=: no other process can trace the program, take its descriptors or read its files. */
#ifndef TUX_PROGRAM_CONFINE_UNUSED_USER_H
#define TUX_PROGRAM_CONFINE_UNUSED_USER_H

#include "user.h"

enum { /* the range that distributions leave for such users */
	TUX_UNUSED_FIRST = 61184,
	TUX_UNUSED_LAST = 65519,
};

/*
 * Chooses a number that no process and no entry of passwd or group has, and that root can become. Returns false with a sentence in error, as in
 * a container without such numbers.
 */
bool tux_user_unused(struct tux_user *user, char *error, size_t error_size);

#endif
