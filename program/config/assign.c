/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "assign.h"

#include <stdbool.h>
#include <string.h>

static const char blanks[] = " \t";
static const char name_stops[] = " \t\n\r,;{}[]#\"'=:";
static const char value_stops[] = " \t\n\r,;{}#\"'";
static const char breaks[] = "\n\r,;"; /* where libucl stops to look for a block */

/* Returns the end of a comment; at itself if there is none. Comments between the marks of C are nested. */
static char *comment_end(char *at)
{
	unsigned depth = 0;

	if (*at == '#')
		return at + strcspn(at, "\n");
	if (at[0] != '/' || at[1] != '*')
		return at;
	do {
		if (at[0] == '/' && at[1] == '*')
			depth++;
		if (at[0] == '*' && at[1] == '/')
			depth--;
		at += (at[0] == '/' && at[1] == '*') || (at[0] == '*' && at[1] == '/') ? 2 : 1;
	} while (depth > 0 && *at != '\0');
	return at;
}

/* Returns the end of a quoted text, behind the second quote. */
static char *quoted_end(char *at)
{
	const char quote = *at++;

	while (*at != '\0' && *at != quote)
		at += *at == '\\' && at[1] != '\0' ? 2 : 1;
	return *at == quote ? at + 1 : at;
}

/* Returns the end of a quoted text, or of one that ends before a character of stops. */
static char *word_end(char *at, const char *stops)
{
	return *at == '"' || *at == '\'' ? quoted_end(at) : at + strcspn(at, stops);
}

/* True if libucl finds a bracket before it stops to look. */
static bool looks_like_block(const char *value)
{
	const char *bracket = strpbrk(value, "{[");

	return bracket != NULL && bracket < value + strcspn(value, breaks);
}

/* True if nothing but a comment follows the value in its line, or the block ends. */
static bool ends_value(const char *at)
{
	at += strspn(at, blanks);
	return *at == '\0' || strchr("\n\r,;}#", *at) != NULL || (at[0] == '/' && at[1] == '*');
}

/* Handles a name and its value. Returns the end of the name, or of what stands in its place. */
static char *assign(char *name)
{
	char *const end = word_end(name, name_stops);
	char *const value = end + strspn(end, blanks);
	char *value_end;

	if (value == end || strchr("{[=:#", *value) != NULL)
		return end > name ? end : name + 1;
	value_end = word_end(value, value_stops);
	if (value[0] == '<' && value[1] == '<') /* a text of several lines */
		return value;
	if (value_end > value && looks_like_block(value) && ends_value(value_end))
		value[-1] = '=';
	return value_end > value ? value_end : end;
}

/* Returns the end of a text of several lines: the line that has its mark only. */
static char *lines_end(char *at)
{
	const size_t len = strcspn(at + 2, "\n\r");
	char *line = at;

	while ((line = strchr(line, '\n')) != NULL) {
		line++;
		if (len > 0 && strncmp(line, at + 2, len) == 0 && (line[len] == '\n' || line[len] == '\r' || line[len] == '\0'))
			return line + len;
	}
	return at + 2;
}

void assign_values(char *text, size_t len)
{
	const char *const end = text + len;
	bool begins = true; /* a name may begin here */

	while (text < end && *text != '\0') {
		char *const after = comment_end(text);

		if (after > text) {
			text = after;
		} else if (strchr(" \t\n\r,;{}[]", *text) != NULL) {
			begins = begins || strchr(blanks, *text) == NULL;
			text++;
		} else if (text[0] == '<' && text[1] == '<') {
			text = lines_end(text);
		} else if (begins) {
			text = assign(text);
			begins = false;
		} else {
			char *const word = word_end(text, value_stops);

			text = word > text ? word : text + 1;
		}
	}
}
