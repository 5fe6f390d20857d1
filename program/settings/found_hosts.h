/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts that the directories of a pattern are. */
#ifndef TUX_PROGRAM_SETTINGS_FOUND_HOSTS_H
#define TUX_PROGRAM_SETTINGS_FOUND_HOSTS_H

#include <stdio.h>

#include "settings.h"

/*
 * Adds a host for each directory of each pattern. Hosts with a pattern lose their names: only the default of a listener is found,
 * and has no files. Prints a line for each directory that cannot be listed, unless errors is NULL. Returns false if out of memory,
 * or with too many hosts. Each process does this for itself, because access to a file system may hang.
 */
bool tux_found_hosts_add(struct tux_settings *settings, FILE *errors);

#endif
