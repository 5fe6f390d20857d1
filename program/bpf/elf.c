/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "elf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_SECTIONS = 1024,
	MACHINE_BPF = 247, /* EM_BPF */
};

static bool fail(char *error, size_t error_size, const char *text)
{
	snprintf(error, error_size, "%s", text);
	return false;
}

/* Returns the text at an offset of a table of texts; "" if it is out of range or does not end. */
static const char *text_at(const struct bpf_section *table, uint64_t off)
{
	if (!table || !table->data || off >= table->size || !memchr(table->data + off, 0, table->size - off))
		return "";
	return (const char *)table->data + off;
}

static bool is_object(const Elf64_Ehdr *head)
{
	return memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 && head->e_ident[EI_CLASS] == ELFCLASS64 && head->e_ident[EI_DATA] == ELFDATA2LSB &&
	       head->e_type == ET_REL && head->e_machine == MACHINE_BPF;
}

bool bpf_elf_open(struct bpf_elf *elf, const uint8_t *file, size_t len, char *error, size_t error_size)
{
	const struct bpf_section *names;
	Elf64_Ehdr head;

	*elf = (struct bpf_elf){ .file = file, .len = len };
	if (len < sizeof(head))
		return fail(error, error_size, "it is not an object file of the target bpf");
	memcpy(&head, file, sizeof(head));
	if (!is_object(&head))
		return fail(error, error_size, "it is not an object file of the target bpf");
	if (head.e_shentsize != sizeof(Elf64_Shdr) || head.e_shnum == 0 || head.e_shnum > MAX_SECTIONS || head.e_shoff > len ||
	    (len - head.e_shoff) / sizeof(Elf64_Shdr) < head.e_shnum || head.e_shstrndx >= head.e_shnum)
		return fail(error, error_size, "its table of sections is damaged");
	elf->section = calloc(head.e_shnum, sizeof(*elf->section));
	if (!elf->section)
		return fail(error, error_size, "out of memory");
	elf->section_count = head.e_shnum;
	for (unsigned i = 0; i < elf->section_count; i++) {
		struct bpf_section *const section = &elf->section[i];
		Elf64_Shdr one;

		memcpy(&one, file + head.e_shoff + i * sizeof(one), sizeof(one));
		*section = (struct bpf_section){ "", one.sh_type, one.sh_flags, NULL, one.sh_size, one.sh_info, one.sh_link };
		if (one.sh_type == SHT_NOBITS || one.sh_type == SHT_NULL)
			continue;
		if (one.sh_offset > len || len - one.sh_offset < one.sh_size)
			return fail(error, error_size, "a section is not whole");
		section->data = file + one.sh_offset;
	}
	names = &elf->section[head.e_shstrndx];
	for (unsigned i = 0; i < elf->section_count; i++) {
		Elf64_Shdr one;

		memcpy(&one, file + head.e_shoff + i * sizeof(one), sizeof(one));
		elf->section[i].name = text_at(names, one.sh_name);
		if (one.sh_type == SHT_SYMTAB && one.sh_entsize == sizeof(Elf64_Sym) && one.sh_link < elf->section_count) {
			elf->symbols = &elf->section[i];
			elf->names = &elf->section[one.sh_link];
		}
	}
	return elf->symbols || fail(error, error_size, "it has no symbols");
}

void bpf_elf_close(struct bpf_elf *elf)
{
	free(elf->section);
	*elf = (struct bpf_elf){ 0 };
}

unsigned bpf_elf_symbol_count(const struct bpf_elf *elf)
{
	return (unsigned)(elf->symbols->size / sizeof(Elf64_Sym));
}

bool bpf_elf_symbol(const struct bpf_elf *elf, uint64_t number, struct bpf_symbol *symbol)
{
	Elf64_Sym one;

	*symbol = (struct bpf_symbol){ .name = "" };
	if (number >= bpf_elf_symbol_count(elf))
		return false;
	memcpy(&one, elf->symbols->data + number * sizeof(one), sizeof(one));
	symbol->name = text_at(elf->names, one.st_name);
	symbol->section = one.st_shndx < elf->section_count ? one.st_shndx : 0;
	symbol->value = one.st_value;
	symbol->size = one.st_size;
	symbol->type = ELF64_ST_TYPE(one.st_info);
	return true;
}

const struct bpf_section *bpf_elf_find(const struct bpf_elf *elf, const char *name)
{
	for (unsigned i = 0; i < elf->section_count; i++)
		if (strcmp(elf->section[i].name, name) == 0)
			return &elf->section[i];
	return NULL;
}
