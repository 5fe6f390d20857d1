/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of all options. From it come the command line, the keys and values of the configuration file, `tux help`, and the
 * lists in packaging/tux.1 and docs/configuration.md (tools/options).
 */
#ifndef TUX_PROGRAM_SETTINGS_OPTIONS_H
#define TUX_PROGRAM_SETTINGS_OPTIONS_H

#include "option.h"
#include "settings.h"

enum { TUX_OPTION_ROWS = 192 }; /* rows of the table */

/* Rows in the order of the help, with headings between them. */
extern const struct tux_option tux_options[];
extern const unsigned tux_option_count;

/* Returns the option of this name in one of the scopes, a set; NULL if it is missing. */
const struct tux_option *tux_option_find(const char *name, unsigned scopes);

/* Returns the option in one of the scopes whose name is nearest to a mistyped one; NULL if none is near. */
const struct tux_option *tux_option_near(const char *mistyped, unsigned scopes);

/* Sets the defaults; lists are empty. */
void tux_options_init(struct tux_settings *settings);

/*
 * Sets an option of the scopes command, top and host; host is the settings' top, or one of its hosts. See tux_option_set() for value
 * and error.
 */
bool tux_options_set(struct tux_settings *settings, struct tux_host_settings *host, const struct tux_option *option, const char *value,
                     char *error, size_t error_size);

/* Empties the list of an option in the structure that tux_options_set() writes to. */
void tux_options_clear(struct tux_settings *settings, struct tux_host_settings *host, const struct tux_option *option);

/* True if an option of hosts was set in a host. */
bool tux_options_said(const struct tux_host_settings *host, const char *name);

/*
 * Copies every option that was not set in a host from the top to the count hosts. Lists stay the top's memory. Rules for fields and
 * media types stay separate: both apply.
 */
void tux_options_inherit(struct tux_host_settings *hosts, unsigned count, const struct tux_host_settings *top);

#endif
