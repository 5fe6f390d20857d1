/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 64 };

struct tux_cgi_lists {
	const char *program[TUX_MAX_CGI_TEXTS + 1];
	const char *environment[TUX_MAX_CGI_TEXTS + 1];
	const char *pass[TUX_MAX_CGI_TEXTS + 1];
};

static const char of_files[] = "files";

/* Begins a kind. */
static void begin(struct tux_cgis *cgis, unsigned number, const char *name, struct tux_cgi_lists *lists)
{
	struct tux_cgi *const cgi = &cgis->cgi[number];

	cgis->lists[number] = lists;
	*cgi = cgis->defaults;
	cgi->name = name;
	cgi->environment = lists->environment;
	cgi->pass = lists->pass;
}

int tux_cgis_find(struct tux_cgis *cgis, const char *name, char *error, size_t error_size)
{
	const bool is_of_files = strcmp(name, of_files) == 0;
	struct tux_cgi_lists *lists;
	unsigned i;

	for (i = 0; i < cgis->count; i++)
		if (strcmp(cgis->cgi[i].name, name) == 0)
			return (int)i;
	if (is_of_files && cgis->lists[TUX_CGI_OF_FILES])
		return TUX_CGI_OF_FILES;
	if (*name == '\0' || strlen(name) > MAX_NAME) {
		snprintf(error, error_size, "the name of a cgi has 1 to %d bytes", MAX_NAME);
		return -1;
	}
	lists = cgis->count < TUX_MAX_CGI || is_of_files ? calloc(1, sizeof(*lists)) : NULL;
	if (!lists) {
		snprintf(error, error_size, cgis->count < TUX_MAX_CGI ? "no memory" : "there are more than %d cgi", TUX_MAX_CGI);
		return -1;
	}
	begin(cgis, is_of_files ? TUX_CGI_OF_FILES : cgis->count, name, lists);
	return is_of_files ? TUX_CGI_OF_FILES : (int)cgis->count++;
}

static bool path_set(const char **path, const char *value)
{
	*path = value;
	return *value == '/';
}

static bool list_add(const char **list, const char *value)
{
	unsigned count = 0;

	while (list[count])
		count++;
	if (count == TUX_MAX_CGI_TEXTS)
		return false;
	list[count] = value;
	return true;
}

/* A name that an environment can have: a letter or '_', behind it digits too. len bytes of text. */
static bool variable_name(const char *text, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return len > 0 && strspn(text, letters) >= len && !(*text >= '0' && *text <= '9');
}

/* Sets an option that the table does not place in struct tux_cgi: a path or a list. */
static bool block_set(struct tux_cgi *cgi, struct tux_cgi_lists *lists, const char *name, const char *value)
{
	if (strcmp(name, "root") == 0)
		return path_set(&cgi->root, value);
	if (strcmp(name, "chroot") == 0)
		return path_set(&cgi->chroot, value);
	if (strcmp(name, "env") == 0)
		return strchr(value, '=') && variable_name(value, strcspn(value, "=")) && list_add(lists->environment, value);
	if (strcmp(name, "pass") == 0)
		return variable_name(value, strlen(value)) && list_add(lists->pass, value);
	cgi->program = lists->program;
	return (lists->program[0] || *value == '/') && list_add(lists->program, value);
}

bool tux_cgis_set(struct tux_cgis *cgis, unsigned number, const struct tux_option *option, const char *value, char *error, size_t error_size)
{
	if (option->type != TUX_TYPE_BLOCK)
		return tux_option_set(option, &cgis->cgi[number], value, error, error_size);
	if (block_set(&cgis->cgi[number], cgis->lists[number], option->name, value))
		return true;
	snprintf(error, error_size, "%s: \"%s\" is not %s", option->name, value, option->expected);
	return false;
}

bool tux_cgis_complete(const struct tux_cgis *cgis, unsigned number, char *error, size_t error_size)
{
	const struct tux_cgi *const cgi = &cgis->cgi[number];

	if (number == TUX_CGI_OF_FILES && (cgi->root || cgi->chroot)) {
		snprintf(error, error_size, "cgi files has no root and no chroot: its programs are files of the hosts");
		return false;
	}
	if (cgi->root || cgi->program || number == TUX_CGI_OF_FILES)
		return true;
	snprintf(error, error_size, "cgi %s needs a root, where its scripts are, or a program", cgi->name);
	return false;
}

struct tux_cgi tux_cgis_of_files(const struct tux_cgis *cgis, const char *root)
{
	struct tux_cgi cgi = cgis->lists[TUX_CGI_OF_FILES] ? cgis->cgi[TUX_CGI_OF_FILES] : cgis->defaults;

	cgi.name = of_files;
	cgi.root = root;
	cgi.root_owned = true;
	return cgi;
}

void tux_cgis_free(struct tux_cgis *cgis)
{
	free(cgis->lists[TUX_CGI_OF_FILES]);
	while (cgis->count > 0)
		free(cgis->lists[--cgis->count]);
	memset(cgis, 0, sizeof(*cgis));
}
