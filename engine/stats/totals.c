/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "totals.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../challenges.h"
#include "report.h"

void totals_sum(const struct totals *totals, struct tux_counters *sum)
{
	*sum = (struct tux_counters){ .requests = 0 };
	for (unsigned i = 0; i < totals->config->threads; i++)
		if (totals->threads[i] != NULL)
			counters_add(sum, &totals->threads[i]->counters);
	sum->records_lost += __atomic_load_n(&totals->records_failed, __ATOMIC_RELAXED);
	sum->listings = __atomic_load_n(&totals->listings->made, __ATOMIC_RELAXED);
	kernel_link_count(totals->kernel, sum);
}

unsigned totals_peer_count(const struct tux_engine_config *config)
{
	unsigned count = 0;

	for (unsigned i = 0; i < config->upstream_count; i++)
		count += config->upstreams[i].server_count;
	return count;
}

/* True if a server is only a spare place for another address of a name. */
static bool is_spare(const struct tux_upstream_server *server, const struct tux_peer_counters *counters)
{
	return server->resolved != NULL && __atomic_load_n(&server->resolved->len, __ATOMIC_RELAXED) == 0 && counters->requests == 0;
}

/* Adds up the servers of all upstreams, one after another, in the order of the workers' counters. Returns their number. */
static unsigned peers_sum(const struct totals *totals, struct snapshot_upstream *peer)
{
	const struct tux_engine_config *config = totals->config;
	unsigned at = 0, shown = 0;

	for (unsigned i = 0; i < config->upstream_count; i++)
		for (unsigned server = 0; server < config->upstreams[i].server_count; server++, at++) {
			struct snapshot_upstream *one = &peer[shown];

			*one = (struct snapshot_upstream){ .upstream = config->upstreams[i].name, .server = config->upstreams[i].server[server].name };
			for (unsigned w = 0; w < config->threads; w++)
				if (totals->threads[w] != NULL && totals->threads[w]->peers != NULL)
					peer_counters_add(&one->counters, &totals->threads[w]->peers[at]);
			shown += !is_spare(&config->upstreams[i].server[server], &one->counters);
		}
	return shown;
}

/*
 * Adds up the kinds of CGI programs by their names. The kinds of selected files count as one, for all roots. Returns their number.
 */
static unsigned programs_sum(const struct totals *totals, struct snapshot_cgi *program)
{
	const struct tux_engine_config *config = totals->config;
	unsigned count = 0;

	for (unsigned i = 0; i < config->cgi_count; i++) {
		unsigned at = 0;

		while (at < count && strcmp(program[at].name, config->cgi[i].name) != 0)
			at++;
		count += at == count;
		program[at].name = config->cgi[i].name;
		for (unsigned w = 0; w < config->threads; w++)
			if (totals->threads[w] != NULL && totals->threads[w]->programs != NULL)
				program_counters_add(&program[at].counters, &totals->threads[w]->programs[i]);
	}
	return count;
}

/* True if a module responds in the kernel at times. */
static bool may_be_in_kernel(const struct tux_module_config *module)
{
	return module->kernel || module->bpf != NULL;
}

static enum snapshot_kernel kernel_state(enum tux_presence presence)
{
	switch (presence) {
	case TUX_PRESENCE_MODULE:
	case TUX_PRESENCE_VERIFIED:
		return SNAPSHOT_KERNEL_HERE;
	case TUX_PRESENCE_SLOW:
		return SNAPSHOT_KERNEL_SLOW;
	case TUX_PRESENCE_NONE:
		break;
	}
	return SNAPSHOT_KERNEL_AWAY;
}

/* Adds what the kernel engine has done for a module. */
static void kernel_module_sum(const struct totals *totals, unsigned number, struct snapshot_module *one)
{
	const enum tux_presence presence = kernel_link_module(totals->kernel, number);

	if (!may_be_in_kernel(&totals->config->modules[number]))
		return;
	one->kernel = kernel_state(presence);
	one->verified = presence == TUX_PRESENCE_VERIFIED;
	one->kernel_requests = kernel_link_module_count(totals->kernel, number, &one->counters);
}

static int by_name(const void *one, const void *other)
{
	return strcmp(((const struct snapshot_module *)one)->name, ((const struct snapshot_module *)other)->name);
}

/* Adds up the modules that are loaded, here or in the kernel, in the order of their names. Returns their number. */
static unsigned modules_sum(const struct totals *totals, struct snapshot_module *module)
{
	const struct tux_engine_config *config = totals->config;
	unsigned loaded = 0;

	for (unsigned i = 0; i < config->module_count; i++) {
		struct snapshot_module *one = &module[loaded];

		*one = (struct snapshot_module){ .name = config->modules[i].name, .file = config->modules[i].file };
		if (!totals->describe_module(config, i, one) && !may_be_in_kernel(&config->modules[i]))
			continue;
		kernel_module_sum(totals, i, one);
		for (unsigned w = 0; w < config->threads; w++)
			if (totals->threads[w] != NULL && totals->threads[w]->modules != NULL)
				module_counters_add(&one->counters, &totals->threads[w]->modules[i]);
		loaded++;
	}
	qsort(module, loaded, sizeof(*module), by_name);
	return loaded;
}

bool totals_ready(const struct totals *totals)
{
	return !__atomic_load_n(totals->leaves, __ATOMIC_RELAXED);
}

char *totals_report(const struct totals *totals, enum tux_report_form form, const char *nonce, size_t *len)
{
	const struct tux_engine_config *config = totals->config;
	struct snapshot_upstream *peer = calloc(totals_peer_count(config) + 1, sizeof(*peer));
	struct snapshot_cgi *program = calloc(config->cgi_count + 1, sizeof(*program));
	struct snapshot_module *module = calloc(config->module_count + 1, sizeof(*module));
	struct snapshot report = {
		.version = config->version,
		.tls = totals->config->tls_description,
		.certificate = config->certificates,
		.certificate_count = config->certificate_count,
		.renews = config->challenges != NULL,
		.renewals_failed = config->challenges != NULL ? __atomic_load_n(&config->challenges->failures, __ATOMIC_RELAXED) : 0,
		.now = (int64_t)time(NULL),
		.engine = totals->description,
		.pid = (uint64_t)getpid(),
		.threads = config->threads,
		.max_connections = config->max_connections,
		.kernel = totals->kernel->shared != NULL,
		.ready = totals_ready(totals),
	};
	struct timespec now;
	char *text = NULL;

	if (peer == NULL || program == NULL || module == NULL)
		goto out_free;
	report.peer_count = peers_sum(totals, peer);
	report.peer = peer;
	report.program_count = programs_sum(totals, program);
	report.program = program;
	report.module_count = modules_sum(totals, module);
	report.module = module;
	clock_gettime(CLOCK_MONOTONIC, &now);
	report.up_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 - totals->started_ms;
	totals_sum(totals, &report.counters);
	text = report_write(&report, form, nonce, len);
out_free:
	free(module);
	free(program);
	free(peer);
	return text;
}
