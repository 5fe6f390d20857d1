/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzzer of /dev/tux and of the sockets that the kernel engine has. An input is a byte script: one byte says what is prepared, the
 * others are calls with their arguments (calls.c). Each input runs in a process of its own (run.c).
 */
#ifndef TUX_TEST_VM_FUZZ_H
#define TUX_TEST_VM_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_INPUT = 384 };

/* A script and how far it has run. The bytes after its end are 0. */
struct script {
	const uint8_t *bytes;
	size_t len;
	size_t at;
};

static inline uint8_t script_byte(struct script *script)
{
	return script->at < script->len ? script->bytes[script->at++] : 0;
}

static inline uint16_t script_short(struct script *script)
{
	uint8_t low = script_byte(script);

	return (uint16_t)(low | script_byte(script) << 8);
}

/* The structures and texts of a set-up (setup.c). */
struct setup;
struct tux_setup;

struct setup *setup_new(void);
/* Makes a set-up from the next bytes of the script. Returns the argument of TUX_SETUP. root_fd[]: two document roots. */
struct tux_setup *setup_fill(struct setup *memory, struct script *script, const int root_fd[2], int event_fd, unsigned handover_port);

/* Runs a script in this process, which ends with it (calls.c). */
_Noreturn void calls_run(const uint8_t *bytes, size_t len, const char *root, const char *cold);

/* Returns the number of calls, and how many bytes of arguments one has. */
unsigned calls_count(void);
unsigned calls_arguments(unsigned number);

/* Serves one request on a new instance. Returns false if that fails. */
bool calls_alive(const char *root);

#endif
