/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "types.h"

/* Adds one extension of a media type. */
static void extension_apply(struct reading *reading, struct tux_media_type_settings *settings, const char *type, const ucl_object_t *value,
                            const char *at)
{
	char error[CONFIG_ERROR_MAX];
	const char *extension;

	if (ucl_object_type(value) != UCL_STRING && ucl_object_type(value) != UCL_INT) {
		reading_wrong(reading, at, "\"%s\" needs extensions: \"%s\" = [ext]", type, type);
		return;
	}
	extension = reading_text(reading, value, at);
	if (extension && !tux_media_type_add(settings, type, extension, error, sizeof(error)))
		reading_wrong(reading, at, "%s", error);
}

void media_types_apply(struct reading *reading, struct tux_media_type_settings *settings, const ucl_object_t *block)
{
	ucl_object_iter_t each = NULL;
	const ucl_object_t *key, *value, *element;

	if (ucl_object_type(block) != UCL_OBJECT) {
		reading_wrong(reading, block->key, "types needs { } with media types and their extensions: types { \"application/wasm\" = [wasm] }");
		return;
	}
	while ((key = ucl_object_iterate(block, &each, true)))
		for (value = key; value; value = value->next) {
			const char *const type = reading_keep(reading, value->key, value->keylen);
			ucl_object_iter_t all = NULL;

			if (ucl_object_type(value) != UCL_ARRAY)
				extension_apply(reading, settings, type, value, value->key);
			else
				while ((element = ucl_object_iterate(value, &all, true)))
					extension_apply(reading, settings, type, element, value->key);
		}
}

void media_type_apply(struct reading *reading, const char **type, const ucl_object_t *first)
{
	if (first->next) {
		reading_wrong(reading, first->next->key, "duplicate key \"%.*s\"", (int)first->keylen, first->key);
		return;
	}
	*type = ucl_object_type(first) == UCL_STRING ? reading_text(reading, first, first->key) : NULL;
	if (!*type || !tux_media_type_good(*type))
		reading_wrong(reading, first->key, "%.*s needs a media type of at most %d bytes, such as \"text/plain; charset=utf-8\"",
		              (int)first->keylen, first->key, TUX_MAX_MEDIA_TYPE);
}
