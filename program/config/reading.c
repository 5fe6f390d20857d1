/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libucl keeps no line numbers. In zero-copy mode its keys and texts point into the file, so the pointer gives the line. */
#define _GNU_SOURCE 1
#include "reading.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/io/print.h"

enum { TEXTS_BYTES = 4096 - 64 }; /* in a block of texts */

bool reading_is_inside(const struct reading *reading, const char *at)
{
	return at && at >= reading->file && at <= reading->file + reading->len;
}

/* Counts from the last such position on, because there may be a message for each of 100,000 hosts. */
unsigned reading_line(struct reading *reading, const char *at)
{
	if (!reading_is_inside(reading, at))
		return 0;
	if (!reading->line_at || at < reading->line_at) {
		reading->line_at = reading->file;
		reading->line = 1;
	}
	for (; reading->line_at < at; reading->line_at++)
		reading->line += *reading->line_at == '\n';
	return reading->line;
}

void reading_put(struct reading *reading, const char *text, size_t len)
{
	file_put_escaped(reading->errors, TUX_ESCAPE_MESSAGE, text, len);
}

/* Prints a message with its file and line. */
static void __attribute__((format(printf, 4, 0))) say(struct reading *reading, const char *at, const char *front, const char *format,
                                                      va_list arguments)
{
	const unsigned line = reading_line(reading, at);
	char *text;
	int len = vasprintf(&text, format, arguments);

	if (line)
		fprintf(reading->errors, "%s:%u: ", reading->path, line);
	else
		fprintf(reading->errors, "%s: ", reading->path);
	fputs(front, reading->errors);
	if (len < 0) {
		fputs("no memory for the message", reading->errors);
	} else {
		reading_put(reading, text, (size_t)len);
		free(text);
	}
	fputc('\n', reading->errors);
}

void reading_wrong(struct reading *reading, const char *at, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(reading, at, "", format, arguments);
	va_end(arguments);
	reading->wrong++;
}

void reading_warn(struct reading *reading, const char *at, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(reading, at, "warning: ", format, arguments);
	va_end(arguments);
}

const struct tux_option *reading_option(struct reading *reading, const ucl_object_t *key, const char *where, enum tux_scope scope)
{
	const struct tux_option *option;
	char name[64], all[512] = "";
	size_t len = 0;
	unsigned i;

	snprintf(name, sizeof(name), "%.*s", (int)key->keylen, key->key);
	option = tux_option_find(name, scope);
	if (option)
		return option;
	for (i = 0; i < tux_option_count; i++)
		if (tux_options[i].scope & scope)
			len += print(all + len, sizeof(all) - len, "%s%s", len > 0 ? ", " : "", tux_options[i].name);
	option = tux_option_near(name, scope);
	if (option)
		reading_wrong(reading, key->key, "unknown key \"%s\" in %s; did you mean \"%s\"?", name, where, option->name);
	else
		reading_wrong(reading, key->key, "unknown key \"%s\" in %s; there are: %s", name, where, all);
	return NULL;
}

bool reading_once(struct reading *reading, const ucl_object_t *key)
{
	if (key->next)
		reading_wrong(reading, key->next->key, "%.*s is said a second time; it takes one value", (int)key->keylen, key->key);
	return !key->next;
}

/*
 * Finds the value's text in the file, because libucl parses values such as 64M as numbers. The text follows its key, or the quote
 * that ends the key.
 */
static void bare_word(const struct reading *reading, const ucl_object_t *value, const char **text, size_t *len)
{
	const char *const end = reading->file + reading->len;
	const char *at = value->key ? value->key + value->keylen : NULL;

	*text = NULL;
	*len = 0;
	if (!at || at < reading->file || at >= end)
		return;
	if (*at == '"' || *at == '\'')
		at++;
	while (at < end && strchr(" \t\r\n=:", *at))
		at++;
	*text = at;
	while (at < end && !strchr(" \t\r\n;,}]#", *at))
		at++;
	*len = (size_t)(at - *text);
}

/* Returns room for a text of size bytes; NULL if out of memory. Short texts share blocks. */
static char *room_take(struct tux_config *config, size_t size)
{
	struct texts *block = config->texts;
	const size_t room = size > TEXTS_BYTES ? size : TEXTS_BYTES;

	if (!block || block->size - block->len < size) {
		block = malloc(sizeof(*block) + room);
		if (!block)
			return NULL;
		*block = (struct texts){ config->texts, 0, room };
		config->texts = block;
	}
	block->len += size;
	return block->octets + block->len - size;
}

static const char *keep(struct reading *reading, const char *front, size_t front_len, const char *text, size_t len)
{
	char *const copy = room_take(reading->config, front_len + len + 1);

	if (!copy) {
		reading_wrong(reading, NULL, "no memory");
		return "";
	}
	memcpy(copy, front, front_len);
	memcpy(copy + front_len, text, len);
	copy[front_len + len] = '\0';
	return copy;
}

const char *reading_keep(struct reading *reading, const char *text, size_t len)
{
	return keep(reading, "", 0, text, len);
}

const char *reading_join(struct reading *reading, const char *front, const char *text)
{
	return keep(reading, front, strlen(front), text, strlen(text));
}

const char *reading_text(struct reading *reading, const ucl_object_t *value, const char *at)
{
	const char *text;
	size_t len = 0;

	if (ucl_object_type(value) == UCL_STRING)
		text = ucl_object_tolstring(value, &len);
	else
		bare_word(reading, value, &text, &len);
	if (!text) {
		reading_wrong(reading, at, "a number stands in a list; write it in quotes");
		return NULL;
	}
	if (memchr(text, '\0', len)) {
		reading_wrong(reading, at, "there is a NUL byte in the value");
		return NULL;
	}
	return reading_keep(reading, text, len);
}

void reading_blocks(struct reading *reading, const ucl_object_t *first, const char *expected,
                    void (*apply)(struct reading *reading, const ucl_object_t *block))
{
	const ucl_object_t *blocks, *block;

	for (blocks = first; blocks; blocks = blocks->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(blocks) != UCL_OBJECT) {
			reading_wrong(reading, blocks->key, "%s", expected);
			continue;
		}
		while ((block = ucl_object_iterate(blocks, &each, true)))
			for (; block; block = block->next)
				apply(reading, block);
	}
}
