/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open files: every connection is one, and so is every file too large to be kept in memory that a thread caches. */
#define _GNU_SOURCE 1
#include "rlimit.h"

#include <sys/resource.h>

#include "../command.h"

enum {
	FDS_OF_PROCESS = 64, /* standard streams, log, root, and what libraries open for a moment */
	FDS_OF_SITE = 2,     /* its root and its log */
	FDS_OF_PROGRAM = 6,  /* the ends of its pipes, and of one that waits */
	FDS_OF_THREAD = 64,  /* its loop, its watches, the directories and files it has open while it looks something up */
	KEPT_ENTRIES = 1024,
	MIN_ENTRIES = 16,
};

static uint64_t fds_fixed(const struct tux_engine_config *config)
{
	return FDS_OF_PROCESS + FDS_OF_SITE * (uint64_t)config->site_count + (uint64_t)config->threads * (FDS_OF_THREAD + TUX_MAX_LISTENERS) +
	       (config->spawner_fd ? (uint64_t)config->max_programs * FDS_OF_PROGRAM : 0);
}

/* The limit of open files that we end up with. */
static uint64_t open_files_raise(uint64_t wanted)
{
	struct rlimit limit, higher;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return wanted;
	higher = limit;
	if (wanted > limit.rlim_max) {
		/* Root may; fs.nr_open is the end of that. */
		higher.rlim_cur = higher.rlim_max = wanted;
		if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
			return wanted;
	}
	higher.rlim_cur = higher.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
		return limit.rlim_max;
	return limit.rlim_cur;
}

/* Locked memory: all kernels count that of zero-copy sending, those from 6.14 on io_uring's rings, too. */
static void locked_memory_raise(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* The cache gives way first, but not below KEPT_ENTRIES a thread or a quarter of the room; then the connections do. */
static void fit(struct tux_engine_config *config, uint64_t room)
{
	const uint64_t threads = config->threads;
	const uint64_t quarter = room / 4 / threads;
	uint64_t entries = room > config->max_connections ? (room - config->max_connections) / threads : 0;
	uint64_t kept = quarter < KEPT_ENTRIES ? quarter : KEPT_ENTRIES;

	if (entries < kept)
		entries = kept;
	if (entries < MIN_ENTRIES)
		entries = MIN_ENTRIES;
	if (entries > config->cache_files)
		entries = config->cache_files;
	room = room > entries * threads ? room - entries * threads : 1;
	config->cache_files = (uint32_t)entries;
	if (config->max_connections > room)
		config->max_connections = (unsigned)room;
}

void tux_limits_raise(struct tux_engine_config *config, FILE *out)
{
	const uint64_t fixed = fds_fixed(config);
	const uint64_t cache = (uint64_t)config->cache_files * config->threads;
	const uint64_t wanted = fixed + cache + config->max_connections;
	const uint64_t limit = open_files_raise(wanted);
	const struct tux_engine_config asked = *config;

	locked_memory_raise();
	if (limit >= wanted)
		return;
	fit(config, limit > fixed ? limit - fixed : limit / 2);
	if (config->max_connections == asked.max_connections)
		return; /* a default that is a little smaller is no news */
	fprintf(out, "tux: %llu open files are permitted (ulimit -Hn): at most %u connections, %u large files open a thread\n",
	        (unsigned long long)limit, config->max_connections, config->cache_files);
}
