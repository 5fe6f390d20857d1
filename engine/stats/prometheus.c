/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prometheus.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_LIMIT = 16,      /* microseconds: the first bucket of a histogram; each limit is twice the previous one */
	LAST_LIMIT = 67108864, /* about a minute */
};

static void put_metric(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP tux_%s %s\n# TYPE tux_%s %s\n", name, help, name, type);
}

static void put_number(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	put_metric(out, name, type, help);
	fprintf(out, "tux_%s %" PRIu64 "\n", name, value);
}

/* Writes the samples of a histogram. labels: "", or labels with a comma after each. */
static void put_histogram(FILE *out, const char *name, const char *labels, const struct tux_histogram *histogram)
{
	const uint64_t all = tux_histogram_below(histogram, UINT64_MAX);
	const int labels_len = (int)strlen(labels);

	for (uint64_t limit = FIRST_LIMIT; limit <= LAST_LIMIT; limit *= 2) {
		fprintf(out, "tux_%s_bucket{%sle=\"", name, labels);
		snapshot_put_seconds(out, limit);
		fprintf(out, "\"} %" PRIu64 "\n", tux_histogram_below(histogram, limit));
	}
	fprintf(out, "tux_%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, all);
	fprintf(out, labels_len > 0 ? "tux_%s_sum{%.*s} " : "tux_%s_sum%.*s ", name, labels_len > 0 ? labels_len - 1 : 0, labels);
	snapshot_put_seconds(out, histogram->sum_us);
	fprintf(out, labels_len > 0 ? "\ntux_%s_count{%.*s} %" PRIu64 "\n" : "\ntux_%s_count%.*s %" PRIu64 "\n", name,
	        labels_len > 0 ? labels_len - 1 : 0, labels, all);
}

static void put_reasons(FILE *out, const char *name, const char *help, const uint64_t counts[TUX_REASONS])
{
	put_metric(out, name, "counter", help);
	for (int reason = 0; reason < TUX_REASONS; reason++) {
		const char *label = snapshot_reason_name((enum tux_reason)reason);

		if (label != NULL)
			fprintf(out, "tux_%s{reason=\"%s\"} %" PRIu64 "\n", name, label, counts[reason]);
	}
}

/* Writes one member of the counters of all upstream servers; offset is its position in them. */
static void put_of_peers(FILE *out, const struct snapshot *snapshot, const char *name, const char *type, const char *help, size_t offset)
{
	put_metric(out, name, type, help);
	for (unsigned i = 0; i < snapshot->peer_count; i++) {
		const struct snapshot_upstream *peer = &snapshot->peer[i];
		uint64_t value;

		memcpy(&value, (const char *)&peer->counters + offset, sizeof(value));
		fprintf(out, "tux_%s{upstream=", name);
		snapshot_put_quoted(out, peer->upstream);
		fputs(",server=", out);
		snapshot_put_quoted(out, peer->server);
		fprintf(out, "} %" PRIu64 "\n", value);
	}
}

static void put_peers(FILE *out, const struct snapshot *snapshot)
{
	put_of_peers(out, snapshot, "upstream_requests_total", "counter", "Requests to an upstream server.",
	             offsetof(struct tux_peer_counters, requests));
	put_of_peers(out, snapshot, "upstream_errors_total", "counter", "Requests that it did not answer, or not to the end.",
	             offsetof(struct tux_peer_counters, errors));
	put_of_peers(out, snapshot, "upstream_timeouts_total", "counter", "Errors where the time was up.",
	             offsetof(struct tux_peer_counters, timeouts));
	put_of_peers(out, snapshot, "upstream_retried_total", "counter", "Requests that went to another server after this one.",
	             offsetof(struct tux_peer_counters, retried));
	put_of_peers(out, snapshot, "upstream_connections_total", "counter", "Connections made.",
	             offsetof(struct tux_peer_counters, connections));
	put_of_peers(out, snapshot, "upstream_active", "gauge", "Requests under way.", offsetof(struct tux_peer_counters, active));
	put_of_peers(out, snapshot, "upstream_sent_bytes_total", "counter", "Bytes sent to it.",
	             offsetof(struct tux_peer_counters, sent_bytes));
	put_of_peers(out, snapshot, "upstream_received_bytes_total", "counter", "Bytes received from it.",
	             offsetof(struct tux_peer_counters, received_bytes));
	put_metric(out, "upstream_duration_seconds", "histogram", "From a request to the head of its answer.");
	for (unsigned i = 0; i < snapshot->peer_count; i++) {
		char *labels = NULL;
		size_t len;
		FILE *text = open_memstream(&labels, &len);

		if (text == NULL)
			return;
		fputs("upstream=", text);
		snapshot_put_quoted(text, snapshot->peer[i].upstream);
		fputs(",server=", text);
		snapshot_put_quoted(text, snapshot->peer[i].server);
		fputc(',', text);
		if (fclose(text) == 0)
			put_histogram(out, "upstream_duration_seconds", labels, &snapshot->peer[i].counters.latency);
		free(labels);
	}
}

/* Writes one member of the counters of all kinds of programs; offset is its position in them. */
static void put_of_programs(FILE *out, const struct snapshot *snapshot, const char *name, const char *type, const char *help, size_t offset)
{
	put_metric(out, name, type, help);
	for (unsigned i = 0; i < snapshot->program_count; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&snapshot->program[i].counters + offset, sizeof(value));
		fprintf(out, "tux_%s{cgi=", name);
		snapshot_put_quoted(out, snapshot->program[i].name);
		fprintf(out, "} %" PRIu64 "\n", value);
	}
}

static void put_programs(FILE *out, const struct snapshot *snapshot)
{
	put_of_programs(out, snapshot, "cgi_requests_total", "counter", "Requests for CGI programs.",
	                offsetof(struct tux_program_counters, requests));
	put_of_programs(out, snapshot, "cgi_started_total", "counter", "Programs that got a process.",
	                offsetof(struct tux_program_counters, started));
	put_of_programs(out, snapshot, "cgi_active", "gauge", "Programs that run, or wait to begin.",
	                offsetof(struct tux_program_counters, active));
	put_metric(out, "cgi_failed_total", "counter", "Programs that failed, by reason.");
	for (unsigned i = 0; i < snapshot->program_count; i++)
		for (unsigned failure = 0; failure < SNAPSHOT_FAILURES; failure++) {
			fputs("tux_cgi_failed_total{cgi=", out);
			snapshot_put_quoted(out, snapshot->program[i].name);
			fprintf(out, ",reason=\"%s\"} %" PRIu64 "\n", snapshot_failure_name(failure), snapshot_failure(&snapshot->program[i].counters, failure));
		}
	put_metric(out, "cgi_cpu_seconds_total", "counter", "CPU time of programs that have ended.");
	for (unsigned i = 0; i < snapshot->program_count; i++) {
		fputs("tux_cgi_cpu_seconds_total{cgi=", out);
		snapshot_put_quoted(out, snapshot->program[i].name);
		fputs("} ", out);
		snapshot_put_seconds(out, snapshot->program[i].counters.cpu_us);
		fputc('\n', out);
	}
	put_metric(out, "cgi_duration_seconds", "histogram", "From a program's start to its end.");
	for (unsigned i = 0; i < snapshot->program_count; i++) {
		char labels[256]; /* a name has 64 bytes at most, each quoted */
		FILE *text = fmemopen(labels, sizeof(labels), "w");

		if (text == NULL)
			return;
		fputs("cgi=", text);
		snapshot_put_quoted(text, snapshot->program[i].name);
		fputc(',', text);
		if (fclose(text) == 0)
			put_histogram(out, "cgi_duration_seconds", labels, &snapshot->program[i].counters.duration);
	}
}

/* Writes one member of the counters of all modules; offset is its position in them. */
static void put_of_modules(FILE *out, const struct snapshot *snapshot, const char *name, const char *type, const char *help, size_t offset)
{
	put_metric(out, name, type, help);
	for (unsigned i = 0; i < snapshot->module_count; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&snapshot->module[i].counters + offset, sizeof(value));
		fprintf(out, "tux_%s{module=", name);
		snapshot_put_quoted(out, snapshot->module[i].name);
		fprintf(out, "} %" PRIu64 "\n", value);
	}
}

static void put_modules(FILE *out, const struct snapshot *snapshot)
{
	put_of_modules(out, snapshot, "module_requests_total", "counter", "Requests for which a module was called.",
	               offsetof(struct tux_module_counters, requests));
	put_of_modules(out, snapshot, "module_active", "gauge", "Requests that a module has.", offsetof(struct tux_module_counters, active));
	put_metric(out, "module_ready", "gauge", "0 while the process of an isolated module starts, or after its start has failed.");
	for (unsigned i = 0; i < snapshot->module_count; i++) {
		fputs("tux_module_ready{module=", out);
		snapshot_put_quoted(out, snapshot->module[i].name);
		fprintf(out, "} %d\n", snapshot->module[i].state == SNAPSHOT_STATE_READY);
	}
	put_metric(out, "module_in_kernel", "gauge", "1 for a module that responds in the kernel, 0 for one that is not there now.");
	for (unsigned i = 0; i < snapshot->module_count; i++) {
		if (snapshot->module[i].kernel == SNAPSHOT_KERNEL_OFF)
			continue;
		fputs("tux_module_in_kernel{module=", out);
		snapshot_put_quoted(out, snapshot->module[i].name);
		fprintf(out, "} %d\n", snapshot->module[i].kernel == SNAPSHOT_KERNEL_HERE);
	}
	put_metric(out, "module_ended_total", "counter", "Requests that a module does not have any more, by outcome.");
	for (unsigned i = 0; i < snapshot->module_count; i++)
		for (unsigned outcome = 0; outcome < SNAPSHOT_OUTCOMES; outcome++) {
			fputs("tux_module_ended_total{module=", out);
			snapshot_put_quoted(out, snapshot->module[i].name);
			fprintf(out, ",outcome=\"%s\"} %" PRIu64 "\n", snapshot_outcome_name(outcome), snapshot_outcome(&snapshot->module[i].counters, outcome));
		}
	put_of_modules(out, snapshot, "module_long_calls_total", "counter", "Calls that took longer than 50 ms in a thread of the server.",
	               offsetof(struct tux_module_counters, long_calls));
	put_metric(out, "module_duration_seconds", "histogram", "From the call of a module until it gave the request back, or lost it.");
	for (unsigned i = 0; i < snapshot->module_count; i++) {
		char labels[256]; /* a name has 64 bytes at most, each quoted */
		FILE *text = fmemopen(labels, sizeof(labels), "w");

		if (text == NULL)
			return;
		fputs("module=", text);
		snapshot_put_quoted(text, snapshot->module[i].name);
		fputc(',', text);
		if (fclose(text) == 0)
			put_histogram(out, "module_duration_seconds", labels, &snapshot->module[i].counters.duration);
	}
}

/* Writes the labels of a certificate, and its value. */
static void put_certificate(FILE *out, const char *name, const struct tux_certificate_state *certificate, int64_t value)
{
	fprintf(out, "tux_%s{host=", name);
	snapshot_put_quoted(out, certificate->host);
	fputs(",file=", out);
	snapshot_put_quoted(out, certificate->file);
	fprintf(out, "} %" PRId64 "\n", value);
}

static void put_certificates(FILE *out, const struct snapshot *snapshot)
{
	static const char expires[] = "tls_certificate_expires_seconds", days_left[] = "tls_certificate_days_left", temporary[] = "tls_certificate_temporary";
	const struct tux_certificate_state *const certificate = snapshot->certificate;
	const unsigned count = snapshot->certificate_count;

	if (count == 0)
		return;
	put_metric(out, expires, "gauge", "Time at which a certificate expires, seconds since 1970.");
	for (unsigned i = 0; i < count; i++)
		put_certificate(out, expires, &certificate[i], certificate[i].end);
	put_metric(out, days_left, "gauge", "Whole days until a certificate expires; below 0 after that.");
	for (unsigned i = 0; i < count; i++)
		put_certificate(out, days_left, &certificate[i], snapshot_days_left(snapshot, &certificate[i]));
	put_metric(out, temporary, "gauge", "1: an authority has not signed the certificate yet, and no client trusts it.");
	for (unsigned i = 0; i < count; i++)
		put_certificate(out, temporary, &certificate[i], certificate[i].temporary);
}

void prometheus_write(FILE *out, const struct snapshot *snapshot)
{
	const struct tux_counters *counters = &snapshot->counters;

	put_metric(out, "info", "gauge", "Version and engine.");
	fputs("tux_info{version=", out);
	snapshot_put_quoted(out, snapshot->version);
	fputs(",engine=", out);
	snapshot_put_quoted(out, snapshot->engine);
	fputs("} 1\n", out);
	put_metric(out, "uptime_seconds", "gauge", "Time since the start.");
	fputs("tux_uptime_seconds ", out);
	snapshot_put_seconds(out, snapshot->up_ms * 1000);
	fputc('\n', out);
	put_number(out, "ready", "gauge", "1 until the server is told to stop or replaced, then 0.", snapshot->ready);
	put_number(out, "threads", "gauge", "Threads that serve.", snapshot->threads);
	put_number(out, "requests_total", "counter", "Requests answered.", counters->requests);
	put_metric(out, "responses_total", "counter", "Answers of the user engine by their status.");
	for (unsigned i = 0; i < TUX_STATUSES; i++)
		if (counters->status[i] > 0)
			fprintf(out, "tux_responses_total{code=\"%u\"} %" PRIu64 "\n", TUX_FIRST_STATUS + i, counters->status[i]);
	put_number(out, "sent_bytes_total", "counter", "Bytes sent, heads included.", counters->sent_bytes);
	put_number(out, "refused_total", "counter", "Requests refused by the protocol or a limit.", counters->refused);
	put_number(out, "errors_total", "counter", "Answers with 5xx, and answers cut short.", counters->errors);
	put_number(out, "modules_absent_total", "counter", "Requests for a module that is not loaded.", counters->modules_absent);
	put_metric(out, "request_duration_seconds", "histogram",
	           "From a request's head to its answer's last byte with the kernel; of the user engine.");
	put_histogram(out, "request_duration_seconds", "", &counters->latency);
	put_number(out, "connections_total", "counter", "Connections accepted.", counters->connections);
	put_number(out, "tls_handshakes_total", "counter", "Handshakes of TLS that were completed.", counters->handshakes);
	put_number(out, "tls_handshakes_resumed_total", "counter", "Part of them with a ticket of an earlier connection.",
	           counters->handshakes_resumed);
	put_number(out, "tls_handshakes_failed_total", "counter", "Handshakes of TLS that were not completed.", counters->handshakes_failed);
	put_number(out, "tls_handshakes_limited_total", "counter", "Part of them refused because of handshakes-per-client.",
	           counters->handshakes_limited);
	put_certificates(out, snapshot);
	if (snapshot->renews)
		put_number(out, "tls_renewals_failed_total", "counter", "Attempts to get a certificate of a public authority that have failed.",
		           snapshot->renewals_failed);
	put_metric(out, "connections", "gauge", "Connections by what they are at.");
	for (int phase = 0; phase < TUX_PHASES; phase++)
		fprintf(out, "tux_connections{state=\"%s\"} %" PRIu64 "\n", snapshot_phase_name((enum tux_phase)phase), counters->phase[phase]);
	if (snapshot->kernel)
		fprintf(out, "tux_connections{state=\"kernel\"} %" PRIu64 "\n", counters->kernel_open);
	put_number(out, "connections_max", "gauge", "The limit of connections.", snapshot->max_connections);
	put_number(out, "cache_hits_total", "counter", "Look-ups that the cache answered.", counters->cache_hits);
	put_number(out, "cache_misses_total", "counter", "Look-ups that went to the file system.", counters->cache_misses);
	put_number(out, "listings_total", "counter", "Listings of directories that were made.", counters->listings);
	put_number(out, "cache_objects", "gauge", "Files in the threads' caches.", counters->cached);
	put_number(out, "cache_bytes", "gauge", "Bodies in memory.", counters->cached_bytes);
	put_number(out, "cache_files", "gauge", "Open files in the caches.", counters->cached_files);
	put_number(out, "log_records_lost_total", "counter", "Access records that were not written.", counters->records_lost);
	put_number(out, "error_lines_left_out_total", "counter", "Lines about requests that the error log lacks.",
	           counters->error_lines_left_out);
	if (snapshot->kernel) {
		put_number(out, "kernel_requests_total", "counter", "Requests that the kernel engine answered.", counters->kernel_requests);
		put_reasons(out, "kernel_handed_up_total", "Connections from the kernel engine to the user engine.", counters->handed_up);
		put_reasons(out, "kernel_handed_over_total", "Connections from the kernel engine to another server.", counters->handed_over);
		put_number(out, "kernel_given_back_total", "counter", "Connections from the user engine to the kernel engine.",
		           counters->given_back);
	}
	if (snapshot->peer_count > 0)
		put_peers(out, snapshot);
	if (snapshot->program_count > 0)
		put_programs(out, snapshot);
	if (snapshot->module_count > 0)
		put_modules(out, snapshot);
}
