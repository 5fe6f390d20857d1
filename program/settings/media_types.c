/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "media_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"

bool tux_media_type_good(const char *text)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const size_t type_len = strspn(text, token);
	const size_t subtype_len = text[type_len] == '/' ? strspn(text + type_len + 1, token) : 0;
	const char *const rest = text + type_len + 1 + subtype_len;

	return type_len > 0 && subtype_len > 0 && (*rest == '\0' || *rest == ';' || *rest == ' ') && !strchr(text, '\t') &&
	       tux_field_value_good(text) && strlen(text) <= TUX_MAX_MEDIA_TYPE;
}

/* Writes an extension in lower case, followed by zeros. Returns false if it is none. */
static bool extension_read(const char *text, uint8_t extension[TUX_MAX_MEDIA_TYPE_EXTENSION + 1])
{
	size_t len, i;

	memset(extension, 0, TUX_MAX_MEDIA_TYPE_EXTENSION + 1);
	text += *text == '.';
	len = strlen(text);
	if (len == 0 || len > TUX_MAX_MEDIA_TYPE_EXTENSION)
		return false;
	for (i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '.' || text[i] == '/')
			return false;
		extension[i] = (uint8_t)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 0x20 : text[i]);
	}
	return true;
}

bool tux_media_type_add(struct tux_media_type_settings *settings, const char *type, const char *extension, char *error, size_t error_size)
{
	struct tux_media_type_setting one = { .type = type };
	struct tux_media_type_setting *setting;
	unsigned i;

	if (!tux_media_type_good(type)) {
		snprintf(error, error_size, "\"%.*s\" is not a media type of at most %d bytes, such as \"application/wasm\"",
		         (int)strcspn(type, "\r\n"), type, TUX_MAX_MEDIA_TYPE);
		return false;
	}
	if (!extension_read(extension, one.extension)) {
		snprintf(error, error_size, "\"%.*s\" is not a file name extension of at most %d bytes, such as wasm",
		         (int)strcspn(extension, "\r\n"), extension, TUX_MAX_MEDIA_TYPE_EXTENSION);
		return false;
	}
	for (i = 0; i < settings->count; i++)
		if (memcmp(settings->setting[i].extension, one.extension, sizeof(one.extension)) == 0) {
			snprintf(error, error_size, "extension \"%s\" has the type \"%s\" already", (const char *)one.extension, settings->setting[i].type);
			return false;
		}
	setting = settings->count < TUX_MAX_MEDIA_TYPES ? realloc(settings->setting, (settings->count + 1) * sizeof(*setting)) : NULL;
	if (!setting) {
		snprintf(error, error_size, "more than %d extensions, or out of memory", TUX_MAX_MEDIA_TYPES);
		return false;
	}
	settings->setting = setting;
	setting[settings->count++] = one;
	return true;
}

void tux_media_type_settings_free(struct tux_media_type_settings *settings)
{
	free(settings->setting);
	*settings = (struct tux_media_type_settings){ 0 };
}

bool tux_media_type_settings_any(const struct tux_media_type_settings *settings)
{
	return settings->count > 0 || settings->every || settings->fallback;
}

/* Appends a media type to the text of a table, once. Returns false if the text is full; room for all types is there. */
static bool text_add(struct tux_media_types *types, char *text, const char *type, struct tux_media_type_text *place)
{
	const size_t len = strlen(type);
	uint32_t i;

	for (i = 0; i < types->count; i++) /* a type of many extensions stands in the text once */
		if (types->of[i].type.len == len && memcmp(text + types->of[i].type.off, type, len) == 0) {
			*place = types->of[i].type;
			return true;
		}
	if (types->text_len + len > TUX_MAX_MEDIA_TYPE_TEXT)
		return false;
	memcpy(text + types->text_len, type, len);
	*place = (struct tux_media_type_text){ (uint16_t)types->text_len, (uint16_t)len };
	types->text_len += (uint32_t)len;
	return true;
}

static bool is_set(const struct tux_media_types *types, const uint8_t *extension)
{
	uint32_t i = 0;

	while (i < types->count && memcmp(types->of[i].extension, extension, sizeof(types->of[i].extension)) != 0)
		i++;
	return i < types->count;
}

/* Appends what a list sets and the lists before it do not. Returns false if a limit is exceeded. */
static bool list_add(struct tux_media_types *types, struct tux_media_type_of *of, char *text, const struct tux_media_type_settings *list)
{
	unsigned i;

	for (i = 0; i < list->count; i++) {
		const struct tux_media_type_setting *setting = &list->setting[i];
		struct tux_media_type_of one = { .type = { 0, 0 } };

		if (is_set(types, setting->extension))
			continue;
		memcpy(one.extension, setting->extension, sizeof(one.extension));
		if (types->count == TUX_MAX_MEDIA_TYPES || !text_add(types, text, setting->type, &one.type))
			return false;
		of[types->count++] = one;
	}
	if (list->every && types->every.len == 0 && !text_add(types, text, list->every, &types->every))
		return false;
	return !list->fallback || types->fallback.len > 0 || text_add(types, text, list->fallback, &types->fallback);
}

static size_t text_len(const char *type)
{
	return type ? strlen(type) : 0;
}

/* Adds the room that a list may need in a table: there may be one table for each of many hosts. */
static void room_add(const struct tux_media_type_settings *list, size_t *count, size_t *bytes)
{
	unsigned i;

	*count += list->count;
	*bytes += text_len(list->every) + text_len(list->fallback);
	for (i = 0; i < list->count; i++)
		*bytes += text_len(list->setting[i].type);
}

struct tux_media_types *tux_media_types_make(const struct tux_media_type_settings *const *lists, unsigned count, char *error,
                                             size_t error_size)
{
	struct tux_media_types *const types = calloc(1, sizeof(*types));
	size_t of_room = 1, text_room = 1;
	struct tux_media_type_of *of;
	char *text;
	unsigned i;

	for (i = 0; i < count; i++)
		room_add(lists[i], &of_room, &text_room);
	of = calloc(of_room, sizeof(*of));
	text = malloc(text_room);
	if (!types || !of || !text) {
		snprintf(error, error_size, "out of memory for media types");
		goto out_free;
	}
	types->of = of;
	types->text = text;
	for (i = 0; i < count; i++)
		if (!list_add(types, of, text, lists[i])) {
			snprintf(error, error_size, "more than %d extensions with media types, or more than %d bytes of them", TUX_MAX_MEDIA_TYPES,
			         TUX_MAX_MEDIA_TYPE_TEXT);
			goto out_free;
		}
	return types;
out_free:
	free(text);
	free(of);
	free(types);
	return NULL;
}

void tux_media_types_free(const struct tux_media_types *types)
{
	if (!types)
		return;
	free((void *)types->of);
	free((void *)types->text);
	free((void *)types);
}
