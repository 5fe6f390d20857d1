/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules about the fields of answers as they are said, made into what the engine adds and leaves out. */
#ifndef TUX_PROGRAM_SETTINGS_FIELDS_H
#define TUX_PROGRAM_SETTINGS_FIELDS_H

#include "../../engine/config.h"

enum {
	TUX_MAX_FIELD_RULES = 64, /* of the top, a host, or a route */
	TUX_MAX_HSTS = 255,       /* bytes of the value of Strict-Transport-Security */
};

enum tux_field_rule_kind {
	TUX_FIELD_ADD,
	TUX_FIELD_SET,    /* in the place of what anybody said of it before */
	TUX_FIELD_REMOVE,
};

struct tux_field_rule {
	enum tux_field_rule_kind kind;
	const char *name; /* what is behind it is not part of it: name_len bytes */
	size_t name_len;
	const char *value; /* ends in NUL */
};

/* Begins as zeros. */
struct tux_field_rules {
	struct tux_field_rule *rule; /* in the order in which they were said */
	unsigned count;
};

/*
 * Adds a rule: "Name: value", to be removed the name alone. The text stays. False with a sentence in error: what TUX has to say
 * itself, as Content-Length, is nobody's to say.
 */
bool tux_field_rules_add(struct tux_field_rules *rules, enum tux_field_rule_kind kind, const char *text, char *error,
                         size_t error_size);

void tux_field_rules_free(struct tux_field_rules *rules);

/* Whether text can be the value of a field: visible ASCII, with spaces and tabs inside of it. */
bool tux_field_value_good(const char *text);

/*
 * Makes the result of the rules in all count lists, one behind the other, and from cache_control and hsts (NULL: nothing is said). False
 * with a sentence in error. tux_fields_free() frees it.
 */
bool tux_fields_make(struct tux_fields *fields, const struct tux_field_rules *const *lists, unsigned count,
                     const char *cache_control, const char *hsts, char *error, size_t error_size);

void tux_fields_free(struct tux_fields *fields);

#endif
