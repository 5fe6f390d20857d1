/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads the program of a verified handler: makes its maps, fills in their descriptors, and lets the kernel's verifier check it. */
#ifndef TUX_PROGRAM_BPF_PROGRAM_H
#define TUX_PROGRAM_BPF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel.h"
#include "object.h"

/* A map of a handler, which has its contents while a descriptor or a program has it. */
struct bpf_map_open {
	char name[BPF_OBJ_NAME_LEN];
	int fd;
	bool kept; /* a handler of the same module that is loaded later gets it, if the definition is the same */
};

struct bpf_maps {
	struct bpf_map_open map[BPF_MAX_MAPS];
	unsigned count;
};

/*
 * Loads the program of an object. before: maps of the former handler of the module; NULL: none. Fills maps, whose descriptors the caller closes by
 * bpf_maps_close(). Returns the program's descriptor; -1 with a sentence in error: for a program that the verifier refuses, the file, line and text of its
 * source, and the verifier's reason.
 */
int bpf_program_load(const struct bpf_kernel *kernel, const struct bpf_object *object, const struct bpf_maps *before, struct bpf_maps *maps, char *error,
                     size_t error_size);

void bpf_maps_close(struct bpf_maps *maps);

/* Writes why tux-bpf.ko refuses a program that the verifier has permitted: it could take much time. See kernel/bpf/reach.c. */
void bpf_program_excess_write(const struct bpf_object *object, int fd, char *error, size_t error_size);

/*
 * Finds the verifier's reason in its log. Sets *insn to the instruction that it refuses; -1: it names none. For unit tests, too.
 */
void bpf_log_reason(const char *log, char *reason, size_t reason_size, long *insn);

#endif
