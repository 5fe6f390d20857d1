/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media types that a configuration sets: a table that is searched linearly when a file is opened. */
#include "media_types.h"

#include "octet.h"

/*@ assigns \nothing;
  @ ensures \result <==> media_type_inside(type, text_len);
  @*/
static bool is_inside(struct tux_media_type_text type, uint32_t text_len)
{
	return type.len <= TUX_MAX_MEDIA_TYPE && (uint32_t)type.off + type.len <= text_len;
}

bool tux_media_types_valid(const struct tux_media_types *types)
{
	if (types->count > TUX_MAX_MEDIA_TYPES || types->text_len > TUX_MAX_MEDIA_TYPE_TEXT ||
	    !is_inside(types->every, types->text_len) || !is_inside(types->fallback, types->text_len))
		return false;
	/*@ loop invariant i <= types->count;
	  @ loop invariant \forall integer k; 0 <= k < i ==> media_type_inside(types->of[k].type, types->text_len);
	  @ loop assigns i;
	  @ loop variant types->count - i; */
	for (uint32_t i = 0; i < types->count; i++)
		if (!is_inside(types->of[i].type, types->text_len))
			return false;
	/*@ loop invariant i <= types->text_len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> 0x20 <= types->text[k] <= 0x7e;
	  @ loop assigns i;
	  @ loop variant types->text_len - i; */
	for (uint32_t i = 0; i < types->text_len; i++)
		if (types->text[i] < 0x20 || types->text[i] > 0x7e)
			return false;
	return true;
}

/* True if an entry is for the len bytes at extension, in any case. */
/*@ requires \valid_read(of) && \valid_read(extension + (0 .. len - 1)) && len <= TUX_MAX_MEDIA_TYPE_EXTENSION;
  @ assigns \nothing;
  @*/
static bool is_of(const struct tux_media_type_of *of, const uint8_t *extension, uint32_t len)
{
	/*@ loop invariant i <= len;
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++)
		if (of->extension[i] != octet_lower(extension[i]))
			return false;
	return of->extension[len] == 0;
}

/* Returns where the last extension of the last segment begins, its dot not included; len if the segment has no dot. */
/*@ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= len;
  @*/
static uint32_t extension_of(const uint8_t *name, uint32_t len)
{
	uint32_t at = len;

	/*@ loop invariant at <= len;
	  @ loop assigns at;
	  @ loop variant at; */
	while (at > 0 && name[at - 1] != '/') {
		if (name[at - 1] == '.')
			return at;
		at--;
	}
	return len;
}

/* Returns the media type that the table has for an extension, of len 0 if it has none. */
/*@ requires media_types_readable(types) && media_types_inside(types) && \valid_read(extension + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures media_type_inside(\result, types->text_len);
  @*/
static struct tux_media_type_text find(const struct tux_media_types *types, const uint8_t *extension, uint32_t len)
{
	const struct tux_media_type_text none = { 0, 0 };

	if (len == 0 || len > TUX_MAX_MEDIA_TYPE_EXTENSION)
		return none;
	/*@ loop invariant i <= types->count;
	  @ loop assigns i;
	  @ loop variant types->count - i; */
	for (uint32_t i = 0; i < types->count; i++)
		if (is_of(&types->of[i], extension, len))
			return types->of[i].type;
	return none;
}

/*@ requires media_types_readable(types) && media_type_inside(type, types->text_len);
  @ assigns \nothing;
  @ ensures \result.coding == TUX_CODING_IDENTITY;
  @*/
static struct tux_media media_of(const struct tux_media_types *types, struct tux_media_type_text type)
{
	struct tux_media media = { { types->text + type.off, type.len }, TUX_CODING_IDENTITY };

	return media;
}

struct tux_media tux_media_types_find(const struct tux_media_types *types, const uint8_t *name, uint32_t len)
{
	const uint32_t off = extension_of(name, len);
	const struct tux_media_type_text set = find(types, name + off, len - off);
	struct tux_media media = { { NULL, 0 }, TUX_CODING_IDENTITY };

	if (types->every.len > 0)
		return media_of(types, types->every);
	if (set.len > 0)
		return media_of(types, set);
	if (types->fallback.len > 0 && !tux_media_type_known(name, len))
		return media_of(types, types->fallback);
	media.type = tux_media_type(name, len);
	if (len - off == 4 && octet_lower(name[off]) == 's' && octet_lower(name[off + 1]) == 'v' && octet_lower(name[off + 2]) == 'g' &&
	    octet_lower(name[off + 3]) == 'z')
		media.coding = TUX_CODING_GZIP;
	return media;
}
