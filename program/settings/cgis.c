/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

enum {
	DAY_MS = 24 * 60 * 60 * 1000,
	DAY_S = DAY_MS / 1000,
	MAX_PROCESSES = 1 << 22, /* what Linux numbers at most */
	MAX_FILES = 1 << 20,
	MAX_NAME = 64,
	MIN_RESPONSE_HEAD = 1024,
};

struct tux_cgi_lists {
	const char *program[TUX_MAX_CGI_TEXTS + 1];
	const char *environment[TUX_MAX_CGI_TEXTS + 1];
	const char *pass[TUX_MAX_CGI_TEXTS + 1];
};

enum key_id {
	KEY_ROOT,
	KEY_PROGRAM,
	KEY_USER,
	KEY_CHROOT,
	KEY_ENV,
	KEY_PASS,
	KEY_PROGRAMS,
	KEY_WAITING,
	KEY_TIME,
	KEY_TOTAL,
	KEY_CPU,
	KEY_MEMORY,
	KEY_FILE_SIZE,
	KEY_PROCESSES,
	KEY_FILES,
	KEY_NICE,
	KEY_NEW_PRIVILEGES,
	KEY_CHUNKED_BODIES,
	KEY_ON_DISCONNECT,
	KEY_MAX_RESPONSE_HEAD,
};

static const struct {
	const char *name;
	enum tux_cgi_use use;
	const char *expected;
} keys[] = {
	[KEY_ROOT] = { "root", TUX_CGI_VALUE, "a path that begins with '/'" },
	[KEY_PROGRAM] = { "program", TUX_CGI_LIST, "a path that begins with '/', and arguments, at most 64 of all" },
	[KEY_USER] = { "user", TUX_CGI_VALUE, "the name or number of a user, with :GROUP if another is wanted" },
	[KEY_CHROOT] = { "chroot", TUX_CGI_VALUE, "a path that begins with '/'" },
	[KEY_ENV] = { "env", TUX_CGI_VARIABLES, "NAME = value, at most 64 of them" },
	[KEY_PASS] = { "pass", TUX_CGI_LIST, "names of variables, at most 64 of them" },
	[KEY_PROGRAMS] = { "programs", TUX_CGI_VALUE, "a number from 1 to 4096" },
	[KEY_WAITING] = { "waiting", TUX_CGI_VALUE, "a number from 0 to 4096" },
	[KEY_TIME] = { "time", TUX_CGI_VALUE, "seconds from 0.1 to 86400, or 0" },
	[KEY_TOTAL] = { "total", TUX_CGI_VALUE, "seconds from 0.1 to 86400, or 0" },
	[KEY_CPU] = { "cpu", TUX_CGI_VALUE, "whole seconds from 0 to 86400" },
	[KEY_MEMORY] = { "memory", TUX_CGI_VALUE, "bytes such as 512M, or 0" },
	[KEY_FILE_SIZE] = { "file-size", TUX_CGI_VALUE, "bytes such as 1G, or 0" },
	[KEY_PROCESSES] = { "processes", TUX_CGI_VALUE, "a number from 0 to 4194304" },
	[KEY_FILES] = { "files", TUX_CGI_VALUE, "0, or a number from 8 to 1048576" },
	[KEY_NICE] = { "nice", TUX_CGI_VALUE, "a number from 0 to 19" },
	[KEY_NEW_PRIVILEGES] = { "new-privileges", TUX_CGI_SWITCH, "on or off" },
	[KEY_CHUNKED_BODIES] = { "chunked-bodies", TUX_CGI_VALUE, "buffer or stream" },
	[KEY_ON_DISCONNECT] = { "on-disconnect", TUX_CGI_VALUE, "kill or finish" },
	[KEY_MAX_RESPONSE_HEAD] = { "max-response-head", TUX_CGI_VALUE, "bytes such as 32K, from 1K to 64K" },
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static int key_find(const char *name)
{
	int i;

	for (i = 0; i < KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return i;
	return -1;
}

static const struct tux_cgi defaults = {
	.programs = 64, .waiting = 64, .time_ms = 60000, .total_ms = 3600000, .cpu_s = 60, .memory_bytes = 512ull << 20, .processes = 1024, .files = 1024,
	.max_response_head = 16384,
};

static const char of_files[] = "files";

/* Begins a kind. */
static void begin(struct tux_cgis *cgis, unsigned number, const char *name, struct tux_cgi_lists *lists)
{
	struct tux_cgi *const cgi = &cgis->cgi[number];

	cgis->lists[number] = lists;
	*cgi = defaults;
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

enum tux_cgi_use tux_cgis_use(const char *key)
{
	const int id = key_find(key);

	return id < 0 ? TUX_CGI_UNKNOWN : keys[id].use;
}

const char *tux_cgis_expects(const char *key)
{
	return keys[key_find(key)].expected;
}

const char *const *tux_cgis_keys(void)
{
	static const char *all[KEYS + 1];
	int i;

	for (i = 0; i < KEYS; i++)
		all[i] = keys[i].name;
	return all;
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

static bool count_set(uint32_t *count, const char *value, uint32_t min, uint32_t max)
{
	uint64_t number = 0;

	if (!tux_value_count(value, min, max, &number))
		return false;
	*count = (uint32_t)number;
	return true;
}

static bool size_set(uint32_t *bytes, const char *value, uint32_t min, uint32_t max)
{
	uint64_t number = 0;

	if (!tux_value_size(value, min, max, &number))
		return false;
	*bytes = (uint32_t)number;
	return true;
}

/* 0 is no limit; what is between and min makes no sense. */
static bool limit_set(uint32_t *count, const char *value, uint32_t min, uint32_t max)
{
	return count_set(count, value, 0, 0) || count_set(count, value, min, max);
}

/* True if value is one of two words; *set says which. */
static bool either_set(bool *set, const char *value, const char *off, const char *on)
{
	*set = strcmp(value, on) == 0;
	return *set || strcmp(value, off) == 0;
}

static bool key_apply(struct tux_cgi *cgi, struct tux_cgi_lists *lists, enum key_id id, const char *value)
{
	switch (id) {
	case KEY_ROOT:
		return path_set(&cgi->root, value);
	case KEY_PROGRAM:
		cgi->program = lists->program;
		return (lists->program[0] || *value == '/') && list_add(lists->program, value);
	case KEY_USER:
		cgi->user = value;
		return *value != '\0';
	case KEY_CHROOT:
		return path_set(&cgi->chroot, value);
	case KEY_ENV:
		return strchr(value, '=') && variable_name(value, strcspn(value, "=")) && list_add(lists->environment, value);
	case KEY_PASS:
		return variable_name(value, strlen(value)) && list_add(lists->pass, value);
	case KEY_PROGRAMS:
		return count_set(&cgi->programs, value, 1, TUX_MAX_PROGRAMS);
	case KEY_WAITING:
		return count_set(&cgi->waiting, value, 0, TUX_MAX_PROGRAMS);
	case KEY_TIME:
		return tux_value_seconds(value, 0, 0, &cgi->time_ms) || tux_value_seconds(value, 100, DAY_MS, &cgi->time_ms);
	case KEY_TOTAL:
		return tux_value_seconds(value, 0, 0, &cgi->total_ms) || tux_value_seconds(value, 100, DAY_MS, &cgi->total_ms);
	case KEY_CPU:
		return count_set(&cgi->cpu_s, value, 0, DAY_S);
	case KEY_MEMORY:
		return tux_value_size(value, 0, 0, &cgi->memory_bytes) || tux_value_size(value, 1 << 20, 1ull << 50, &cgi->memory_bytes);
	case KEY_FILE_SIZE:
		return tux_value_size(value, 0, 1ull << 60, &cgi->file_bytes);
	case KEY_PROCESSES:
		return count_set(&cgi->processes, value, 0, MAX_PROCESSES);
	case KEY_FILES:
		return limit_set(&cgi->files, value, 8, MAX_FILES);
	case KEY_NICE:
		return count_set(&cgi->nice, value, 0, 19);
	case KEY_NEW_PRIVILEGES:
		cgi->new_privileges = true;
		return true;
	case KEY_CHUNKED_BODIES:
		return either_set(&cgi->stream_chunked, value, "buffer", "stream");
	case KEY_ON_DISCONNECT:
		return either_set(&cgi->finish_unwatched, value, "kill", "finish");
	case KEY_MAX_RESPONSE_HEAD:
		return size_set(&cgi->max_response_head, value, MIN_RESPONSE_HEAD, TUX_MAX_RECEIVED_HEAD);
	}
	return false;
}

bool tux_cgis_set(struct tux_cgis *cgis, unsigned number, const char *key, const char *value, char *error, size_t error_size)
{
	const int id = key_find(key);

	if (key_apply(&cgis->cgi[number], cgis->lists[number], (enum key_id)id, value))
		return true;
	snprintf(error, error_size, "%s: \"%s\" is not %s", key, value, keys[id].expected);
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
	struct tux_cgi cgi = cgis->lists[TUX_CGI_OF_FILES] ? cgis->cgi[TUX_CGI_OF_FILES] : defaults;

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
