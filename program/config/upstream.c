/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "upstream.h"

#include "../settings/upstreams.h"

static int find(struct reading *reading, const char *name, const char *at)
{
	char error[CONFIG_ERROR_MAX] = "";
	const int number = tux_upstreams_find(&reading->settings->upstreams, name, error, sizeof(error));

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
static void value_apply(struct reading *reading, unsigned number, const struct tux_option *option, const ucl_object_t *value, const char *at)
{
	const enum ucl_type type = ucl_object_type(value);
	char error[CONFIG_ERROR_MAX] = "";
	const char *text = NULL;

	if (!option->value) {
		if (type != UCL_BOOLEAN) {
			reading_wrong(reading, at, "%s is on or off", option->name);
			return;
		}
		text = ucl_object_toboolean(value) ? NULL : "off";
	} else if (type == UCL_OBJECT || type == UCL_ARRAY || type == UCL_NULL || type == UCL_USERDATA) {
		reading_wrong(reading, at, "%s needs a value", option->name);
		return;
	} else {
		text = reading_text(reading, value, at);
		if (!text)
			return;
	}
	if (!tux_upstreams_set(&reading->settings->upstreams, number, option, text, error, sizeof(error)))
		reading_wrong(reading, at, "%s", error);
	else if (*error)
		reading_warn(reading, at, "%s; its requests are 502 until it is", error);
}

/* Applies upstream NAME { }. */
static void upstream_apply(struct reading *reading, const ucl_object_t *upstream)
{
	const ucl_object_t *key, *value, *element;
	ucl_object_iter_t each = NULL;
	int number;

	if (ucl_object_type(upstream) != UCL_OBJECT) {
		reading_wrong(reading, upstream->key, "upstream needs a name, and { } with its servers");
		return;
	}
	number = find(reading, reading_keep(reading, upstream->key, upstream->keylen), upstream->key);
	if (number >= 0)
		reading->settings->upstreams.upstream[number].files.line = reading_line(reading, upstream->key);
	while (number >= 0 && (key = ucl_object_iterate(upstream, &each, true))) {
		const struct tux_option *const option = reading_option(reading, key, "an upstream", TUX_SCOPE_UPSTREAM);

		if (!option || (!option->list && !reading_once(reading, key)))
			continue;
		for (value = key; value; value = value->next) {
			ucl_object_iter_t all = NULL;

			if (ucl_object_type(value) != UCL_ARRAY || !option->list)
				value_apply(reading, (unsigned)number, option, value, value->key);
			else
				while ((element = ucl_object_iterate(value, &all, true)))
					value_apply(reading, (unsigned)number, option, element, value->key);
		}
	}
}

void upstreams_apply(struct reading *reading, const ucl_object_t *first)
{
	reading_blocks(reading, first, "upstream needs a name, and { } with its servers", upstream_apply);
}

void upstreams_settle(struct reading *reading)
{
	const struct tux_upstream_table *table = &reading->settings->upstreams;

	for (unsigned i = 0; i < table->count; i++)
		if (table->upstream[i].server_count == 0)
			reading_wrong(reading, reading->upstream_at[i], "upstream \"%s\" has no server", table->upstream[i].name);
}
