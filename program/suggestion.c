/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "suggestion.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "settings/units.h"

enum { NAME_MAX_LEN = 32 };

struct word {
	const char *name;
	const char *suggestion;
};

static const char in_foreground[] = ": tux stays in the foreground; a service manager or \"&\" runs it in the background";
static const char directory[] = "; the directory is an argument: tux serve DIR";

static const struct word letters[] = {
	{ "a", "; did you mean --listen ADDR:PORT?" }, { "b", "; did you mean --listen ADDR:PORT?" }, { "i", "; did you mean --listen ADDR:PORT?" },
	{ "l", "; did you mean --listen ADDR:PORT?" }, { "H", "; did you mean --listen ADDR:PORT?" }, { "P", "; did you mean -p PORT?" },
	{ "c", "; did you mean --config FILE?" }, { "f", "; did you mean --config FILE?" }, { "C", directory }, { "d", directory },
	{ "r", directory }, { "D", in_foreground }, { "u", "; did you mean --user NAME?" }, { "t", "; did you mean --threads N, or tux check FILE?" },
	{ "v", "; did you mean --version?" }, { "q", "; did you mean --log off?" }, { "n", "; did you mean --threads N?" },
	{ "w", "; did you mean --threads N?" }, { "j", "; did you mean --threads N?" }, { "s", "; did you mean --spa?" },
};

static const struct word options[] = {
	{ "bind", "; did you mean --listen ADDR:PORT?" }, { "address", "; did you mean --listen ADDR:PORT?" },
	{ "addr", "; did you mean --listen ADDR:PORT?" }, { "host", "; did you mean --listen ADDR:PORT?" },
	{ "interface", "; did you mean --listen ADDR:PORT?" }, { "directory", directory }, { "dir", directory }, { "path", directory },
	{ "docroot", directory }, { "document-root", directory }, { "autoindex", "; did you mean --browse?" },
	{ "list", "; did you mean --browse?" }, { "listing", "; did you mean --browse?" }, { "daemon", in_foreground },
	{ "daemonize", in_foreground }, { "background", in_foreground }, { "workers", "; did you mean --threads N?" },
	{ "jobs", "; did you mean --threads N?" }, { "quiet", "; did you mean --log off?" }, { "silent", "; did you mean --log off?" },
	{ "hidden", "; did you mean --dotfiles?" }, { "all", "; did you mean --dotfiles?" }, { "test", "; did you mean tux check FILE?" },
};

static const struct word commands[] = {
	{ "start", "; did you mean \"serve\"?" }, { "run", "; did you mean \"serve\"?" }, { "http", "; did you mean \"serve\"?" },
	{ "file-server", "; did you mean \"serve\"?" }, { "validate", "; did you mean \"check\"?" }, { "test", "; did you mean \"check\"?" },
	{ "version", "; did you mean \"--version\"?" }, { "stop", ": send SIGTERM to the server" },
	{ "reload", ": send SIGHUP to the server" },
};

static const char *find(const struct word *words, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].name, name) == 0)
			return words[i].suggestion;
	return "";
}

const char *tux_suggestion_for_letter(int letter)
{
	const char name[2] = { (char)letter, '\0' };

	return find(letters, sizeof(letters) / sizeof(letters[0]), name);
}

const char *tux_suggestion_for_option(const char *name)
{
	return find(options, sizeof(options) / sizeof(options[0]), name);
}

const char *tux_suggestion_for_command(const char *name)
{
	return find(commands, sizeof(commands) / sizeof(commands[0]), name);
}

void tux_suggestion_for_directory(const char *name, char *out, size_t out_size)
{
	const char *colon = strrchr(name, ':');
	uint64_t port;
	struct stat st;

	out[0] = '\0';
	if (stat(name, &st) == 0 || strchr(name, '/') || !tux_value_count(colon ? colon + 1 : name, 0, UINT16_MAX, &port))
		return;
	if (colon)
		snprintf(out, out_size, "; did you mean --listen %s?", name);
	else
		snprintf(out, out_size, "; did you mean -p %s?", name);
}

unsigned tux_suggestion_distance(const char *a, const char *b)
{
	const size_t a_len = strlen(a), b_len = strlen(b);
	unsigned above[NAME_MAX_LEN + 1], row[NAME_MAX_LEN + 1];
	size_t i, j;

	if (a_len > NAME_MAX_LEN || b_len > NAME_MAX_LEN)
		return TUX_NEAR_MISS + 1;
	for (j = 0; j <= b_len; j++)
		above[j] = (unsigned)j;
	for (i = 1; i <= a_len; i++) {
		row[0] = (unsigned)i;
		for (j = 1; j <= b_len; j++) {
			unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
		memcpy(above, row, sizeof(above));
	}
	return above[b_len];
}

unsigned tux_suggestion_limit(const char *name)
{
	return strlen(name) > 4 ? TUX_NEAR_MISS + 1 : TUX_NEAR_MISS;
}
