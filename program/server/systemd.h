/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's two protocols: passed sockets (sd_listen_fds(3)) and state notifications (sd_notify(3)). Every call does
 * nothing if there is no service manager. */
#ifndef TUX_PROGRAM_SERVER_SYSTEMD_H
#define TUX_PROGRAM_SERVER_SYSTEMD_H

#include <stdbool.h>

enum { TUX_SERVICE_FIRST_FD = 3 };

/* Returns the number of passed sockets, which begin at TUX_SERVICE_FIRST_FD. Sets them to close on exec and clears the
 * environment, so that children do not use them. Make the first call before any thread starts. */
unsigned tux_service_sockets(void);

/*
 * True if a service manager started this process or its parent: NOTIFY_SOCKET is set, SYSTEMD_EXEC_PID is the process id, or it is
 * process 1, as in a container. Valid after tux_service_connect().
 */
bool tux_service_manages(void);

/* Connects to the service manager. Call it before the sandbox. */
void tux_service_connect(void);

/* Closes the connection to the service manager, in a child process. */
void tux_service_disconnect(void);

/* Sends one state, such as "READY=1" or "STOPPING=1\nSTATUS=...". */
void tux_service_notify(const char *state);

/* Sends "RELOADING=1" with the timestamp that Type=notify-reload requires; "READY=1" ends it. */
void tux_service_reloading(void);

#endif
