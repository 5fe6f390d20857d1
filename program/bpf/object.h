/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A verified handler in a file, as the compiler wrote it: its program, put together from its functions, its maps and its types. Makes no system call but to read. */
#ifndef TUX_PROGRAM_BPF_OBJECT_H
#define TUX_PROGRAM_BPF_OBJECT_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "btf.h"
#include "elf.h"

enum {
	BPF_MAX_MAPS = 32,
	BPF_MAX_OBJECT = 1 << 24,        /* bytes of the file */
	BPF_MAX_INSTRUCTIONS = 1 << 20,
	BPF_ENTRY_NAME = BPF_OBJ_NAME_LEN,
};

/* A map that the program uses: one in SEC(".maps"), or a section of variables. */
struct bpf_map_spec {
	char name[BPF_OBJ_NAME_LEN]; /* cut if it is longer */
	const char *full_name;
	uint32_t type, key_size, value_size, max_entries, flags;
	unsigned section;            /* of variables; 0: a map of SEC(".maps"), whose contents last over a reload */
	const uint8_t *data;         /* first contents of a section; NULL: zeros */
};

/* An instruction that refers to something that gets its number when it is loaded. */
struct bpf_reference {
	uint32_t insn;
	int map;              /* number of the map; -1: function */
	bool value;           /* the address of the map's value, from the offset in the second half of the instruction on */
	const char *function; /* of the kernel */
};

struct bpf_object {
	uint8_t *file; /* malloc'ed */
	size_t len;
	const char *license; /* in the file: TUX_MODULE() defines it */
	struct bpf_elf elf;
	struct btf_types types;
	struct bpf_insn *insn; /* malloc'ed, as the next ones */
	uint32_t insn_count;
	struct bpf_reference *reference;
	uint32_t reference_count;
	struct bpf_func_info *function;
	uint32_t function_count;
	struct bpf_line_info *line;
	uint32_t line_count;
	struct bpf_map_spec map[BPF_MAX_MAPS];
	unsigned map_count;
};

/* Reads a file, which bpf_object_close() gives back. Returns false with a sentence in error, and keeps nothing. */
bool bpf_object_open(struct bpf_object *object, const char *path, char *error, size_t error_size);
void bpf_object_close(struct bpf_object *object);

/* Returns the line information of an instruction: that of the last line that begins at or before it. NULL: none. */
const struct bpf_line_info *bpf_object_line(const struct bpf_object *object, uint32_t insn);

#endif
