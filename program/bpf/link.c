/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_FUNCTIONS = 1024,
	RELOCATION_64 = 1,    /* R_BPF_64_64: an address in an instruction of two halves */
	RELOCATION_CALL = 10, /* R_BPF_64_32 */
	EXT_HEAD = 32,        /* bytes of the head of .BTF.ext with its lines */
};

/* A function in the file. */
struct code {
	unsigned section;
	uint32_t from, count; /* instructions in the section */
	uint32_t to;          /* position in the program */
	bool placed;
};

struct linking {
	struct bpf_object *object;
	struct code code[MAX_FUNCTIONS];
	unsigned code_count;
	unsigned order[MAX_FUNCTIONS]; /* the functions of the program */
	unsigned order_count;
	char *error;
	size_t error_size;
};

static bool fail(struct linking *linking, const char *text, const char *name)
{
	snprintf(linking->error, linking->error_size, text, name);
	return false;
}

static bool is_code(const struct bpf_section *section)
{
	return section->type == SHT_PROGBITS && (section->flags & SHF_EXECINSTR) && section->size % sizeof(struct bpf_insn) == 0;
}

/* Lists all functions. Sets *entry to the handler. */
static bool functions_list(struct linking *linking, unsigned *entry)
{
	const struct bpf_elf *const elf = &linking->object->elf;
	bool found = false;

	for (unsigned i = 0; i < bpf_elf_symbol_count(elf); i++) {
		struct code *const code = &linking->code[linking->code_count];
		struct bpf_symbol symbol;

		if (!bpf_elf_symbol(elf, i, &symbol) || symbol.type != STT_FUNC || symbol.section == 0 || !is_code(&elf->section[symbol.section]))
			continue;
		if (symbol.value % sizeof(struct bpf_insn) != 0 || symbol.size % sizeof(struct bpf_insn) != 0 || symbol.size == 0 ||
		    symbol.value > elf->section[symbol.section].size || elf->section[symbol.section].size - symbol.value < symbol.size)
			return fail(linking, "function %s is damaged", symbol.name);
		if (linking->code_count == MAX_FUNCTIONS)
			return fail(linking, "it has more functions than %s", "1024");
		*code = (struct code){ .section = symbol.section };
		code->from = (uint32_t)(symbol.value / sizeof(struct bpf_insn));
		code->count = (uint32_t)(symbol.size / sizeof(struct bpf_insn));
		if (strcmp(symbol.name, BPF_ENTRY) == 0) {
			*entry = linking->code_count;
			found = true;
		}
		linking->code_count++;
	}
	return found || fail(linking, "it has no %s(): TUX_MODULE() defines it", BPF_ENTRY);
}

/* Returns the function that has an instruction; -1: none. */
static int function_at(const struct linking *linking, unsigned section, int64_t insn)
{
	for (unsigned i = 0; i < linking->code_count; i++) {
		const struct code *const code = &linking->code[i];

		if (code->section == section && insn >= code->from && insn < (int64_t)code->from + code->count)
			return (int)i;
	}
	return -1;
}

/* Finds the relocation of an instruction. Returns 0, or its type with the symbol. */
static unsigned relocation_of(const struct linking *linking, unsigned section, uint32_t insn, struct bpf_symbol *symbol)
{
	const struct bpf_elf *const elf = &linking->object->elf;

	for (unsigned i = 0; i < elf->section_count; i++) {
		const struct bpf_section *const table = &elf->section[i];

		if (table->type != SHT_REL || table->info != section || !table->data)
			continue;
		for (uint64_t at = 0; at + sizeof(Elf64_Rel) <= table->size; at += sizeof(Elf64_Rel)) {
			Elf64_Rel one;

			memcpy(&one, table->data + at, sizeof(one));
			if (one.r_offset == insn * sizeof(struct bpf_insn) && bpf_elf_symbol(elf, ELF64_R_SYM(one.r_info), symbol))
				return (unsigned)ELF64_R_TYPE(one.r_info);
		}
	}
	return 0;
}

static struct bpf_insn insn_at(const struct linking *linking, unsigned section, uint32_t number)
{
	struct bpf_insn insn;

	memcpy(&insn, linking->object->elf.section[section].data + number * sizeof(insn), sizeof(insn));
	return insn;
}

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

/* Places a function at the end of the program. */
static bool place(struct linking *linking, unsigned number)
{
	struct bpf_object *const object = linking->object;
	struct code *const code = &linking->code[number];

	if (code->placed)
		return true;
	code->placed = true;
	code->to = object->insn_count;
	object->insn_count += code->count;
	linking->order[linking->order_count++] = number;
	return object->insn_count <= BPF_MAX_INSTRUCTIONS || fail(linking, "%s is too long", "its program");
}

static bool reference_add(struct linking *linking, const struct bpf_reference *reference)
{
	struct bpf_object *const object = linking->object;
	struct bpf_reference *all = object->reference;

	if (object->reference_count % 64 == 0) {
		all = realloc(all, (object->reference_count + 64) * sizeof(*all));
		if (!all)
			return fail(linking, "out of %s", "memory");
		object->reference = all;
	}
	all[object->reference_count++] = *reference;
	return true;
}

/* Returns the number of the map that a symbol stands for; -1: none. */
static int map_of(const struct linking *linking, const struct bpf_symbol *symbol)
{
	const struct bpf_object *const object = linking->object;
	const bool defined = strcmp(object->elf.section[symbol->section].name, ".maps") == 0;

	for (unsigned i = 0; i < object->map_count; i++) {
		if (defined ? object->map[i].section == 0 && strcmp(object->map[i].full_name, symbol->name) == 0 :
		              object->map[i].section == symbol->section && symbol->section != 0)
			return (int)i;
	}
	return -1;
}

/* Notes the map whose address an instruction loads. */
static bool refer_to_map(struct linking *linking, uint32_t at, struct bpf_insn *insn, const struct bpf_symbol *symbol)
{
	const int map = map_of(linking, symbol);

	if (map < 0)
		return fail(linking, "it has the address of \"%s\", which is neither a map nor a variable; a callback is not possible",
		            *symbol->name ? symbol->name : linking->object->elf.section[symbol->section].name);
	if (linking->object->map[map].section != 0)
		insn[1].imm = (int32_t)(symbol->value + (uint32_t)insn[0].imm);
	return reference_add(linking, &(struct bpf_reference){ at, map, linking->object->map[map].section != 0, NULL });
}

/* Notes what a call calls: a function of the file, which is placed, or one of the kernel. */
static bool refer_to_function(struct linking *linking, uint32_t at, const struct code *code, uint32_t from, struct bpf_insn *insn)
{
	struct bpf_symbol symbol;
	const unsigned type = relocation_of(linking, code->section, from, &symbol);
	unsigned section = code->section;
	int64_t target = (int64_t)from + 1 + insn->imm;
	int number;

	if (type == RELOCATION_CALL && symbol.section == 0)
		return reference_add(linking, &(struct bpf_reference){ at, -1, false, symbol.name });
	if (type == RELOCATION_CALL) {
		section = symbol.section;
		target = (int64_t)(symbol.value / sizeof(*insn)) + 1 + insn->imm;
	}
	number = function_at(linking, section, target);
	if (number < 0 || linking->code[number].from != target)
		return fail(linking, "it calls something that is not a function%s", "");
	if (!place(linking, (unsigned)number))
		return false;
	insn->imm = (int32_t)linking->code[number].to - (int32_t)at - 1;
	return true;
}

/* Copies a function to its place, and notes what it refers to. */
static bool copy(struct linking *linking, const struct code *code)
{
	static const char refers[] = "refers to the kernel without a symbol, so nobody can say to what"; /* compilers write a symbol for each reference */
	struct bpf_object *const object = linking->object;
	struct bpf_symbol symbol;

	for (uint32_t i = 0; i < code->count; i++) {
		struct bpf_insn *const insn = &object->insn[code->to + i];

		*insn = insn_at(linking, code->section, code->from + i);
		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && i + 1 < code->count) {
			insn[1] = insn_at(linking, code->section, code->from + i + 1);
			if (insn->src_reg != 0)
				return fail(linking, "it %s", refers);
			if (relocation_of(linking, code->section, code->from + i, &symbol) == RELOCATION_64 &&
			    !refer_to_map(linking, code->to + i, insn, &symbol))
				return false;
			i++;
		} else if (is_call(insn)) {
			if (!refer_to_function(linking, code->to + i, code, code->from + i, insn))
				return false;
		} else if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg != 0) {
			return fail(linking, "it %s", refers);
		}
	}
	return true;
}

/* Copies the handler, and then each function that is placed meanwhile. */
static bool copy_all(struct linking *linking, unsigned entry)
{
	struct bpf_object *const object = linking->object;

	if (!place(linking, entry))
		return false;
	for (unsigned i = 0; i < linking->order_count; i++) {
		const struct code *const code = &linking->code[linking->order[i]];
		struct bpf_insn *const insn = realloc(object->insn, (code->to + code->count) * sizeof(*insn));

		if (!insn)
			return fail(linking, "out of %s", "memory");
		object->insn = insn;
		if (!copy(linking, code))
			return false;
	}
	return true;
}

/* Returns the position in the program of an instruction of the file; -1: it is not in the program. */
static int64_t position(const struct linking *linking, const char *section, uint32_t off)
{
	const struct bpf_elf *const elf = &linking->object->elf;

	for (unsigned i = 0; i < elf->section_count; i++) {
		int number;

		if (strcmp(elf->section[i].name, section) != 0 || !is_code(&elf->section[i]))
			continue;
		number = function_at(linking, i, off / sizeof(struct bpf_insn));
		if (number >= 0 && linking->code[number].placed)
			return (int64_t)linking->code[number].to + off / sizeof(struct bpf_insn) - linking->code[number].from;
	}
	return -1;
}

/* Records about functions or about lines: each begins with the position of its instruction. */
struct records {
	void *data; /* malloc'ed */
	uint32_t count;
	size_t size; /* bytes of a record */
};

/* Adds a copy of a record with the position in the program. Returns false if out of memory. */
static bool record_add(struct records *records, const uint8_t *record, uint32_t insn)
{
	uint8_t *const data = realloc(records->data, (records->count + 1) * records->size);
	uint8_t *last;

	if (!data)
		return false;
	records->data = data;
	last = data + records->count++ * records->size;
	memcpy(last, record, records->size);
	memcpy(last, &insn, sizeof(insn));
	return true;
}

static int by_position(const void *one, const void *other)
{
	uint32_t a, b;

	memcpy(&a, one, sizeof(a));
	memcpy(&b, other, sizeof(b));
	return a < b ? -1 : a > b;
}

/* Reads a part of .BTF.ext, which has the records of each section of code. Adds those of the program, in the order of their positions. */
static bool records_read(const struct linking *linking, const uint8_t *at, uint32_t len, struct records *records)
{
	uint32_t size, head[2];

	if (len == 0)
		return true;
	if (len < sizeof(size))
		return false;
	memcpy(&size, at, sizeof(size));
	at += sizeof(size);
	len -= (uint32_t)sizeof(size);
	if (size < records->size || size > 1024)
		return false;
	while (len > 0) {
		const char *section;

		if (len < sizeof(head))
			return false;
		memcpy(head, at, sizeof(head));
		at += sizeof(head);
		len -= (uint32_t)sizeof(head);
		section = btf_text(&linking->object->types, head[0]);
		if (head[1] > len / size)
			return false;
		for (uint32_t i = 0; i < head[1]; i++, at += size, len -= size) {
			uint32_t off;
			int64_t insn;

			memcpy(&off, at, sizeof(off));
			insn = position(linking, section, off);
			if (insn >= 0 && !record_add(records, at, (uint32_t)insn))
				return false;
		}
	}
	if (records->count > 0)
		qsort(records->data, records->count, records->size, by_position);
	return true;
}

/* Leaves one line for each instruction: the kernel refuses two. */
static void lines_thin(struct bpf_object *object)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < object->line_count; i++)
		if (kept == 0 || object->line[kept - 1].insn_off != object->line[i].insn_off)
			object->line[kept++] = object->line[i];
	object->line_count = kept;
}

/* Reads .BTF.ext, by which the kernel tells of functions and lines. */
static bool infos_read(struct linking *linking)
{
	struct bpf_object *const object = linking->object;
	const struct bpf_section *const section = bpf_elf_find(&object->elf, ".BTF.ext");
	struct records functions = { .size = sizeof(struct bpf_func_info) }, lines = { .size = sizeof(struct bpf_line_info) };
	uint32_t word[EXT_HEAD / 4];
	uint32_t head_len, rest;
	bool good;

	if (!section || !section->data || section->size < sizeof(word) || section->size > BPF_MAX_OBJECT)
		return fail(linking, "it has no %s: clang writes it with -g", ".BTF.ext");
	memcpy(word, section->data, sizeof(word));
	head_len = word[1];
	if ((word[0] & 0xffff) != BTF_MAGIC || head_len < 24 || head_len > section->size)
		return fail(linking, "its %s is damaged", ".BTF.ext");
	rest = (uint32_t)section->size - head_len;
	for (unsigned i = 2; i < 6; i += 2)
		if (word[i] > rest || word[i + 1] > rest - word[i])
			return fail(linking, "its %s is damaged", ".BTF.ext");
	if (head_len >= EXT_HEAD && word[7] > 0)
		return fail(linking, "it has relocations for types of the kernel (CO-RE), which a handler does not need: %s", "preserve_access_index");
	good = records_read(linking, section->data + head_len + word[2], word[3], &functions) &&
	       records_read(linking, section->data + head_len + word[4], word[5], &lines);
	object->function = functions.data;
	object->function_count = functions.count;
	object->line = lines.data;
	object->line_count = lines.count;
	if (!good)
		return fail(linking, "its %s is damaged, or memory is short", ".BTF.ext");
	lines_thin(object);
	return true;
}

bool bpf_object_link(struct bpf_object *object, char *error, size_t error_size)
{
	struct linking *const linking = calloc(1, sizeof(*linking));
	unsigned entry = 0;
	bool good;

	if (!linking) {
		snprintf(error, error_size, "out of memory");
		return false;
	}
	*linking = (struct linking){ .object = object, .error = error, .error_size = error_size };
	good = functions_list(linking, &entry) && copy_all(linking, entry) && infos_read(linking);
	free(linking);
	return good;
}
