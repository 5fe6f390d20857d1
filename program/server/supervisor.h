/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `tux serve`: the supervisor, a process that stays while configurations change. It keeps the privileges with which it was started,
 * because it opens the sockets of the next configuration. It reads the file, holds the listening sockets, and starts a server
 * process. It tells the server process before it to retire, forwards signals, and restarts a server process that died. It talks to
 * no client.
 */
#ifndef TUX_PROGRAM_SERVER_SUPERVISOR_H
#define TUX_PROGRAM_SERVER_SUPERVISOR_H

/*
 * Serves the configuration file at path, overridden by the command line's options, until told to stop. path may be NULL. Returns
 * the exit status.
 */
int tux_supervise(int argc, char **argv, const char *path);

#endif
