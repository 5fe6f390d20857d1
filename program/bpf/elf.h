/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Object files of the target bpf (ELF, 64 bits, little-endian). Every position is checked: a damaged file is refused, whatever is in it. */
#ifndef TUX_PROGRAM_BPF_ELF_H
#define TUX_PROGRAM_BPF_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_section {
	const char *name;
	uint32_t type;       /* SHT_... */
	uint64_t flags;      /* SHF_... */
	const uint8_t *data; /* in the file; NULL: SHT_NOBITS */
	uint64_t size;       /* bytes */
	uint32_t info, link;
};

struct bpf_elf {
	const uint8_t *file;
	size_t len;
	struct bpf_section *section; /* malloc'ed */
	unsigned section_count;
	const struct bpf_section *symbols, *names; /* the table of symbols, and their names */
};

struct bpf_symbol {
	const char *name; /* "" for a section */
	unsigned section; /* 0: defined elsewhere */
	uint64_t value;   /* bytes from the start of the section */
	uint64_t size;    /* bytes */
	unsigned type;    /* STT_... */
};

/* Reads the sections of len bytes at file, which stay. Returns false with a sentence in error. The caller calls bpf_elf_close(), also then. */
bool bpf_elf_open(struct bpf_elf *elf, const uint8_t *file, size_t len, char *error, size_t error_size);
void bpf_elf_close(struct bpf_elf *elf);

/* Returns the number of symbols. */
unsigned bpf_elf_symbol_count(const struct bpf_elf *elf);

/* Reads a symbol. Returns false if it is out of range. */
bool bpf_elf_symbol(const struct bpf_elf *elf, uint64_t number, struct bpf_symbol *symbol);

/* Returns the section of a name; NULL: no such section. */
const struct bpf_section *bpf_elf_find(const struct bpf_elf *elf, const char *name);

#endif
