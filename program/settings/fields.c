/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Fields that TUX has to do with. The others are as they are said. */
struct known {
	const char *name;
	uint8_t omit;  /* enum tux_omission: it can be replaced; 0: it cannot */
	bool addition; /* TUX may say it too, and a second line of it is no contradiction */
};

static const struct known known[] = {
	{ "Server", TUX_OMIT_SERVER, false },
	{ "ETag", TUX_OMIT_ETAG, false },
	{ "Last-Modified", TUX_OMIT_LAST_MODIFIED, false },
	{ "Accept-Ranges", TUX_OMIT_ACCEPT_RANGES, false },
	{ "Vary", 0, true },
	{ "Allow", 0, false },
	{ "Connection", 0, false },
	{ "Content-Encoding", 0, false },
	{ "Content-Length", 0, false },
	{ "Content-Range", 0, false },
	{ "Content-Type", 0, false },
	{ "Date", 0, false },
	{ "Keep-Alive", 0, false },
	{ "Location", 0, false },
	{ "Proxy-Connection", 0, false },
	{ "TE", 0, false },
	{ "Trailer", 0, false },
	{ "Transfer-Encoding", 0, false },
	{ "Upgrade", 0, false },
};

static bool same_name(const char *name, size_t len, const char *other, size_t other_len)
{
	return len == other_len && strncasecmp(name, other, len) == 0;
}

static const struct known *known_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (same_name(name, len, known[i].name, strlen(known[i].name)))
			return &known[i];
	return NULL;
}

bool tux_field_value_good(const char *text)
{
	const size_t len = strlen(text);
	size_t i;

	for (i = 0; i < len; i++)
		if ((text[i] < ' ' && text[i] != '\t') || text[i] > '~')
			return false;
	return len > 0 && !strchr(" \t", text[0]) && !strchr(" \t", text[len - 1]);
}

bool tux_field_rules_add(struct tux_field_rules *rules, enum tux_field_rule_kind kind, const char *text, char *error,
                         size_t error_size)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct tux_field_rule one = { .kind = kind, .name = text, .name_len = strspn(text, token), .value = "" };
	const char *const behind = text + one.name_len;
	const struct known *field = known_find(text, one.name_len);
	struct tux_field_rule *rule;

	if (kind == TUX_FIELD_REMOVE) {
		if (one.name_len == 0 || *behind != '\0') {
			snprintf(error, error_size, "\"%.*s\" is not the name of a field", (int)strcspn(text, "\r\n"), text);
			return false;
		}
	} else {
		one.value = behind + (*behind == ':');
		one.value += strspn(one.value, " \t");
		if (one.name_len == 0 || *behind != ':' || !tux_field_value_good(one.value)) {
			snprintf(error, error_size, "\"%.*s\" is not \"Name: value\" in visible ASCII", (int)strcspn(text, "\r\n"), text);
			return false;
		}
	}
	if (field && (kind == TUX_FIELD_ADD ? !field->addition : field->omit == 0)) {
		snprintf(error, error_size, field->omit ? "TUX says %s itself: use set" : "TUX alone says %s", field->name);
		return false;
	}
	if (rules->count == TUX_MAX_FIELD_RULES) {
		snprintf(error, error_size, "there are more than %d rules about fields", TUX_MAX_FIELD_RULES);
		return false;
	}
	rule = realloc(rules->rule, (rules->count + 1) * sizeof(*rule));
	if (!rule) {
		snprintf(error, error_size, "no memory for a rule about fields");
		return false;
	}
	rules->rule = rule;
	rule[rules->count++] = one;
	return true;
}

void tux_field_rules_free(struct tux_field_rules *rules)
{
	free(rules->rule);
	*rules = (struct tux_field_rules){ 0 };
}

/* Rules that are in force: those that a later one takes the place of are left out. */
struct ruling {
	const struct tux_field_rule **rule;
	unsigned count;
};

static void rule_apply(struct ruling *ruling, const struct tux_field_rule *rule)
{
	unsigned i, kept = 0;

	for (i = 0; i < ruling->count; i++)
		if (rule->kind == TUX_FIELD_ADD || !same_name(ruling->rule[i]->name, ruling->rule[i]->name_len, rule->name, rule->name_len))
			ruling->rule[kept++] = ruling->rule[i];
	ruling->count = kept;
	ruling->rule[ruling->count++] = rule;
}

static const char hsts_name[] = "Strict-Transport-Security";

/*
 * The lines of the rules, without those about except (or NULL), and the value for that; before them that of hsts (or NULL). NULL: they are
 * too long, or no memory.
 */
static char *lines_make(const struct ruling *ruling, const char *hsts, const char *except, const char *value)
{
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);
	unsigned i;

	if (!out)
		return NULL;
	if (hsts)
		fprintf(out, "%s: %s\r\n", hsts_name, hsts);
	for (i = 0; i < ruling->count; i++) {
		const struct tux_field_rule *rule = ruling->rule[i];

		if (rule->kind != TUX_FIELD_REMOVE && !(except && same_name(rule->name, rule->name_len, except, strlen(except))))
			fprintf(out, "%.*s: %s\r\n", (int)rule->name_len, rule->name, rule->value);
	}
	if (except)
		fprintf(out, "%s: %s\r\n", except, value);
	if (fclose(out) == 0 && size <= TUX_MAX_FIELD_LINES)
		return text;
	free(text);
	return NULL;
}

/* The names of which what others say is left out; memory for as many as there are rules is there. */
static bool removed_make(struct tux_fields *fields, struct tux_text *removed, const struct ruling *ruling)
{
	size_t bytes = 0;
	unsigned i;
	char *name;

	fields->removed = removed;
	for (i = 0; i < ruling->count; i++)
		bytes += ruling->rule[i]->kind == TUX_FIELD_ADD ? 0 : ruling->rule[i]->name_len + 1;
	name = bytes <= TUX_MAX_FIELD_LINES ? malloc(bytes + 1) : NULL;
	if (!name)
		return false;
	fields->removed_text = (struct tux_text){ name, (uint32_t)bytes };
	for (i = 0; i < ruling->count; i++) {
		const struct tux_field_rule *rule = ruling->rule[i];
		const struct known *field = known_find(rule->name, rule->name_len);
		size_t k;

		if (rule->kind == TUX_FIELD_ADD)
			continue;
		fields->omit |= field ? field->omit : 0;
		for (k = 0; k < rule->name_len; k++)
			name[k] = (char)(rule->name[k] >= 'A' && rule->name[k] <= 'Z' ? rule->name[k] + 0x20 : rule->name[k]);
		name[k] = '\0';
		removed[fields->removed_count++] = (struct tux_text){ name, (uint32_t)rule->name_len };
		name += k + 1;
	}
	return true;
}

bool tux_fields_make(struct tux_fields *fields, const struct tux_field_rules *const *lists, unsigned count,
                     const char *cache_control, const char *hsts, char *error, size_t error_size)
{
	const struct tux_field_rule no_hsts = { .kind = TUX_FIELD_REMOVE, .name = hsts_name, .name_len = sizeof(hsts_name) - 1, .value = "" };
	struct ruling ruling = { NULL, 0 };
	struct tux_text *removed;
	unsigned i, k, all = 0;
	char *lines, *cached;
	bool made;

	*fields = (struct tux_fields){ .omit = 0 };
	for (i = 0; i < count; i++)
		all += lists[i]->count;
	ruling.rule = calloc(all + 2, sizeof(*ruling.rule));
	removed = calloc(all + 2, sizeof(*removed));
	for (i = 0; ruling.rule && i < count; i++)
		for (k = 0; k < lists[i]->count; k++)
			rule_apply(&ruling, &lists[i]->rule[k]);
	if (ruling.rule && hsts)
		rule_apply(&ruling, &no_hsts); /* in place of what a rule or a backend says of it */
	lines = lines_make(&ruling, hsts, NULL, NULL);
	cached = lines_make(&ruling, hsts, cache_control ? "Cache-Control" : NULL, cache_control);
	made = ruling.rule && removed && lines && cached && removed_make(fields, removed, &ruling);
	free(ruling.rule);
	if (!made) {
		snprintf(error, error_size, "the fields that are added, or the names of removed ones, have more than %d bytes, or there is no memory",
		         TUX_MAX_FIELD_LINES);
		free(lines);
		free(cached);
		if (!fields->removed)
			free(removed);
		tux_fields_free(fields);
		return false;
	}
	fields->lines = (struct tux_text){ lines, (uint32_t)strlen(lines) };
	fields->cached = (struct tux_text){ cached, (uint32_t)strlen(cached) };
	fields->secure_len = hsts ? (uint32_t)(sizeof(hsts_name) - 1 + 2 + strlen(hsts) + 2) : 0; /* ": ", and the end of the line */
	return true;
}

void tux_fields_free(struct tux_fields *fields)
{
	free((void *)fields->lines.at);
	free((void *)fields->cached.at);
	free((void *)fields->removed_text.at);
	free((void *)fields->removed);
	*fields = (struct tux_fields){ .omit = 0 };
}
