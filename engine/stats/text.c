/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status for people at a terminal. */
#include <inttypes.h>

#include "text.h"

static void name_write(FILE *out, const char *name)
{
	fprintf(out, "  %-12s ", name);
}

static void line_write(FILE *out, const char *name, uint64_t value)
{
	name_write(out, name);
	snapshot_put_count(out, value);
	fputc('\n', out);
}

/* Writes one of several parts of a line, unless its value is 0. */
static void part_write(FILE *out, const char **before, const char *name, uint64_t value)
{
	if (value == 0)
		return;
	fprintf(out, "%s%s ", *before, name);
	snapshot_put_count(out, value);
	*before = ", ";
}

static void requests_write(FILE *out, const struct tux_counters *counters)
{
	const char *before = ": ";
	char name[8];

	name_write(out, "requests");
	snapshot_put_count(out, counters->requests);
	for (unsigned i = 0; i < TUX_STATUSES; i++) {
		snprintf(name, sizeof(name), "%u", TUX_FIRST_STATUS + i);
		part_write(out, &before, name, counters->status[i]);
	}
	part_write(out, &before, "in the kernel", counters->kernel_requests);
	fputc('\n', out);
}

/* Writes nothing for an empty histogram: it would say that all were faster than 0. */
static void latency_write(FILE *out, const char *name, const struct tux_histogram *histogram)
{
	static const unsigned thousandths[] = { 500, 900, 990, 999 };

	if (tux_histogram_quantile(histogram, thousandths[0]) == 0)
		return;
	name_write(out, name);
	for (unsigned i = 0; i < sizeof(thousandths) / sizeof(thousandths[0]); i++) {
		fprintf(out, "%s%u%s %% below ", i > 0 ? ", " : "", thousandths[i] / 10, thousandths[i] % 10 ? ".9" : "");
		snapshot_put_duration(out, tux_histogram_quantile(histogram, thousandths[i]));
	}
	fputc('\n', out);
}

static void connections_write(FILE *out, const struct snapshot *snapshot)
{
	const struct tux_counters *counters = &snapshot->counters;
	const char *before = ": ";

	name_write(out, "connections");
	snapshot_put_count(out, counters->open);
	fputs(" of at most ", out);
	snapshot_put_count(out, snapshot->max_connections);
	for (int phase = 0; phase < TUX_PHASES; phase++)
		part_write(out, &before, snapshot_phase_name((enum tux_phase)phase), counters->phase[phase]);
	part_write(out, &before, "in the kernel", counters->kernel_open);
	fputc('\n', out);
	line_write(out, "accepted", counters->connections);
}

static void tls_write(FILE *out, const struct tux_counters *counters)
{
	const char *before = ", ";

	if (counters->handshakes + counters->handshakes_failed == 0)
		return;
	name_write(out, "handshakes");
	snapshot_put_count(out, counters->handshakes);
	fputs(" completed", out);
	part_write(out, &before, "resumed", counters->handshakes_resumed);
	part_write(out, &before, "failed", counters->handshakes_failed);
	part_write(out, &before, "over the client's limit", counters->handshakes_limited);
	fputc('\n', out);
}

static void certificates_write(FILE *out, const struct snapshot *snapshot)
{
	for (unsigned i = 0; i < snapshot->certificate_count; i++) {
		const struct tux_certificate_state *const certificate = &snapshot->certificate[i];
		const int64_t days = snapshot_days_left(snapshot, certificate);

		name_write(out, "certificate");
		if (certificate->host[0] != '\0') {
			snapshot_put_escaped(out, TUX_ESCAPE_MESSAGE, certificate->host);
			fputs(": ", out);
		}
		if (certificate->end <= snapshot->now)
			fputs("expired", out);
		else
			fprintf(out, "%" PRId64 " day%s left", days, days == 1 ? "" : "s");
		fputs(certificate->temporary ? ", temporary: no client trusts it; " : "; ", out);
		snapshot_put_escaped(out, TUX_ESCAPE_MESSAGE, certificate->file);
		fputc('\n', out);
	}
}

static void reasons_write(FILE *out, const char *name, const uint64_t counts[TUX_REASONS])
{
	const char *before = ": ";
	uint64_t sum = 0;

	for (int reason = 0; reason < TUX_REASONS; reason++)
		sum += counts[reason];
	name_write(out, name);
	snapshot_put_count(out, sum);
	for (int reason = 0; reason < TUX_REASONS; reason++)
		if (snapshot_reason_name((enum tux_reason)reason) != NULL)
			part_write(out, &before, snapshot_reason_name((enum tux_reason)reason), counts[reason]);
	fputc('\n', out);
}

static void peers_write(FILE *out, const struct snapshot *snapshot)
{
	for (unsigned i = 0; i < snapshot->peer_count; i++) {
		const struct snapshot_upstream *peer = &snapshot->peer[i];
		const char *before = ": ";

		fputs("  upstream ", out);
		snapshot_put_escaped(out, TUX_ESCAPE_MESSAGE, peer->upstream);
		fputs(", ", out);
		snapshot_put_escaped(out, TUX_ESCAPE_MESSAGE, peer->server);
		part_write(out, &before, "requests", peer->counters.requests);
		part_write(out, &before, "now", peer->counters.active);
		part_write(out, &before, "errors", peer->counters.errors);
		part_write(out, &before, "time-outs", peer->counters.timeouts);
		part_write(out, &before, "retried", peer->counters.retried);
		part_write(out, &before, "connections", peer->counters.connections);
		fputc('\n', out);
		latency_write(out, "", &peer->counters.latency);
	}
}

static void programs_write(FILE *out, const struct snapshot *snapshot)
{
	for (unsigned i = 0; i < snapshot->program_count; i++) {
		const struct tux_program_counters *counters = &snapshot->program[i].counters;
		const char *before = ": ";

		fputs("  cgi ", out);
		snapshot_put_escaped(out, TUX_ESCAPE_MESSAGE, snapshot->program[i].name);
		part_write(out, &before, "requests", counters->requests);
		part_write(out, &before, "started", counters->started);
		part_write(out, &before, "now", counters->active);
		part_write(out, &before, "failed", snapshot_failed(counters));
		if (snapshot_failed(counters) > 0) {
			fputs(" (", out);
			snapshot_put_failures(out, counters);
			fputc(')', out);
		}
		fputs(", CPU ", out);
		snapshot_put_duration(out, counters->cpu_us);
		fputc('\n', out);
		latency_write(out, "", &counters->duration);
	}
}

static void module_write(FILE *out, const struct snapshot_module *module)
{
	const struct tux_module_counters *counters = &module->counters;
	const char *before = ": ";

	fputs("  module ", out);
	snapshot_put_escaped(out, TUX_ESCAPE_MESSAGE, module->name);
	fputs(" (", out);
	snapshot_put_host(out, module);
	fputc(')', out);
	part_write(out, &before, "requests", counters->requests);
	part_write(out, &before, "of them in the kernel", module->kernel_requests);
	part_write(out, &before, "now", counters->active);
	for (unsigned outcome = 0; outcome < SNAPSHOT_OUTCOMES; outcome++)
		part_write(out, &before, snapshot_outcome_name(outcome), snapshot_outcome(counters, outcome));
	part_write(out, &before, "long calls", counters->long_calls);
	fputc('\n', out);
	latency_write(out, "", &counters->duration);
}

void text_write_modules(FILE *out, const struct snapshot *snapshot)
{
	fprintf(out, "tux %s, process %" PRIu64 ": %u module%s\n", snapshot->version, snapshot->pid, snapshot->module_count,
	        snapshot->module_count == 1 ? "" : "s");
	for (unsigned i = 0; i < snapshot->module_count; i++) {
		module_write(out, &snapshot->module[i]);
		if (snapshot->module[i].file == NULL)
			continue;
		name_write(out, "");
		snapshot_put_escaped(out, TUX_ESCAPE_MESSAGE, snapshot->module[i].file);
		fprintf(out, ", ABI %u with %u functions%s%s\n", snapshot->module[i].abi, snapshot->module[i].functions,
		        snapshot->module[i].process[0] != '\0' ? ", " : "", snapshot->module[i].process);
	}
}

void text_write(FILE *out, const struct snapshot *snapshot)
{
	const struct tux_counters *counters = &snapshot->counters;
	const uint64_t up_s = snapshot->up_ms / 1000;

	fprintf(out, "tux %s, process %" PRIu64 ", up for %" PRIu64 " d %u h %u min %u s\n", snapshot->version, snapshot->pid, up_s / 86400,
	        (unsigned)(up_s / 3600 % 24), (unsigned)(up_s / 60 % 60), (unsigned)(up_s % 60));
	if (!snapshot->ready)
		fputs("  not ready: it stops, or another process serves\n", out);
	name_write(out, "engine");
	fprintf(out, "%s, %u thread%s\n", snapshot->engine, snapshot->threads, snapshot->threads == 1 ? "" : "s");
	if (snapshot->tls != NULL) {
		name_write(out, "tls");
		fprintf(out, "%s\n", snapshot->tls);
	}
	requests_write(out, counters);
	name_write(out, "sent");
	snapshot_put_bytes(out, counters->sent_bytes);
	fputc('\n', out);
	line_write(out, "refused", counters->refused);
	line_write(out, "errors", counters->errors);
	if (counters->modules_absent > 0)
		line_write(out, "no module", counters->modules_absent);
	latency_write(out, "answered", &counters->latency);
	connections_write(out, snapshot);
	tls_write(out, counters);
	certificates_write(out, snapshot);
	if (snapshot->renews)
		line_write(out, "renewals failed", snapshot->renewals_failed);
	name_write(out, "cache");
	snapshot_put_count(out, counters->cache_hits);
	fputs(" hits, ", out);
	snapshot_put_count(out, counters->cache_misses);
	fputs(" misses, ", out);
	snapshot_put_count(out, counters->cached);
	fputs(" files, ", out);
	snapshot_put_bytes(out, counters->cached_bytes);
	fputs(" in memory\n", out);
	line_write(out, "log lost", counters->records_lost);
	if (counters->error_lines_left_out > 0)
		line_write(out, "lines lost", counters->error_lines_left_out);
	if (snapshot->kernel) {
		reasons_write(out, "handed up", counters->handed_up);
		reasons_write(out, "handed over", counters->handed_over);
		line_write(out, "given back", counters->given_back);
	}
	peers_write(out, snapshot);
	programs_write(out, snapshot);
	for (unsigned i = 0; i < snapshot->module_count; i++) {
		module_write(out, &snapshot->module[i]);
		if (snapshot->module[i].process[0] == '\0')
			continue;
		name_write(out, "");
		fprintf(out, "%s\n", snapshot->module[i].process);
	}
}
