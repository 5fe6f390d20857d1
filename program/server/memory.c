/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "memory.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/io/print.h"

enum {
	ENTRY_BYTES = 64 * 1024, /* memory of the machine per cached file; an entry itself takes half a kilobyte besides its body */
	MIN_ENTRIES = 4096,      /* per thread */
	MAX_ENTRIES = 1 << 20,   /* like the option */
	MAX_FILES = 1 << 16,     /* open files of cached objects, per thread; rlimit.c lowers it to the limit of the process */
	MAX_ALL_FILES = 1 << 18, /* of all threads together, because the kernel's fs.nr_open is 1 << 20 */
	BYTES_SHARE = 16,        /* part of the memory for bodies */
};

static const uint64_t MIN_BYTES = UINT64_C(16) << 20;
static const uint64_t MAX_BYTES = UINT64_C(4) << 30;

/* Returns the limit in a file of a control group; UINT64_MAX if it has none. */
static uint64_t limit_of(const char *root, const char *mount, int len, const char *group, const char *name)
{
	uint64_t limit = UINT64_MAX;
	char path[PATH_MAX];
	unsigned long long number;
	FILE *file;

	if (!print_whole(path, sizeof(path), "%s%s%.*s/%s", root, mount, len, group, name))
		return limit;
	file = fopen(path, "re");
	if (file == NULL)
		return limit;
	if (fscanf(file, "%llu", &number) == 1) /* "max" is no number */
		limit = number;
	fclose(file);
	return limit;
}

/* Returns the smallest limit of a group and those above it. */
static uint64_t smallest_limit(const char *root, const char *mount, const char *group, const char *const *names)
{
	uint64_t smallest = UINT64_MAX;

	for (int len = (int)strlen(group); len >= 0; len--) {
		if (len > 0 && group[len] != '\0' && group[len] != '/')
			continue;
		for (int i = 0; names[i] != NULL; i++) {
			const uint64_t limit = limit_of(root, mount, len, group, names[i]);

			smallest = limit < smallest ? limit : smallest;
		}
	}
	return smallest;
}

uint64_t tux_memory_bytes(const char *root, uint64_t machine)
{
	static const char *const names[] = { "memory.max", "memory.high", NULL };
	static const char *const old_names[] = { "memory.limit_in_bytes", NULL };
	char path[PATH_MAX], line[PATH_MAX];
	FILE *file;

	if (!print_whole(path, sizeof(path), "%s/proc/self/cgroup", root))
		return machine;
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *const controllers = strchr(line, ':');
		const char *const group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		uint64_t limit = UINT64_MAX;

		line[strcspn(line, "\n")] = '\0';
		if (group != NULL && strncmp(line, "0::", 3) == 0)
			limit = smallest_limit(root, "/sys/fs/cgroup", group + 1, names);
		else if (group != NULL && strncmp(controllers, ":memory:", 8) == 0)
			limit = smallest_limit(root, "/sys/fs/cgroup/memory", group + 1, old_names);
		machine = limit < machine ? limit : machine;
	}
	if (file != NULL)
		fclose(file);
	return machine;
}

static uint64_t within(uint64_t value, uint64_t min, uint64_t max)
{
	return value < min ? min : value > max ? max : value;
}

void tux_memory_share(struct tux_engine_config *config, uint64_t memory)
{
	if (config->cache_entries == 0)
		config->cache_entries = (uint32_t)within(memory / ENTRY_BYTES / config->threads, MIN_ENTRIES, MAX_ENTRIES);
	if (config->cache_bytes == UINT64_MAX)
		config->cache_bytes = within(memory / BYTES_SHARE, MIN_BYTES, MAX_BYTES);
	config->cache_files = (uint32_t)within(config->cache_entries, 1, within(MAX_ALL_FILES / config->threads, 1, MAX_FILES));
}
