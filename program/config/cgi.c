/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgi.h"

#include <string.h>

/* Returns the number of the CGI kind with this name; -1 after an error message. */
static int find(struct reading *reading, const char *name, const char *at)
{
	char error[CONFIG_ERROR_MAX];
	const int number = name ? tux_cgis_find(&reading->settings->cgis, name, error, sizeof(error)) : -1;

	if (name && number < 0)
		reading_wrong(reading, at, "%s", error);
	else if (name && !reading->cgi_at[number])
		reading->cgi_at[number] = at;
	return number;
}

int cgi_named(struct reading *reading, const ucl_object_t *key)
{
	int number = -1;

	if (ucl_object_type(key) == UCL_STRING)
		number = find(reading, reading_text(reading, key, key->key), key->key);
	else
		reading_wrong(reading, key->key, "cgi needs the name of a cgi");
	if (number == TUX_CGI_OF_FILES)
		reading_wrong(reading, key->key, "cgi files is for files that are programs; a route needs another");
	return number;
}

/* Applies one value of a cgi's key, with front prepended. */
static void value_apply(struct reading *reading, unsigned number, const struct tux_option *option, const char *front, const ucl_object_t *value,
                            const char *at)
{
	const enum ucl_type type = ucl_object_type(value);
	const char *text = NULL;
	char error[CONFIG_ERROR_MAX], expected[TUX_OPTION_EXPECTED];

	if (type == UCL_OBJECT || type == UCL_ARRAY || type == UCL_NULL || type == UCL_USERDATA) {
		tux_option_expects(option, expected);
		reading_wrong(reading, at, "%s needs a value: %s", option->name, expected);
	} else {
		text = reading_text(reading, value, at);
	}
	if (text && *front)
		text = reading_join(reading, front, text);
	if (text && !tux_cgis_set(&reading->settings->cgis, number, option, text, error, sizeof(error)))
		reading_wrong(reading, at, "%s", error);
}

/* Applies env { NAME = value }. */
static void variables_apply(struct reading *reading, unsigned number, const struct tux_option *option, const ucl_object_t *variables)
{
	ucl_object_iter_t each = NULL;
	const ucl_object_t *one;
	char front[256];

	while ((one = ucl_object_iterate(variables, &each, true))) {
		snprintf(front, sizeof(front), "%.*s=", (int)one->keylen, one->key);
		if (one->next)
			reading_wrong(reading, one->next->key, "%.*s is said a second time; it takes one value", (int)one->keylen, one->key);
		else if (one->keylen + 2 > sizeof(front))
			reading_wrong(reading, one->key, "the name of a variable is longer than %zu bytes", sizeof(front) - 2);
		else
			value_apply(reading, number, option, front, one, one->key);
	}
}

static void key_apply(struct reading *reading, unsigned number, const ucl_object_t *first)
{
	const struct tux_option *const option = reading_option(reading, first, "a cgi", TUX_SCOPE_CGI);
	const ucl_object_t *value, *element;
	char error[CONFIG_ERROR_MAX];

	if (!option)
		return;
	if (!option->value) {
		if (first->next || ucl_object_type(first) != UCL_BOOLEAN)
			reading_wrong(reading, first->key, "%s is on or off, once", option->name);
		else if (!tux_cgis_set(&reading->settings->cgis, number, option, ucl_object_toboolean(first) ? NULL : "off", error, sizeof(error)))
			reading_wrong(reading, first->key, "%s", error);
	} else if (option->list || reading_once(reading, first)) {
		for (value = first; value; value = value->next) {
			ucl_object_iter_t each = NULL;

			if (strcmp(option->name, "env") == 0 && ucl_object_type(value) == UCL_OBJECT)
				variables_apply(reading, number, option, value);
			else if (option->list && ucl_object_type(value) == UCL_ARRAY)
				while ((element = ucl_object_iterate(value, &each, true)))
					value_apply(reading, number, option, "", element, value->key);
			else
				value_apply(reading, number, option, "", value, value->key);
		}
	}
}

static void cgi_apply(struct reading *reading, const ucl_object_t *cgi)
{
	struct tux_cgis *const cgis = &reading->settings->cgis;
	const char *const name = reading_keep(reading, cgi->key, cgi->keylen);
	const int number = find(reading, name, cgi->key);
	ucl_object_iter_t each = NULL;
	const ucl_object_t *key;
	char error[CONFIG_ERROR_MAX];

	if (number < 0)
		return;
	if (cgis->said[number]) {
		reading_wrong(reading, cgi->key, "cgi %s is said a second time", name);
		return;
	}
	cgis->said[number] = true;
	if (ucl_object_type(cgi) != UCL_OBJECT) {
		reading_wrong(reading, cgi->key, "cgi %s needs { } with what its programs are", name);
		return;
	}
	while ((key = ucl_object_iterate(cgi, &each, true)))
		key_apply(reading, (unsigned)number, key);
	if (!tux_cgis_complete(cgis, (unsigned)number, error, sizeof(error)))
		reading_wrong(reading, cgi->key, "%s", error);
}

/* Applies cgi NAME { }, one for each kind of CGI programs. */
void cgis_apply(struct reading *reading, const ucl_object_t *first)
{
	reading_blocks(reading, first, "cgi needs a name, and { } with what its programs are", cgi_apply);
}

void cgis_settle(struct reading *reading)
{
	const struct tux_cgis *const cgis = &reading->settings->cgis;
	unsigned i;

	for (i = 0; i < cgis->count; i++)
		if (!cgis->said[i])
			reading_wrong(reading, reading->cgi_at[i], "there is no cgi %s", cgis->cgi[i].name);
}
