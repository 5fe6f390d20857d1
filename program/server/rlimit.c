/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of open files. Each connection is an open file. So is each cached file that is too large to be kept in memory. */
#define _GNU_SOURCE 1
#include "rlimit.h"

#include <sys/resource.h>

#include <stdio.h>

enum {
	FDS_OF_PROCESS = 64, /* standard streams, and temporary files of libraries */
	FDS_OF_PROGRAM = 6,  /* the ends of its pipes, and of a waiting one */
	FDS_OF_MODULE = 16,  /* of an isolated one: the socket and error output of its process, its shared memory, and what is being opened */
	PIPES_OF_MODULE = 8, /* ends of pipes per thread, of a process and the next one */
	FDS_OF_THREAD = 64,  /* its event loop, its watches, and directories and files that are open during a lookup */
	FDS_OF_KEYS = 2,     /* of the process of keys, besides a socket for each thread: one for orders, one that tells its end */
	KEPT_ENTRIES = 1024,
	MIN_ENTRIES = 16,
};

static uint64_t fds_fixed(const struct tux_engine_config *config, uint64_t host_fds)
{
	uint64_t isolated = 0;

	for (unsigned i = 0; i < config->module_count; i++)
		isolated += config->modules[i].isolate && config->modules[i].file;
	return FDS_OF_PROCESS + host_fds + FDS_OF_KEYS + (uint64_t)config->threads * (1 + FDS_OF_THREAD + TUX_MAX_LISTENERS) +
	       isolated * (FDS_OF_MODULE + (uint64_t)config->threads * PIPES_OF_MODULE) +
	       (config->spawner_fd ? (uint64_t)config->max_programs * FDS_OF_PROGRAM : 0);
}

/* Returns the highest limit of open files that the kernel permits to root. */
static uint64_t open_files_most(void)
{
	FILE *file = fopen("/proc/sys/fs/nr_open", "re");
	unsigned long long most = 1 << 20;

	if (file && fscanf(file, "%llu", &most) != 1)
		most = 1 << 20;
	if (file)
		fclose(file);
	return most;
}

/* Raises the limit of open files towards wanted. Returns the resulting limit. */
static uint64_t open_files_raise(uint64_t wanted)
{
	const uint64_t most = open_files_most();
	struct rlimit limit, higher;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return wanted;
	higher = limit;
	if (wanted > most)
		wanted = most;
	if (wanted > limit.rlim_max) {
		higher.rlim_cur = higher.rlim_max = wanted;
		if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
			return wanted;
	}
	higher.rlim_cur = higher.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
		return limit.rlim_max;
	return limit.rlim_cur;
}

/*
 * Raises the limit of locked memory. All kernels count the pages of zero-copy sending, and kernels from 6.14 on also io_uring's
 * rings.
 */
static void locked_memory_raise(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* Shrinks the cache first, but not below KEPT_ENTRIES a thread or a quarter of the room. Then shrinks the connections. */
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

void tux_limits_raise_for_roots(unsigned host_count)
{
	open_files_raise(FDS_OF_PROCESS + (uint64_t)host_count);
}

void tux_limits_raise(struct tux_engine_config *config, uint64_t host_fds, FILE *out)
{
	const uint64_t fixed = fds_fixed(config, host_fds);
	const uint64_t cache = (uint64_t)config->cache_files * config->threads;
	const uint64_t wanted = fixed + cache + config->max_connections;
	const uint64_t limit = open_files_raise(wanted);
	const struct tux_engine_config asked = *config;

	locked_memory_raise();
	if (limit >= wanted)
		return;
	fit(config, limit > fixed ? limit - fixed : limit / 2);
	if (config->max_connections == asked.max_connections)
		return; /* a slightly smaller cache is not worth a message */
	fprintf(out, "tux: %llu open files are permitted (ulimit -Hn): at most %u connections, %u large files open a thread\n",
	        (unsigned long long)limit, config->max_connections, config->cache_files);
}
