/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json.h"

#include <inttypes.h>

static void json_histogram(FILE *out, const struct tux_histogram *histogram)
{
	static const unsigned thousandths[] = { 500, 900, 990, 999 };
	const char *comma = "";

	fprintf(out, "{\"count\":%" PRIu64 ",\"sum_us\":%" PRIu64, tux_histogram_below(histogram, UINT64_MAX), histogram->sum_us);
	for (unsigned i = 0; i < sizeof(thousandths) / sizeof(thousandths[0]); i++)
		fprintf(out, ",\"p%u_us\":%" PRIu64, thousandths[i] % 10 == 0 ? thousandths[i] / 10 : thousandths[i],
		        tux_histogram_quantile(histogram, thousandths[i]));
	fputs(",\"below_us\":[", out); /* for each non-empty bucket: its limit and its count */
	for (unsigned i = 0; i < TUX_HISTOGRAM_BUCKETS; i++) {
		if (histogram->bucket[i] == 0)
			continue;
		fprintf(out, "%s[%" PRIu64 ",%" PRIu64 "]", comma, tux_histogram_limit(i), histogram->bucket[i]);
		comma = ",";
	}
	fputs("]}", out);
}

static void json_reasons(FILE *out, const uint64_t counts[TUX_REASONS])
{
	const char *comma = "";

	fputc('{', out);
	for (int reason = 0; reason < TUX_REASONS; reason++) {
		const char *name = snapshot_reason_name((enum tux_reason)reason);

		if (name == NULL)
			continue;
		fprintf(out, "%s\"%s\":%" PRIu64, comma, name, counts[reason]);
		comma = ",";
	}
	fputc('}', out);
}

static void json_peers(FILE *out, const struct snapshot *snapshot)
{
	fputs(",\n\"upstreams\":[", out);
	for (unsigned i = 0; i < snapshot->peer_count; i++) {
		const struct snapshot_upstream *peer = &snapshot->peer[i];
		const struct tux_peer_counters *counters = &peer->counters;

		fputs(i > 0 ? ",\n{\"upstream\":" : "\n{\"upstream\":", out);
		snapshot_put_quoted(out, peer->upstream);
		fputs(",\"server\":", out);
		snapshot_put_quoted(out, peer->server);
		fprintf(out, ",\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"timeouts\":%" PRIu64 ",\"retried\":%" PRIu64
		        ",\"connections\":%" PRIu64 ",\"active\":%" PRIu64 ",\"sent_bytes\":%" PRIu64 ",\"received_bytes\":%" PRIu64
		        ",\"latency\":", counters->requests, counters->errors, counters->timeouts, counters->retried,
		        counters->connections, counters->active, counters->sent_bytes, counters->received_bytes);
		json_histogram(out, &counters->latency);
		fputc('}', out);
	}
	fputc(']', out);
}

static void json_programs(FILE *out, const struct snapshot *snapshot)
{
	fputs(",\n\"cgi\":[", out);
	for (unsigned i = 0; i < snapshot->program_count; i++) {
		const struct tux_program_counters *counters = &snapshot->program[i].counters;

		fputs(i > 0 ? ",\n{\"cgi\":" : "\n{\"cgi\":", out);
		snapshot_put_quoted(out, snapshot->program[i].name);
		fprintf(out, ",\"requests\":%" PRIu64 ",\"started\":%" PRIu64 ",\"active\":%" PRIu64 ",\"failed\":{", counters->requests,
		        counters->started, counters->active);
		for (unsigned failure = 0; failure < SNAPSHOT_FAILURES; failure++)
			fprintf(out, "%s\"%s\":%" PRIu64, failure > 0 ? "," : "", snapshot_failure_name(failure), snapshot_failure(counters, failure));
		fprintf(out, "},\"cpu_us\":%" PRIu64 ",\"duration\":", counters->cpu_us);
		json_histogram(out, &counters->duration);
		fputc('}', out);
	}
	fputc(']', out);
}

static void json_tls(FILE *out, const struct snapshot *snapshot)
{
	const struct tux_counters *counters = &snapshot->counters;

	fputs(",\n\"tls\":{\"by\":", out);
	snapshot_put_quoted(out, snapshot->tls != NULL ? snapshot->tls : "");
	fprintf(out, ",\"handshakes\":%" PRIu64 ",\"resumed\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"limited\":%" PRIu64 ",\"certificates\":[", counters->handshakes,
	        counters->handshakes_resumed, counters->handshakes_failed, counters->handshakes_limited);
	for (unsigned i = 0; i < snapshot->certificate_count; i++) {
		const struct tux_certificate_state *const certificate = &snapshot->certificate[i];

		fputs(i > 0 ? ",\n{\"host\":" : "\n{\"host\":", out);
		snapshot_put_quoted(out, certificate->host);
		fputs(",\"file\":", out);
		snapshot_put_quoted(out, certificate->file);
		fprintf(out, ",\"expires\":%" PRId64 ",\"days_left\":%" PRId64 ",\"temporary\":%s}", certificate->end,
		        snapshot_days_left(snapshot, certificate), certificate->temporary ? "true" : "false");
	}
	fprintf(out, "],\"renewals_failed\":%" PRIu64 "}", snapshot->renewals_failed);
}

static void json_modules(FILE *out, const struct snapshot *snapshot)
{
	fprintf(out, ",\n\"modules\":{\"absent\":%" PRIu64 ",\"loaded\":[", snapshot->counters.modules_absent);
	for (unsigned i = 0; i < snapshot->module_count; i++) {
		const struct snapshot_module *module = &snapshot->module[i];
		const struct tux_module_counters *counters = &module->counters;

		fputs(i > 0 ? ",\n{\"module\":" : "\n{\"module\":", out);
		snapshot_put_quoted(out, module->name);
		if (module->process[0] != '\0') {
			fputs(",\"process\":", out);
			snapshot_put_quoted(out, module->process);
		}
		fprintf(out, ",\"host\":\"%s\",\"state\":\"%s\",\"threads\":%u", snapshot_host_name(module->host), snapshot_state_name(module->state),
		        module->threads);
		fprintf(out, ",\"abi\":%u,\"functions\":%u,\"kernel\":\"%s\",\"kernel_requests\":%" PRIu64 ",\"verified\":%s", module->abi, module->functions,
		        snapshot_kernel_name(module->kernel), module->kernel_requests, module->verified ? "true" : "false");
		fprintf(out, ",\"requests\":%" PRIu64 ",\"active\":%" PRIu64 ",\"ended\":{", counters->requests, counters->active);
		for (unsigned outcome = 0; outcome < SNAPSHOT_OUTCOMES; outcome++)
			fprintf(out, "%s\"%s\":%" PRIu64, outcome > 0 ? "," : "", snapshot_outcome_name(outcome), snapshot_outcome(counters, outcome));
		fprintf(out, "},\"long_calls\":%" PRIu64 ",\"duration\":", counters->long_calls);
		json_histogram(out, &counters->duration);
		fputc('}', out);
	}
	fputs("]}", out);
}

void json_write(FILE *out, const struct snapshot *snapshot)
{
	const struct tux_counters *counters = &snapshot->counters;
	const char *comma = "";

	fputs("{\"version\":", out);
	snapshot_put_quoted(out, snapshot->version);
	fputs(",\"engine\":", out);
	snapshot_put_quoted(out, snapshot->engine);
	fprintf(out, ",\"ready\":%s,\"pid\":%" PRIu64 ",\"threads\":%u,\"uptime_ms\":%" PRIu64, snapshot->ready ? "true" : "false", snapshot->pid,
	        snapshot->threads, snapshot->up_ms);
	fprintf(out, ",\n\"requests\":%" PRIu64 ",\"sent_bytes\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"errors\":%" PRIu64,
	        counters->requests, counters->sent_bytes, counters->refused, counters->errors);
	fputs(",\n\"status\":{", out);
	for (unsigned i = 0; i < TUX_STATUSES; i++) {
		if (counters->status[i] == 0)
			continue;
		fprintf(out, "%s\"%u\":%" PRIu64, comma, TUX_FIRST_STATUS + i, counters->status[i]);
		comma = ",";
	}
	fputs("},\n\"latency\":", out);
	json_histogram(out, &counters->latency);
	fprintf(out, ",\n\"connections\":{\"accepted\":%" PRIu64 ",\"open\":%" PRIu64 ",\"max\":%u", counters->connections, counters->open,
	        snapshot->max_connections);
	for (int phase = 0; phase < TUX_PHASES; phase++)
		fprintf(out, ",\"%s\":%" PRIu64, snapshot_phase_name((enum tux_phase)phase), counters->phase[phase]);
	fprintf(out, "},\n\"cache\":{\"hits\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"objects\":%" PRIu64 ",\"bytes\":%" PRIu64
	        ",\"files\":%" PRIu64 "},\n\"log\":{\"lost\":%" PRIu64 ",\"error_lines_left_out\":%" PRIu64 "}", counters->cache_hits, counters->cache_misses,
	        counters->cached, counters->cached_bytes, counters->cached_files, counters->records_lost,
	        counters->error_lines_left_out);
	fprintf(out, ",\n\"work\":{\"heads_parsed\":%" PRIu64 ",\"requests_routed\":%" PRIu64 ",\"directories_learned\":%" PRIu64 ",\"siblings_known\":%" PRIu64 "}",
	        counters->heads_parsed, counters->requests_routed, counters->directories_learned, counters->siblings_known);
	json_tls(out, snapshot);
	json_modules(out, snapshot);
	if (snapshot->kernel) {
		fprintf(out, ",\n\"kernel\":{\"requests\":%" PRIu64 ",\"open\":%" PRIu64 ",\"given_back\":%" PRIu64 ",\"handed_up\":",
		        counters->kernel_requests, counters->kernel_open, counters->given_back);
		json_reasons(out, counters->handed_up);
		fputs(",\"handed_over\":", out);
		json_reasons(out, counters->handed_over);
		fputc('}', out);
	}
	if (snapshot->peer_count > 0)
		json_peers(out, snapshot);
	if (snapshot->program_count > 0)
		json_programs(out, snapshot);
	fputs("}\n", out);
}
