/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a file, its maps, and what the kernel wants to know of functions and lines. link.c puts the program together. */
#define _GNU_SOURCE 1
#include "object.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link.h"

static bool read_whole(struct bpf_object *object, const char *path, char *error, size_t error_size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	ssize_t got = 0;

	if (fd < 0 || fstat(fd, &status) < 0) {
		snprintf(error, error_size, "cannot open it: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (!S_ISREG(status.st_mode) || status.st_size > BPF_MAX_OBJECT) {
		snprintf(error, error_size, "it is not a file of at most %d bytes", BPF_MAX_OBJECT);
		close(fd);
		return false;
	}
	object->file = malloc((size_t)status.st_size + 1);
	while (object->file && object->len < (size_t)status.st_size &&
	       (got = read(fd, object->file + object->len, (size_t)status.st_size - object->len)) > 0)
		object->len += (size_t)got;
	snprintf(error, error_size, "cannot read it: %s", got < 0 ? strerror(errno) : object->file ? "it became shorter" : "out of memory");
	close(fd);
	return object->file && object->len == (size_t)status.st_size;
}

/* Returns the number of elements of the array that a pointer leads to: the form of __uint(). */
static bool number_of(const struct btf_types *types, uint32_t type, uint32_t *number)
{
	const struct btf_type *const pointer = btf_type_at(types, btf_resolve(types, type));
	const struct btf_type *array;

	if (!pointer || btf_kind_of(pointer) != BTF_KIND_PTR)
		return false;
	array = btf_type_at(types, btf_resolve(types, pointer->type));
	if (!array || btf_kind_of(array) != BTF_KIND_ARRAY)
		return false;
	*number = ((const struct btf_array *)(array + 1))->nelems;
	return true;
}

/* Returns the bytes of the type that a pointer leads to: the form of __type(). */
static uint32_t pointed_size(const struct btf_types *types, uint32_t type)
{
	const struct btf_type *const pointer = btf_type_at(types, btf_resolve(types, type));

	return pointer && btf_kind_of(pointer) == BTF_KIND_PTR ? btf_size(types, pointer->type) : 0;
}

/* Reads a member of a map's definition. Returns false if it is unknown. */
static bool map_member(const struct btf_types *types, const struct btf_part *part, struct bpf_map_spec *map)
{
	uint32_t *number = NULL;

	if (strcmp(part->name, "key") == 0)
		return (map->key_size = pointed_size(types, part->type)) > 0;
	if (strcmp(part->name, "value") == 0)
		return (map->value_size = pointed_size(types, part->type)) > 0;
	if (strcmp(part->name, "type") == 0)
		number = &map->type;
	else if (strcmp(part->name, "max_entries") == 0)
		number = &map->max_entries;
	else if (strcmp(part->name, "map_flags") == 0)
		number = &map->flags;
	else if (strcmp(part->name, "key_size") == 0)
		number = &map->key_size;
	else if (strcmp(part->name, "value_size") == 0)
		number = &map->value_size;
	return number && number_of(types, part->type, number);
}

static struct bpf_map_spec *map_add(struct bpf_object *object, const char *name)
{
	struct bpf_map_spec *map;

	if (object->map_count == BPF_MAX_MAPS)
		return NULL;
	map = &object->map[object->map_count++];
	*map = (struct bpf_map_spec){ .full_name = name };
	snprintf(map->name, sizeof(map->name), "%s", name);
	return map;
}

static bool is_map_type(uint32_t type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_LRU_HASH;
}

/* Reads the map whose variable has this type. */
static bool map_define(struct bpf_object *object, const char *name, uint32_t variable, char *error, size_t error_size)
{
	const struct btf_types *const types = &object->types;
	const struct btf_type *const type = btf_type_at(types, btf_resolve(types, variable));
	struct bpf_map_spec *const map = map_add(object, name);
	struct btf_part part;

	if (!map) {
		snprintf(error, error_size, "it has more than %d maps", BPF_MAX_MAPS);
		return false;
	}
	for (uint32_t i = 0; type && btf_kind_of(type) == BTF_KIND_STRUCT && btf_part_at(types, type, i, &part); i++) {
		if (map_member(types, &part, map))
			continue;
		snprintf(error, error_size, "map %s: \"%s\" is not a member that TUX knows, or its value is not a number or type", name, part.name);
		return false;
	}
	if (is_map_type(map->type) && map->key_size > 0 && map->value_size > 0 && map->max_entries > 0)
		return true;
	snprintf(error, error_size, "map %s needs a type (hash, array or LRU hash), max_entries, key and value", name);
	return false;
}

/* Reads the maps of SEC(".maps"). */
static bool maps_define(struct bpf_object *object, char *error, size_t error_size)
{
	const struct btf_types *const types = &object->types;
	const uint32_t number = btf_find(types, BTF_KIND_DATASEC, ".maps");
	const struct btf_type *const section = number ? btf_type_at(types, number) : NULL;
	struct btf_part part;

	for (uint32_t i = 0; section && btf_part_at(types, section, i, &part); i++) {
		const struct btf_type *const variable = btf_type_at(types, part.type);

		if (variable && btf_kind_of(variable) == BTF_KIND_VAR &&
		    !map_define(object, btf_text(types, variable->name_off), variable->type, error, error_size))
			return false;
	}
	return true;
}

/*
 * Makes an array of one value of each section of variables, constant ones, too: the verifier lets functions of modules have memory only if the program may
 * also write it.
 */
static bool variables_define(struct bpf_object *object, char *error, size_t error_size)
{
	for (unsigned i = 0; i < object->elf.section_count; i++) {
		const struct bpf_section *const section = &object->elf.section[i];
		struct bpf_map_spec *map;

		if (section->size == 0 || !(section->flags & SHF_ALLOC) ||
		    (strncmp(section->name, ".rodata", 7) != 0 && strncmp(section->name, ".data", 5) != 0 && strncmp(section->name, ".bss", 4) != 0))
			continue;
		map = section->size <= BPF_MAX_OBJECT ? map_add(object, section->name) : NULL;
		if (!map) {
			snprintf(error, error_size, "it has more than %d maps and sections of variables, or too large ones", BPF_MAX_MAPS);
			return false;
		}
		map->type = BPF_MAP_TYPE_ARRAY;
		map->key_size = sizeof(uint32_t);
		map->value_size = (uint32_t)section->size;
		map->max_entries = 1;
		map->section = i;
		map->data = section->data;
		for (char *at = map->name; *at; at++)
			if (*at == '.')
				*at = '_'; /* the kernel takes letters, digits and '_', and '.' of newer kernels */
	}
	return true;
}

/* Finds the license, by which the kernel decides about the functions that the program may call. */
static bool license_find(struct bpf_object *object, char *error, size_t error_size)
{
	const struct bpf_section *const section = bpf_elf_find(&object->elf, "license");

	if (!section || !section->data || !memchr(section->data, 0, section->size)) {
		snprintf(error, error_size, "it has no license: TUX_MODULE() defines it");
		return false;
	}
	object->license = (const char *)section->data;
	return true;
}

static bool object_parse(struct bpf_object *object, const char *path, char *error, size_t error_size)
{
	const struct bpf_section *btf;

	if (!read_whole(object, path, error, error_size) || !bpf_elf_open(&object->elf, object->file, object->len, error, error_size))
		return false;
	btf = bpf_elf_find(&object->elf, ".BTF");
	if (!btf || !btf->data) {
		snprintf(error, error_size, "it has no BTF: clang writes it with -g");
		return false;
	}
	return btf_types_open(&object->types, btf->data, btf->size, NULL, error, error_size) && maps_define(object, error, error_size) &&
	       variables_define(object, error, error_size) && license_find(object, error, error_size) && bpf_object_link(object, error, error_size);
}

bool bpf_object_open(struct bpf_object *object, const char *path, char *error, size_t error_size)
{
	memset(object, 0, sizeof(*object));
	if (object_parse(object, path, error, error_size))
		return true;
	bpf_object_close(object);
	return false;
}

void bpf_object_close(struct bpf_object *object)
{
	free(object->line);
	free(object->function);
	free(object->reference);
	free(object->insn);
	btf_types_close(&object->types);
	bpf_elf_close(&object->elf);
	free(object->file);
	memset(object, 0, sizeof(*object));
}

const struct bpf_line_info *bpf_object_line(const struct bpf_object *object, uint32_t insn)
{
	const struct bpf_line_info *found = NULL;

	for (uint32_t i = 0; i < object->line_count && object->line[i].insn_off <= insn; i++)
		found = &object->line[i];
	return found;
}
