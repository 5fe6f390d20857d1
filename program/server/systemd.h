/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's two protocols, by hand: sockets passed to us (sd_listen_fds(3)), and word of our
 * state (sd_notify(3)). Without a service manager every call does nothing. */
#ifndef TUX_PROGRAM_SERVER_SYSTEMD_H
#define TUX_PROGRAM_SERVER_SYSTEMD_H

#include <stdbool.h>

enum { TUX_SERVICE_FIRST_FD = 3 };

/* How many sockets were passed, from TUX_SERVICE_FIRST_FD on; they are closed on exec from the first call on, and children do
 * not take them for theirs. The first time before there are threads. */
unsigned tux_service_sockets(void);

/*
 * True if a service manager started this process, or the one that forked it: NOTIFY_SOCKET is set, or systemd's
 * SYSTEMD_EXEC_PID is its number, or it is process 1, as in a container. Known from tux_service_connect() on.
 */
bool tux_service_manages(void);

/* Connects to the manager, while that can still be reached. */
void tux_service_connect(void);

/* Leaves the manager to another process, whose child we are. */
void tux_service_disconnect(void);

/* Sends one state, such as "READY=1" or "STOPPING=1\nSTATUS=...". */
void tux_service_notify(const char *state);

/* Sends "RELOADING=1" with the time that Type=notify-reload wants; "READY=1" ends it. */
void tux_service_reloading(void);

#endif
