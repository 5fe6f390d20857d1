/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Restricts the process that holds the keys of TLS: it receives and sends on sockets that it has, computes, and ends. */
#ifndef TUX_PROGRAM_CONFINE_KEY_SANDBOX_H
#define TUX_PROGRAM_CONFINE_KEY_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Permits no file and no connection, by Landlock if the kernel has it, to the calling thread and those that it starts later. Call it after the
 * privileges were dropped. Returns false with a sentence in error if the kernel has it and it failed. Without it
 * a line to the standard error says so.
 */
bool tux_key_sandbox_files(char *error, size_t error_size);

/*
 * Like tux_key_sandbox_files(), but permits no system calls except those of receiving, computing and sending, by seccomp, to all threads. Call it
 * when they have started: no other one can.
 */
bool tux_key_sandbox_calls(char *error, size_t error_size);

#endif
