/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "btf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_BTF = 1 << 28,      /* bytes */
	MAX_RESOLVE = 32,       /* typedefs and qualifiers of one type */
	MAX_SIZE = 1 << 20,     /* bytes of a type */
	KIND_DECL_TAG = 17,
	KIND_TYPE_TAG = 18,
	KIND_ENUM64 = 19,
	FUNC_IS_EXTERN = 2,
};

/* Returns the bytes of a type after its struct btf_type; -1: an unknown kind. */
static int64_t tail_bytes(const struct btf_type *type)
{
	const int64_t count = BTF_INFO_VLEN(type->info);

	switch (btf_kind_of(type)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case KIND_DECL_TAG:
		return 4;
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case KIND_TYPE_TAG:
		return 0;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case KIND_ENUM64:
		return count * 12;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return count * 8;
	default:
		return -1;
	}
}

/* Notes where each type begins. Returns false if a type is not whole or unknown, or if out of memory. */
static bool index_types(struct btf_types *types)
{
	uint32_t at = 0, room = 0;

	while (types->len - at >= sizeof(struct btf_type)) {
		const int64_t tail = tail_bytes((const struct btf_type *)(const void *)(types->data + at));

		if (tail < 0 || (uint64_t)tail > types->len - at - sizeof(struct btf_type))
			return false;
		if (types->count == room) {
			uint32_t *const off = realloc(types->off, (room = room * 2 + 64) * sizeof(*off));

			if (!off)
				return false;
			types->off = off;
		}
		types->off[types->count++] = at;
		at += (uint32_t)sizeof(struct btf_type) + (uint32_t)tail;
	}
	return at == types->len;
}

bool btf_types_open(struct btf_types *types, const uint8_t *data, size_t len, const struct btf_types *base, char *error, size_t error_size)
{
	struct btf_header head;

	*types = (struct btf_types){ .base = base, .first = base ? base->first + base->count : 1 };
	if (len >= sizeof(head))
		memcpy(&head, data, sizeof(head));
	if (len < sizeof(head) || len > MAX_BTF || head.magic != BTF_MAGIC || head.hdr_len < sizeof(head) || head.hdr_len > len ||
	    head.type_off > len - head.hdr_len || head.type_len > len - head.hdr_len - head.type_off || head.str_off > len - head.hdr_len ||
	    head.str_len > len - head.hdr_len - head.str_off || ((uintptr_t)data + head.hdr_len + head.type_off) % 4 != 0 || head.str_len == 0 ||
	    data[head.hdr_len + head.str_off + head.str_len - 1] != 0) {
		snprintf(error, error_size, "its BTF is damaged");
		return false;
	}
	types->data = data + head.hdr_len + head.type_off;
	types->len = head.type_len;
	types->text = (const char *)data + head.hdr_len + head.str_off;
	types->text_len = head.str_len;
	if (index_types(types))
		return true;
	snprintf(error, error_size, "its BTF is damaged, or has types that this version of TUX does not know");
	return false;
}

void btf_types_close(struct btf_types *types)
{
	free(types->off);
	*types = (struct btf_types){ 0 };
}

const char *btf_text(const struct btf_types *types, uint32_t off)
{
	const uint32_t below = types->base ? types->base->text_len : 0;

	if (off < below)
		return types->base->text + off;
	return off - below < types->text_len ? types->text + (off - below) : "";
}

const struct btf_type *btf_type_at(const struct btf_types *types, uint32_t number)
{
	if (number < types->first && types->base)
		types = types->base;
	if (number < types->first || number - types->first >= types->count)
		return NULL;
	return (const struct btf_type *)(const void *)(types->data + types->off[number - types->first]);
}

uint32_t btf_find(const struct btf_types *types, unsigned kind, const char *name)
{
	for (uint32_t i = 0; i < types->count; i++) {
		const struct btf_type *const type = btf_type_at(types, types->first + i);

		if (btf_kind_of(type) == kind && strcmp(btf_text(types, type->name_off), name) == 0)
			return types->first + i;
	}
	return 0;
}

bool btf_part_at(const struct btf_types *types, const struct btf_type *type, uint32_t index, struct btf_part *part)
{
	const unsigned kind = btf_kind_of(type);

	*part = (struct btf_part){ .name = "" };
	if (index >= BTF_INFO_VLEN(type->info))
		return false;
	if (kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION) {
		const struct btf_member *const member = (const struct btf_member *)(type + 1) + index;

		*part = (struct btf_part){ btf_text(types, member->name_off), member->type,
			                   BTF_INFO_KFLAG(type->info) ? BTF_MEMBER_BIT_OFFSET(member->offset) : member->offset };
		return true;
	}
	if (kind == BTF_KIND_DATASEC) {
		const struct btf_var_secinfo *const variable = (const struct btf_var_secinfo *)(type + 1) + index;

		*part = (struct btf_part){ "", variable->type, variable->offset };
		return true;
	}
	return false;
}

uint32_t btf_resolve(const struct btf_types *types, uint32_t number)
{
	for (unsigned i = 0; i < MAX_RESOLVE; i++) {
		const struct btf_type *const type = btf_type_at(types, number);

		if (!type)
			return 0;
		switch (btf_kind_of(type)) {
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_CONST:
		case BTF_KIND_RESTRICT:
		case KIND_TYPE_TAG:
			number = type->type;
			break;
		default:
			return number;
		}
	}
	return 0;
}

uint32_t btf_size(const struct btf_types *types, uint32_t number)
{
	uint64_t count = 1;

	for (unsigned i = 0; i < MAX_RESOLVE; i++) {
		const struct btf_type *const type = btf_type_at(types, btf_resolve(types, number));
		const struct btf_array *array;

		if (!type)
			return 0;
		switch (btf_kind_of(type)) {
		case BTF_KIND_PTR:
			return count <= MAX_SIZE / 8 ? (uint32_t)count * 8 : 0;
		case BTF_KIND_INT:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_ENUM:
		case KIND_ENUM64:
		case BTF_KIND_FLOAT:
			return type->size > 0 && count <= MAX_SIZE / type->size ? (uint32_t)count * type->size : 0;
		case BTF_KIND_ARRAY:
			array = (const struct btf_array *)(type + 1);
			count *= array->nelems;
			if (count == 0 || count > MAX_SIZE)
				return 0;
			number = array->type;
			break;
		default:
			return 0;
		}
	}
	return 0;
}

uint8_t *btf_for_kernel(const struct btf_types *types, size_t *len)
{
	struct btf_header head = { .magic = BTF_MAGIC, .version = 1, .hdr_len = sizeof(head), .str_len = types->text_len };
	uint8_t *const copy = malloc(sizeof(head) + types->len + 4 * (size_t)types->count + types->text_len); /* functions of other places grow by 4 */
	uint8_t *to = copy ? copy + sizeof(head) : NULL;

	*len = 0;
	if (!copy)
		return NULL;
	for (uint32_t i = 0; i < types->count; i++) {
		const struct btf_type *const type = btf_type_at(types, types->first + i);
		const unsigned kind = btf_kind_of(type);
		const uint32_t plain = 8; /* an integer of 8 bits */
		struct btf_type one = *type;
		size_t tail = (size_t)tail_bytes(type);

		if (kind == BTF_KIND_VAR || (kind == BTF_KIND_FUNC && BTF_INFO_VLEN(type->info) == FUNC_IS_EXTERN)) {
			one.info = (uint32_t)BTF_KIND_INT << 24;
			one.size = 1;
			memcpy(to, &one, sizeof(one));
			memcpy(to + sizeof(one), &plain, sizeof(plain));
			to += sizeof(one) + sizeof(plain);
			continue;
		}
		if (kind == BTF_KIND_DATASEC) {
			one = (struct btf_type){ .info = (uint32_t)BTF_KIND_STRUCT << 24 };
			tail = 0;
		}
		memcpy(to, &one, sizeof(one));
		memcpy(to + sizeof(one), type + 1, tail);
		to += sizeof(one) + tail;
	}
	head.type_len = head.str_off = (uint32_t)(to - copy - (ptrdiff_t)sizeof(head));
	memcpy(copy, &head, sizeof(head));
	memcpy(to, types->text, types->text_len);
	*len = sizeof(head) + head.type_len + types->text_len;
	return copy;
}
