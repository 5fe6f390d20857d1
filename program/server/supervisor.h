/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `tux serve --config`: the process that stays while configurations come and go. It keeps the privileges it was started with,
 * so that it can open what the next configuration needs, and does nothing but: read the file, hold the listening sockets, start
 * a process that serves (a generation), tell the one before to retire, pass on what signals ask for, and start a generation that
 * died again. It talks to no client.
 */
#ifndef TUX_PROGRAM_SERVER_SUPERVISOR_H
#define TUX_PROGRAM_SERVER_SUPERVISOR_H

/* Serves what the file at path says, over it the command line's options, until told to stop. Returns the exit status. */
int tux_supervise(int argc, char **argv, const char *path);

#endif
