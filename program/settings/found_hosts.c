/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "found_hosts.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* True if a pattern's host may have a host of this name: the pattern is the default, or one of its names stands for it. */
static bool host_permits(const struct tux_host_settings *host, bool is_default, const char *name)
{
	const size_t len = strlen(name);
	unsigned i;

	for (i = 0; i < host->name_count && !is_default; i++) {
		const char *const one = host->name[i];
		const size_t suffix = strlen(one) - (*one == '*');

		is_default = *one == '*' ? len > suffix && strcmp(name + len - suffix, one + 1) == 0 : strcmp(one, name) == 0;
		/* *.example.org permits the directory example.org of %2.%1, too. */
		is_default = is_default || (*one == '*' && host->pattern->labels > 0 && strcmp(one + 2, name) == 0);
	}
	return is_default;
}

static int name_compare(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Adds the host of a directory to the settings. Returns false if there is no room. */
static bool host_add(struct tux_settings *settings, unsigned number, const char *file, const char *name)
{
	struct tux_host_settings *host = tux_settings_host_add(settings);
	const struct tux_host_pattern *pattern;
	char *whole, *ending = NULL, *directory;

	if (!host)
		return false;
	*host = settings->host[number];
	pattern = host->pattern;
	host->name = calloc(2, sizeof(*host->name));
	host->name_count = 0;
	host->is_default = false;
	host->found_by = pattern;
	host->pattern = NULL;
	whole = strdup(name);
	if (asprintf(&directory, "%s/%s%s", strcmp(pattern->directory, "/") == 0 ? "" : pattern->directory, file, pattern->below) < 0 ||
	    (pattern->labels > 0 && asprintf(&ending, "*.%s", name) < 0) || !host->name || !whole)
		return false;
	host->directory = directory;
	host->name[host->name_count++] = whole;
	if (ending)
		host->name[host->name_count++] = ending;
	return true;
}

/* Adds the hosts of one pattern. taken are the names of all other hosts, sorted. Returns false if out of memory. */
static bool pattern_expand(struct tux_settings *settings, unsigned number, const char **taken, size_t taken_count, bool is_default, FILE *errors)
{
	const struct tux_host_pattern *const pattern = settings->host[number].pattern;
	DIR *const directory = opendir(pattern->directory);
	bool good = true;
	struct dirent *entry;

	if (!directory) {
		if (errors)
			fprintf(errors, "tux: cannot list the hosts in %s: %s\n", pattern->directory, strerror(errno));
		return true;
	}
	while (good && (entry = readdir(directory))) {
		char name[TUX_MAX_HOST_NAME + 1];
		const char *key = name, *at;
		const size_t len = tux_host_pattern_match(pattern, entry->d_name, &at);

		if (len == 0 || (entry->d_type != DT_DIR && entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN))
			continue;
		memcpy(name, at, len);
		name[len] = '\0';
		if (!host_permits(&settings->host[number], is_default, name) ||
		    (taken_count > 0 && bsearch(&key, taken, taken_count, sizeof(*taken), name_compare)))
			continue;
		good = host_add(settings, number, entry->d_name, name);
	}
	closedir(directory);
	return good;
}

bool tux_found_hosts_add(struct tux_settings *settings, FILE *errors)
{
	const unsigned count = settings->host_count;
	bool any_default = false, good;
	const char **taken;
	size_t names = 0;
	unsigned i, k;

	for (i = 0; i < count; i++) {
		names += settings->host[i].pattern ? 0 : settings->host[i].name_count;
		any_default = any_default || settings->host[i].is_default;
	}
	taken = calloc(names + 1, sizeof(*taken));
	good = taken;
	for (names = 0, i = 0; good && i < count; i++)
		for (k = 0; !settings->host[i].pattern && k < settings->host[i].name_count; k++)
			taken[names++] = settings->host[i].name[k];
	if (good)
		qsort(taken, names, sizeof(*taken), name_compare);
	for (i = 0; i < count && good; i++)
		if (settings->host[i].pattern) {
			good = pattern_expand(settings, i, taken, names, settings->host[i].is_default || (i == 0 && !any_default), errors);
			while (settings->host[i].name_count > 0)
				free((void *)settings->host[i].name[--settings->host[i].name_count]);
		}
	free(taken);
	return good;
}
