/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "upstream.h"

#include <string.h>

#include "../settings/upstreams.h"

static int find(struct reading *reading, const char *name, const char *at)
{
	char error[CONFIG_ERROR_MAX] = "";
	const int number = tux_upstreams_find(&reading->command->upstreams, name, error, sizeof(error));

	if (number >= 0 && *error)
		reading_warn(reading, at, "%s; its requests are 502 until it is", error);
	if (number < 0)
		reading_wrong(reading, at, "%s", error);
	else if (!reading->upstream_at[number])
		reading->upstream_at[number] = at;
	return number;
}

int upstream_named(struct reading *reading, const ucl_object_t *key)
{
	const char *const name = reading_text(reading, key, key->key);

	return name ? find(reading, name, key->key) : -1;
}

/* Applies one value of an upstream's key. */
static void value_apply(struct reading *reading, unsigned number, const char *key, const ucl_object_t *value, const char *at)
{
	const enum ucl_type type = ucl_object_type(value);
	char error[CONFIG_ERROR_MAX] = "";
	const char *text = NULL;
	bool set = true;

	if (tux_upstreams_is_switch(key)) {
		if (type != UCL_BOOLEAN) {
			reading_wrong(reading, at, "%s is on or off", key);
			return;
		}
		set = ucl_object_toboolean(value);
	} else if (type == UCL_OBJECT || type == UCL_ARRAY || type == UCL_NULL || type == UCL_USERDATA) {
		reading_wrong(reading, at, "%s needs a value", key);
		return;
	} else {
		text = reading_text(reading, value, at);
		set = text != NULL;
	}
	if (set && !tux_upstreams_set(&reading->command->upstreams, number, key, text, error, sizeof(error)))
		reading_wrong(reading, at, "%s", error);
	else if (*error)
		reading_warn(reading, at, "%s; its requests are 502 until it is", error);
}

/* Applies upstream NAME { }. */
static void upstream_apply(struct reading *reading, const ucl_object_t *upstream)
{
	const ucl_object_t *key, *value, *element;
	ucl_object_iter_t each = NULL;
	char name[64];
	int number;

	if (ucl_object_type(upstream) != UCL_OBJECT) {
		reading_wrong(reading, upstream->key, "upstream needs a name, and { } with its servers");
		return;
	}
	number = find(reading, reading_keep(reading, upstream->key, upstream->keylen), upstream->key);
	while (number >= 0 && (key = ucl_object_iterate(upstream, &each, true))) {
		snprintf(name, sizeof(name), "%.*s", (int)key->keylen, key->key);
		if (!reading_known(reading, key, "an upstream", tux_upstream_keys))
			continue;
		if (key->next && strcmp(name, "server") != 0) {
			reading_wrong(reading, key->next->key, "%s is said a second time; it takes one value", name);
			continue;
		}
		for (value = key; value; value = value->next) {
			ucl_object_iter_t all = NULL;

			if (ucl_object_type(value) != UCL_ARRAY || strcmp(name, "server") != 0)
				value_apply(reading, (unsigned)number, name, value, value->key);
			else
				while ((element = ucl_object_iterate(value, &all, true)))
					value_apply(reading, (unsigned)number, name, element, value->key);
		}
	}
}

void upstreams_apply(struct reading *reading, const ucl_object_t *first)
{
	reading_blocks(reading, first, "upstream needs a name, and { } with its servers", upstream_apply);
}

void upstreams_settle(struct reading *reading)
{
	const struct tux_upstream_table *table = &reading->command->upstreams;

	for (unsigned i = 0; i < table->count; i++)
		if (table->upstream[i].server_count == 0)
			reading_wrong(reading, reading->upstream_at[i], "upstream \"%s\" has no server", table->upstream[i].name);
}
