/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hosts for the engine, made from the host options, with open document roots. */
#ifndef TUX_PROGRAM_SERVER_HOSTS_H
#define TUX_PROGRAM_SERVER_HOSTS_H

#include "listen.h"
#include "../settings/settings.h"
#include "../confine/user.h"

/* Zero-initialize before use. */
struct tux_hosts {
	struct tux_host *host;
	unsigned count;
	struct tux_host_names names; /* host names, for both the kernel engine and the user-space engine */
	const struct tux_host_settings *settings; /* options of each host; owned by the settings */
	struct tux_host base;   /* without a root: the arrays of all hosts that set nothing of their own */
};

/*
 * Opens the roots of all hosts, or of the top if there are no hosts, for user. With may_miss a root that cannot be opened gets
 * root_fd -1. Returns false with a sentence in error; call tux_hosts_close() also then.
 */
bool tux_hosts_open(struct tux_hosts *hosts, const struct tux_settings *settings, const struct tux_user *user, bool may_miss, char *error,
                    size_t error_size);

/*
 * Fills names, which select a host by listener and host name. Call it after the listeners are open. Returns false with a sentence in
 * error.
 */
bool tux_hosts_place(struct tux_hosts *hosts, const struct tux_addresses *addresses, char *error, size_t error_size);

/* Returns a bit for each listener on which a host responds: all of them if the host has no listen. */
uint64_t tux_hosts_listeners(const struct tux_host_settings *settings, const struct tux_addresses *addresses);

/* Frees the hosts and closes their roots. */
void tux_hosts_close(struct tux_hosts *hosts);

#endif
