/* SPDX-License-Identifier: GPL-2.0-or-later */
/* BTF, the types of a BPF object or of the kernel (Documentation/bpf/btf.rst). Types are numbered from 1; 0 is void. */
#ifndef TUX_PROGRAM_BPF_BTF_H
#define TUX_PROGRAM_BPF_BTF_H

#include <linux/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf_types {
	const struct btf_types *base; /* types and texts of the kernel, which those of its module continue; NULL: none */
	const uint8_t *data;          /* the types, one after the other */
	uint32_t len;                 /* bytes */
	const char *text;             /* texts, each followed by NUL */
	uint32_t text_len;            /* bytes */
	uint32_t first;               /* number of the first type */
	uint32_t count;               /* number of types */
	uint32_t *off;                /* malloc'ed: position of each type in data */
};

/* A member of a structure, an argument, or a variable of a section: the form that fits the type. */
struct btf_part {
	const char *name;
	uint32_t type;
	uint32_t off; /* bits of a member, bytes of a variable */
};

/*
 * Reads BTF, which stays. base: of the kernel, for its module; else NULL. Returns false with a sentence in error; the caller calls btf_types_close(), also
 * then.
 */
bool btf_types_open(struct btf_types *types, const uint8_t *data, size_t len, const struct btf_types *base, char *error, size_t error_size);
void btf_types_close(struct btf_types *types);

/* Returns a text; "" if it is out of range. */
const char *btf_text(const struct btf_types *types, uint32_t off);

/* Returns a type of these or of base; NULL: no such type. */
const struct btf_type *btf_type_at(const struct btf_types *types, uint32_t number);

static inline unsigned btf_kind_of(const struct btf_type *type)
{
	return BTF_INFO_KIND(type->info);
}

/* Returns the number of a type of this kind and name; 0: no such type. */
uint32_t btf_find(const struct btf_types *types, unsigned kind, const char *name);

/* Reads part number index of a structure, a prototype or a section. Returns false after the last. */
bool btf_part_at(const struct btf_types *types, const struct btf_type *type, uint32_t index, struct btf_part *part);

/* Returns the number of a type without typedefs and qualifiers; 0: void, or a damaged type. */
uint32_t btf_resolve(const struct btf_types *types, uint32_t number);

/* Returns the bytes of a type; 0: unknown, or too large. */
uint32_t btf_size(const struct btf_types *types, uint32_t number);

/*
 * Returns a malloc'ed copy that the kernel takes: variables, sections and functions of other places become simple types, because a compiler leaves them
 * incomplete. Numbers and texts stay. Returns NULL if out of memory.
 */
uint8_t *btf_for_kernel(const struct btf_types *types, size_t *len);

#endif
