/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_reply.h"

#include "octet.h"

/* True if the octets from off on spell the name, in any case. Most clients write names like modules, so equal octets are the first look. */
/*@ requires off + name.len <= 0xffffffff && \valid_read(buf + (off .. off + name.len - 1)) && octets_readable(name);
  @ assigns \nothing;
  @*/
static bool has_name(const uint8_t *buf, uint32_t off, struct tux_octets name)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= name.len;
	  @ loop assigns i;
	  @ loop variant name.len - i; */
	while (i < name.len && (buf[off + i] == name.at[i] || octet_lower(buf[off + i]) == octet_lower(name.at[i])))
		i++;
	return i == name.len;
}

uint32_t tux_module_field(const uint8_t *buf, const struct tux_field_lines *fields, struct tux_octets name)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= fields->count;
	  @ loop assigns i;
	  @ loop variant fields->count - i; */
	for (i = 0; i < fields->count; i++)
		if (fields->line[i].name.len == name.len && has_name(buf, fields->line[i].name.off, name))
			return i;
	return fields->count;
}

/*@ requires octets_readable(name) && name.len <= 10;
  @ assigns \nothing;
  @ ensures \result <= TUX_REPLY_FIELD_LIST_OF_FILE;
  @*/
static uint8_t kind_up_to_10(struct tux_octets name)
{
	switch (name.len) {
	case 4:
		if (octet_spells(name.at, "date", 4))
			return TUX_REPLY_FIELD_ALWAYS;
		return octet_spells(name.at, "etag", 4) ? TUX_REPLY_FIELD_ETAG : 0;
	case 6:
		return octet_spells(name.at, "server", 6) ? TUX_REPLY_FIELD_ALWAYS : 0;
	case 7:
		return octet_spells(name.at, "trailer", 7) || octet_spells(name.at, "upgrade", 7) ? TUX_REPLY_FIELD_ALWAYS : 0;
	case 8:
		return octet_spells(name.at, "location", 8) ? TUX_REPLY_FIELD_LOCATION : 0;
	case 10:
		return octet_spells(name.at, "connection", 10) || octet_spells(name.at, "keep-alive", 10) ? TUX_REPLY_FIELD_ALWAYS : 0;
	default:
		return 0;
	}
}

/*@ requires octets_readable(name) && name.len > 10;
  @ assigns \nothing;
  @ ensures \result <= TUX_REPLY_FIELD_LIST_OF_FILE;
  @*/
static uint8_t kind_from_11(struct tux_octets name)
{
	switch (name.len) {
	case 12:
		return octet_spells(name.at, "content-type", 12) ? TUX_REPLY_FIELD_ALWAYS : 0;
	case 13:
		if (octet_spells(name.at, "last-modified", 13))
			return TUX_REPLY_FIELD_LAST_MODIFIED;
		if (octet_spells(name.at, "content-range", 13))
			return TUX_REPLY_FIELD_CONTENT_RANGE;
		return octet_spells(name.at, "accept-ranges", 13) ? TUX_REPLY_FIELD_LIST_OF_FILE : 0;
	case 14:
		return octet_spells(name.at, "content-length", 14) ? TUX_REPLY_FIELD_ALWAYS : 0;
	case 16:
		return octet_spells(name.at, "content-encoding", 16) ? TUX_REPLY_FIELD_LIST_OF_FILE : 0;
	case 17:
		return octet_spells(name.at, "transfer-encoding", 17) ? TUX_REPLY_FIELD_ALWAYS : 0;
	default:
		return 0;
	}
}

uint8_t tux_reply_field_kind(struct tux_octets name)
{
	return name.len <= 10 ? kind_up_to_10(name) : kind_from_11(name);
}

enum tux_reply_check tux_reply_field_check(struct tux_octets name, uint32_t value_len, uint32_t used, uint8_t added, uint8_t *kind)
{
	*kind = tux_reply_field_kind(name);
	if (*kind == TUX_REPLY_FIELD_ALWAYS || (*kind != TUX_REPLY_FIELD_LIST_OF_FILE && (*kind & added) != 0))
		return TUX_REPLY_INVALID;
	return (uint64_t)used + name.len + value_len + 4 <= TUX_MAX_FIELD_LINES ? TUX_REPLY_VALID : TUX_REPLY_LONG;
}

/* True if all octets lie from first to 0x7e. */
/*@ requires octets_readable(octets);
  @ assigns \nothing;
  @ ensures \result ==> \forall integer i; 0 <= i < octets.len ==> first <= octets.at[i] <= 0x7e;
  @*/
static bool is_visible(struct tux_octets octets, uint8_t first)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= octets.len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> first <= octets.at[k] <= 0x7e;
	  @ loop assigns i;
	  @ loop variant octets.len - i; */
	while (i < octets.len && octets.at[i] >= first && octets.at[i] <= 0x7e)
		i++;
	return i == octets.len;
}

bool tux_reply_head_valid(uint32_t status, struct tux_octets type)
{
	return status >= 200 && status <= 599 && type.len <= TUX_MAX_REPLY_TYPE && is_visible(type, 0x20);
}

bool tux_reply_redirect_valid(uint32_t status, struct tux_octets location)
{
	if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
		return false;
	return location.len > 0 && location.len <= TUX_MAX_REPLY_LOCATION && is_visible(location, 0x21);
}
