/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../io/print.h"

enum {
	FIRST_LIMIT = 16,      /* microseconds: the histogram's first bucket for Prometheus; each is twice the one before, */
	LAST_LIMIT = 67108864, /* up to a minute */
};

const char *report_phase_name(enum tux_phase phase)
{
	static const char *const names[TUX_PHASES] = {
		[TUX_PHASE_IDLE] = "idle",       [TUX_PHASE_READING] = "reading", [TUX_PHASE_WAITING] = "waiting",
		[TUX_PHASE_SENDING] = "sending", [TUX_PHASE_CLOSING] = "closing",
	};

	return names[phase];
}

const char *report_reason_name(enum tux_reason reason)
{
	static const char *const names[TUX_REASONS] = {
		[TUX_REASON_REFUSED] = "malformed", [TUX_REASON_METHOD] = "method",   [TUX_REASON_BODY] = "body",
		[TUX_REASON_TARGET] = "path",       [TUX_REASON_MISSING] = "missing", [TUX_REASON_ABSENT] = "other_file",
		[TUX_REASON_ANSWER] = "other_answer", [TUX_REASON_TIMEOUT] = "slow_head", [TUX_REASON_RECORDS] = "log_full",
		[TUX_REASON_MEMORY] = "no_memory",  [TUX_REASON_DRAIN] = "stopping",  [TUX_REASON_PREFIX] = "prefix",
		[TUX_REASON_ROUTE] = "route",       [TUX_REASON_BACKEND] = "no_backend",
	};

	return names[reason];
}

void report_put_count(FILE *out, uint64_t value)
{
	char digits[24];
	const size_t len = print(digits, sizeof(digits), "%" PRIu64, value);

	for (size_t i = 0; i < len; i++)
		fprintf(out, i > 0 && (len - i) % 3 == 0 ? ",%c" : "%c", digits[i]);
}

void report_put_bytes(FILE *out, uint64_t bytes)
{
	static const char units[] = "kMGTPE";
	uint64_t unit = 1000;
	int i = 0;

	if (bytes < 1000) {
		fprintf(out, "%u B", (unsigned)bytes);
		return;
	}
	for (; bytes / unit >= 1000 && units[i + 1] != '\0'; i++)
		unit *= 1000;
	fprintf(out, "%u.%u %cB", (unsigned)(bytes / unit), (unsigned)(bytes / (unit / 10) % 10), units[i]);
}

void report_put_duration(FILE *out, uint64_t us)
{
	if (us < 1000)
		fprintf(out, "%u \302\265s", (unsigned)us);
	else if (us < 1000000)
		fprintf(out, "%u.%u ms", (unsigned)(us / 1000), (unsigned)(us / 100 % 10));
	else
		fprintf(out, "%" PRIu64 ".%u s", us / 1000000, (unsigned)(us / 100000 % 10));
}

/* Seconds with all their digits: numbers are written without the locale. */
static void put_seconds(FILE *out, uint64_t us)
{
	fprintf(out, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
}

/* A text between quotes, for JSON and for labels alike; without '<', so that JSON may stand in a page. */
static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc((unsigned char)*text < ' ' || *text == '<' ? '?' : *text, out);
	}
	fputc('"', out);
}

static void put_metric(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP tux_%s %s\n# TYPE tux_%s %s\n", name, help, name, type);
}

static void put_number(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	put_metric(out, name, type, help);
	fprintf(out, "tux_%s %" PRIu64 "\n", name, value);
}

/* The samples of a histogram; labels: "" or some, with a comma behind the last. */
static void put_histogram(FILE *out, const char *name, const char *labels, const struct tux_histogram *histogram)
{
	const uint64_t all = tux_histogram_below(histogram, UINT64_MAX);
	const int labels_len = (int)strlen(labels);

	for (uint64_t limit = FIRST_LIMIT; limit <= LAST_LIMIT; limit *= 2) {
		fprintf(out, "tux_%s_bucket{%sle=\"", name, labels);
		put_seconds(out, limit);
		fprintf(out, "\"} %" PRIu64 "\n", tux_histogram_below(histogram, limit));
	}
	fprintf(out, "tux_%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, all);
	fprintf(out, labels_len > 0 ? "tux_%s_sum{%.*s} " : "tux_%s_sum%.*s ", name, labels_len > 0 ? labels_len - 1 : 0, labels);
	put_seconds(out, histogram->sum_us);
	fprintf(out, labels_len > 0 ? "\ntux_%s_count{%.*s} %" PRIu64 "\n" : "\ntux_%s_count%.*s %" PRIu64 "\n", name,
	        labels_len > 0 ? labels_len - 1 : 0, labels, all);
}

static void put_reasons(FILE *out, const char *name, const char *help, const uint64_t counts[TUX_REASONS])
{
	put_metric(out, name, "counter", help);
	for (int reason = 0; reason < TUX_REASONS; reason++) {
		const char *label = report_reason_name((enum tux_reason)reason);

		if (label != NULL)
			fprintf(out, "tux_%s{reason=\"%s\"} %" PRIu64 "\n", name, label, counts[reason]);
	}
}

/* One member of all peers' counters; offset is where it stands in them. */
static void put_of_peers(FILE *out, const struct report *report, const char *name, const char *type, const char *help, size_t offset)
{
	put_metric(out, name, type, help);
	for (unsigned i = 0; i < report->peer_count; i++) {
		const struct report_peer *peer = &report->peer[i];
		uint64_t value;

		memcpy(&value, (const char *)&peer->counters + offset, sizeof(value));
		fprintf(out, "tux_%s{upstream=", name);
		put_quoted(out, peer->upstream);
		fputs(",server=", out);
		put_quoted(out, peer->server);
		fprintf(out, "} %" PRIu64 "\n", value);
	}
}

static void put_peers(FILE *out, const struct report *report)
{
	put_of_peers(out, report, "upstream_requests_total", "counter", "Requests to an upstream server.",
	             offsetof(struct tux_peer_counters, requests));
	put_of_peers(out, report, "upstream_errors_total", "counter", "Requests that it did not answer, or not to the end.",
	             offsetof(struct tux_peer_counters, errors));
	put_of_peers(out, report, "upstream_timeouts_total", "counter", "Errors where the time was up.",
	             offsetof(struct tux_peer_counters, timeouts));
	put_of_peers(out, report, "upstream_retried_total", "counter", "Requests that went to another server after this one.",
	             offsetof(struct tux_peer_counters, retried));
	put_of_peers(out, report, "upstream_connections_total", "counter", "Connections made.",
	             offsetof(struct tux_peer_counters, connections));
	put_of_peers(out, report, "upstream_active", "gauge", "Requests under way.", offsetof(struct tux_peer_counters, active));
	put_of_peers(out, report, "upstream_sent_bytes_total", "counter", "Bytes sent to it.",
	             offsetof(struct tux_peer_counters, sent_bytes));
	put_of_peers(out, report, "upstream_received_bytes_total", "counter", "Bytes received from it.",
	             offsetof(struct tux_peer_counters, received_bytes));
	put_metric(out, "upstream_duration_seconds", "histogram", "From a request to the head of its answer.");
	for (unsigned i = 0; i < report->peer_count; i++) {
		char *labels = NULL;
		size_t len;
		FILE *text = open_memstream(&labels, &len);

		if (text == NULL)
			return;
		fputs("upstream=", text);
		put_quoted(text, report->peer[i].upstream);
		fputs(",server=", text);
		put_quoted(text, report->peer[i].server);
		fputc(',', text);
		if (fclose(text) == 0)
			put_histogram(out, "upstream_duration_seconds", labels, &report->peer[i].counters.latency);
		free(labels);
	}
}

/* Why programs have failed, as the counters have it. */
static const struct {
	const char *name;
	size_t offset;
} failures[] = {
	{ "not_found", offsetof(struct tux_program_counters, not_found) }, { "refused", offsetof(struct tux_program_counters, refused) },
	{ "not_started", offsetof(struct tux_program_counters, not_started) }, { "time", offsetof(struct tux_program_counters, timeouts) },
	{ "given_up", offsetof(struct tux_program_counters, given_up) }, { "signal", offsetof(struct tux_program_counters, signalled) },
	{ "status", offsetof(struct tux_program_counters, exited) }, { "garbled", offsetof(struct tux_program_counters, garbled) },
};

enum { FAILURES = sizeof(failures) / sizeof(failures[0]) };

static uint64_t failed(const struct tux_program_counters *counters, unsigned failure)
{
	uint64_t value;

	memcpy(&value, (const char *)counters + failures[failure].offset, sizeof(value));
	return value;
}

/* One member of all kinds' counters; offset is where it stands in them. */
static void put_of_programs(FILE *out, const struct report *report, const char *name, const char *type, const char *help, size_t offset)
{
	put_metric(out, name, type, help);
	for (unsigned i = 0; i < report->program_count; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&report->program[i].counters + offset, sizeof(value));
		fprintf(out, "tux_%s{cgi=", name);
		put_quoted(out, report->program[i].name);
		fprintf(out, "} %" PRIu64 "\n", value);
	}
}

static void put_programs(FILE *out, const struct report *report)
{
	put_of_programs(out, report, "cgi_requests_total", "counter", "Requests for CGI programs.",
	                offsetof(struct tux_program_counters, requests));
	put_of_programs(out, report, "cgi_started_total", "counter", "Programs that got a process.",
	                offsetof(struct tux_program_counters, started));
	put_of_programs(out, report, "cgi_active", "gauge", "Programs that run, or wait to begin.",
	                offsetof(struct tux_program_counters, active));
	put_metric(out, "cgi_failed_total", "counter", "Programs that failed, by reason.");
	for (unsigned i = 0; i < report->program_count; i++)
		for (unsigned failure = 0; failure < FAILURES; failure++) {
			fputs("tux_cgi_failed_total{cgi=", out);
			put_quoted(out, report->program[i].name);
			fprintf(out, ",reason=\"%s\"} %" PRIu64 "\n", failures[failure].name, failed(&report->program[i].counters, failure));
		}
	put_metric(out, "cgi_cpu_seconds_total", "counter", "CPU time of programs that have ended.");
	for (unsigned i = 0; i < report->program_count; i++) {
		fputs("tux_cgi_cpu_seconds_total{cgi=", out);
		put_quoted(out, report->program[i].name);
		fputs("} ", out);
		put_seconds(out, report->program[i].counters.cpu_us);
		fputc('\n', out);
	}
	put_metric(out, "cgi_duration_seconds", "histogram", "From a program's start to its end.");
	for (unsigned i = 0; i < report->program_count; i++) {
		char labels[256]; /* a name has 64 bytes at most, each quoted */
		FILE *text = fmemopen(labels, sizeof(labels), "w");

		if (text == NULL)
			return;
		fputs("cgi=", text);
		put_quoted(text, report->program[i].name);
		fputc(',', text);
		if (fclose(text) == 0)
			put_histogram(out, "cgi_duration_seconds", labels, &report->program[i].counters.duration);
	}
}

/* The text-based format, version 0.0.4. */
static void prometheus_write(FILE *out, const struct report *report)
{
	const struct tux_counters *counters = &report->counters;

	put_metric(out, "info", "gauge", "Version and engine.");
	fputs("tux_info{version=", out);
	put_quoted(out, report->version);
	fputs(",engine=", out);
	put_quoted(out, report->engine);
	fputs("} 1\n", out);
	put_metric(out, "uptime_seconds", "gauge", "Time since the start.");
	fputs("tux_uptime_seconds ", out);
	put_seconds(out, report->up_ms * 1000);
	fputc('\n', out);
	put_number(out, "ready", "gauge", "1 until the server is told to stop or replaced, then 0.", report->ready);
	put_number(out, "threads", "gauge", "Threads that serve.", report->threads);
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
	put_metric(out, "connections", "gauge", "Connections by what they are at.");
	for (int phase = 0; phase < TUX_PHASES; phase++)
		fprintf(out, "tux_connections{state=\"%s\"} %" PRIu64 "\n", report_phase_name((enum tux_phase)phase), counters->phase[phase]);
	if (report->kernel)
		fprintf(out, "tux_connections{state=\"kernel\"} %" PRIu64 "\n", counters->kernel_open);
	put_number(out, "connections_max", "gauge", "The limit of connections.", report->max_connections);
	put_number(out, "cache_hits_total", "counter", "Look-ups that the cache answered.", counters->cache_hits);
	put_number(out, "cache_misses_total", "counter", "Look-ups that went to the file system.", counters->cache_misses);
	put_number(out, "listings_total", "counter", "Listings of directories that were made.", counters->listings);
	put_number(out, "cache_objects", "gauge", "Files in the threads' caches.", counters->cached);
	put_number(out, "cache_bytes", "gauge", "Bodies in memory.", counters->cached_bytes);
	put_number(out, "cache_files", "gauge", "Open files in the caches.", counters->cached_files);
	put_number(out, "log_records_lost_total", "counter", "Access records that were not written.", counters->records_lost);
	put_number(out, "error_lines_left_out_total", "counter", "Lines about requests that the error log lacks.",
	           counters->error_lines_left_out);
	if (report->kernel) {
		put_number(out, "kernel_requests_total", "counter", "Requests that the kernel engine answered.", counters->kernel_requests);
		put_reasons(out, "kernel_handed_up_total", "Connections from the kernel engine to the user engine.", counters->handed_up);
		put_reasons(out, "kernel_handed_over_total", "Connections from the kernel engine to another server.", counters->handed_over);
		put_number(out, "kernel_given_back_total", "counter", "Connections from the user engine to the kernel engine.",
		           counters->given_back);
	}
	if (report->peer_count > 0)
		put_peers(out, report);
	if (report->program_count > 0)
		put_programs(out, report);
}

static void json_histogram(FILE *out, const struct tux_histogram *histogram)
{
	static const unsigned thousandths[] = { 500, 900, 990, 999 };
	const char *comma = "";

	fprintf(out, "{\"count\":%" PRIu64 ",\"sum_us\":%" PRIu64, tux_histogram_below(histogram, UINT64_MAX), histogram->sum_us);
	for (unsigned i = 0; i < sizeof(thousandths) / sizeof(thousandths[0]); i++)
		fprintf(out, ",\"p%u_us\":%" PRIu64, thousandths[i] % 10 == 0 ? thousandths[i] / 10 : thousandths[i],
		        tux_histogram_quantile(histogram, thousandths[i]));
	fputs(",\"below_us\":[", out); /* each bucket that is not empty: its limit, and how many are in it */
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
		const char *name = report_reason_name((enum tux_reason)reason);

		if (name == NULL)
			continue;
		fprintf(out, "%s\"%s\":%" PRIu64, comma, name, counts[reason]);
		comma = ",";
	}
	fputc('}', out);
}

static void json_peers(FILE *out, const struct report *report)
{
	fputs(",\n\"upstreams\":[", out);
	for (unsigned i = 0; i < report->peer_count; i++) {
		const struct report_peer *peer = &report->peer[i];
		const struct tux_peer_counters *counters = &peer->counters;

		fputs(i > 0 ? ",\n{\"upstream\":" : "\n{\"upstream\":", out);
		put_quoted(out, peer->upstream);
		fputs(",\"server\":", out);
		put_quoted(out, peer->server);
		fprintf(out, ",\"requests\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"timeouts\":%" PRIu64 ",\"retried\":%" PRIu64
		        ",\"connections\":%" PRIu64 ",\"active\":%" PRIu64 ",\"sent_bytes\":%" PRIu64 ",\"received_bytes\":%" PRIu64
		        ",\"latency\":", counters->requests, counters->errors, counters->timeouts, counters->retried,
		        counters->connections, counters->active, counters->sent_bytes, counters->received_bytes);
		json_histogram(out, &counters->latency);
		fputc('}', out);
	}
	fputc(']', out);
}

static void json_programs(FILE *out, const struct report *report)
{
	fputs(",\n\"cgi\":[", out);
	for (unsigned i = 0; i < report->program_count; i++) {
		const struct tux_program_counters *counters = &report->program[i].counters;

		fputs(i > 0 ? ",\n{\"cgi\":" : "\n{\"cgi\":", out);
		put_quoted(out, report->program[i].name);
		fprintf(out, ",\"requests\":%" PRIu64 ",\"started\":%" PRIu64 ",\"active\":%" PRIu64 ",\"failed\":{", counters->requests,
		        counters->started, counters->active);
		for (unsigned failure = 0; failure < FAILURES; failure++)
			fprintf(out, "%s\"%s\":%" PRIu64, failure > 0 ? "," : "", failures[failure].name, failed(counters, failure));
		fprintf(out, "},\"cpu_us\":%" PRIu64 ",\"duration\":", counters->cpu_us);
		json_histogram(out, &counters->duration);
		fputc('}', out);
	}
	fputc(']', out);
}

uint64_t report_failed(const struct tux_program_counters *counters)
{
	uint64_t sum = 0;

	for (unsigned failure = 0; failure < FAILURES; failure++)
		sum += failed(counters, failure);
	return sum;
}

void report_failures_put(FILE *out, const struct tux_program_counters *counters)
{
	const char *before = "";

	for (unsigned failure = 0; failure < FAILURES; failure++) {
		if (failed(counters, failure) == 0)
			continue;
		fprintf(out, "%s%s ", before, failures[failure].name);
		report_put_count(out, failed(counters, failure));
		before = ", ";
	}
}

void report_json_write(FILE *out, const struct report *report)
{
	const struct tux_counters *counters = &report->counters;
	const char *comma = "";

	fputs("{\"version\":", out);
	put_quoted(out, report->version);
	fputs(",\"engine\":", out);
	put_quoted(out, report->engine);
	fprintf(out, ",\"ready\":%s,\"pid\":%" PRIu64 ",\"threads\":%u,\"uptime_ms\":%" PRIu64, report->ready ? "true" : "false", report->pid,
	        report->threads, report->up_ms);
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
	        report->max_connections);
	for (int phase = 0; phase < TUX_PHASES; phase++)
		fprintf(out, ",\"%s\":%" PRIu64, report_phase_name((enum tux_phase)phase), counters->phase[phase]);
	fprintf(out, "},\n\"cache\":{\"hits\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"objects\":%" PRIu64 ",\"bytes\":%" PRIu64
	        ",\"files\":%" PRIu64 "},\n\"log\":{\"lost\":%" PRIu64 ",\"error_lines_left_out\":%" PRIu64 "}", counters->cache_hits, counters->cache_misses,
	        counters->cached, counters->cached_bytes, counters->cached_files, counters->records_lost,
	        counters->error_lines_left_out);
	fprintf(out, ",\n\"modules\":{\"absent\":%" PRIu64 "}", counters->modules_absent);
	if (report->kernel) {
		fprintf(out, ",\n\"kernel\":{\"requests\":%" PRIu64 ",\"open\":%" PRIu64 ",\"given_back\":%" PRIu64 ",\"handed_up\":",
		        counters->kernel_requests, counters->kernel_open, counters->given_back);
		json_reasons(out, counters->handed_up);
		fputs(",\"handed_over\":", out);
		json_reasons(out, counters->handed_over);
		fputc('}', out);
	}
	if (report->peer_count > 0)
		json_peers(out, report);
	if (report->program_count > 0)
		json_programs(out, report);
	fputs("}\n", out);
}

const char *report_type(enum tux_report_form form)
{
	switch (form) {
	case TUX_REPORT_PROMETHEUS:
		return "text/plain; version=0.0.4; charset=utf-8";
	case TUX_REPORT_JSON:
		return "application/json";
	case TUX_REPORT_TEXT:
	case TUX_REPORT_READY:
		return "text/plain; charset=utf-8";
	case TUX_REPORT_PAGE:
		break;
	}
	return "text/html; charset=utf-8";
}

char *report_write(const struct report *report, enum tux_report_form form, const char *nonce, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		return NULL;
	switch (form) {
	case TUX_REPORT_PROMETHEUS:
		prometheus_write(out, report);
		break;
	case TUX_REPORT_JSON:
		report_json_write(out, report);
		break;
	case TUX_REPORT_PAGE:
		report_page_write(out, report, nonce);
		break;
	case TUX_REPORT_TEXT:
		report_text_write(out, report);
		break;
	case TUX_REPORT_READY:
		fputs(report->ready ? "ready\n" : "not ready\n", out);
		break;
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
