/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "snapshot.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "../io/print.h"

const char *snapshot_phase_name(enum tux_phase phase)
{
	static const char *const names[TUX_PHASES] = {
		[TUX_PHASE_IDLE] = "idle",       [TUX_PHASE_READING] = "reading", [TUX_PHASE_WAITING] = "waiting",
		[TUX_PHASE_SENDING] = "sending", [TUX_PHASE_CLOSING] = "closing",
	};

	return names[phase];
}

const char *snapshot_kernel_name(enum snapshot_kernel kernel)
{
	static const char *const names[] = {
		[SNAPSHOT_KERNEL_OFF] = "off", [SNAPSHOT_KERNEL_AWAY] = "away", [SNAPSHOT_KERNEL_HERE] = "responds", [SNAPSHOT_KERNEL_SLOW] = "too slow",
	};

	return names[kernel];
}

const char *snapshot_host_name(enum snapshot_host host)
{
	static const char *const names[] = {
		[SNAPSHOT_HOST_NONE] = "none", [SNAPSHOT_HOST_INLINE] = "inline", [SNAPSHOT_HOST_POOL] = "pool", [SNAPSHOT_HOST_ISOLATED] = "isolated",
	};

	return names[host];
}

const char *snapshot_state_name(enum snapshot_state state)
{
	static const char *const names[] = { [SNAPSHOT_STATE_READY] = "ready", [SNAPSHOT_STATE_STARTING] = "starting", [SNAPSHOT_STATE_FAILED] = "failed" };

	return names[state];
}

void snapshot_put_host(FILE *out, const struct snapshot_module *module)
{
	if (module->kernel == SNAPSHOT_KERNEL_HERE)
		fputs(module->verified ? "in the kernel, verified" : "in the kernel", out);
	else if (module->kernel == SNAPSHOT_KERNEL_AWAY)
		fputs(module->file != NULL ? "not in the kernel: this program responds" : "not in the kernel: 503", out);
	else if (module->kernel == SNAPSHOT_KERNEL_SLOW)
		fputs(module->file != NULL ? "too slow in the kernel: this program responds" : "too slow in the kernel: 503", out);
	else if (module->host == SNAPSHOT_HOST_POOL)
		fprintf(out, "pool of %u thread%s", module->threads, module->threads == 1 ? "" : "s");
	else if (module->host == SNAPSHOT_HOST_ISOLATED)
		fprintf(out, "isolated, %s", snapshot_state_name(module->state));
	else
		fputs(snapshot_host_name(module->host), out);
}

const char *snapshot_reason_name(enum tux_reason reason)
{
	static const char *const names[TUX_REASONS] = {
		[TUX_REASON_REFUSED] = "malformed", [TUX_REASON_METHOD] = "method",   [TUX_REASON_BODY] = "body",
		[TUX_REASON_TARGET] = "path",       [TUX_REASON_MISSING] = "missing", [TUX_REASON_ABSENT] = "other_file",
		[TUX_REASON_ANSWER] = "other_answer", [TUX_REASON_TIMEOUT] = "slow_head", [TUX_REASON_RECORDS] = "log_full",
		[TUX_REASON_MEMORY] = "no_memory",  [TUX_REASON_DRAIN] = "stopping",  [TUX_REASON_PREFIX] = "prefix",
		[TUX_REASON_ROUTE] = "route",       [TUX_REASON_BACKEND] = "no_backend",
		[TUX_REASON_MODULE] = "module_away",   [TUX_REASON_FAILED] = "module_failed",
		[TUX_REASON_UNLOADED] = "module_unloaded", [TUX_REASON_LATE] = "module_late",
	};

	return names[reason];
}

void snapshot_put_count(FILE *out, uint64_t value)
{
	char digits[24];
	const size_t len = print(digits, sizeof(digits), "%" PRIu64, value);

	for (size_t i = 0; i < len; i++)
		fprintf(out, i > 0 && (len - i) % 3 == 0 ? ",%c" : "%c", digits[i]);
}

void snapshot_put_bytes(FILE *out, uint64_t bytes)
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

void snapshot_put_duration(FILE *out, uint64_t us)
{
	if (us < 1000)
		fprintf(out, "%u \302\265s", (unsigned)us);
	else if (us < 1000000)
		fprintf(out, "%u.%u ms", (unsigned)(us / 1000), (unsigned)(us / 100 % 10));
	else
		fprintf(out, "%" PRIu64 ".%u s", us / 1000000, (unsigned)(us / 100000 % 10));
}

void snapshot_put_seconds(FILE *out, uint64_t us)
{
	fprintf(out, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
}

void snapshot_put_escaped(FILE *out, enum tux_escape how, const char *text)
{
	file_put_escaped(out, how, text, strlen(text));
}

void snapshot_put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	snapshot_put_escaped(out, TUX_ESCAPE_LABEL, text);
	fputc('"', out);
}

/* Reasons for which programs fail, and their counters. */
static const struct {
	const char *name;
	size_t offset;
} failures[SNAPSHOT_FAILURES] = {
	{ "not_found", offsetof(struct tux_program_counters, not_found) }, { "refused", offsetof(struct tux_program_counters, refused) },
	{ "not_started", offsetof(struct tux_program_counters, not_started) }, { "time", offsetof(struct tux_program_counters, timeouts) },
	{ "given_up", offsetof(struct tux_program_counters, given_up) }, { "signal", offsetof(struct tux_program_counters, signalled) },
	{ "status", offsetof(struct tux_program_counters, exited) }, { "garbled", offsetof(struct tux_program_counters, garbled) },
};

int64_t snapshot_days_left(const struct snapshot *snapshot, const struct tux_certificate_state *certificate)
{
	const int64_t day = 86400, left = certificate->end - snapshot->now;

	return left >= 0 ? left / day : -((day - 1 - left) / day);
}

const char *snapshot_failure_name(unsigned failure)
{
	return failures[failure].name;
}

uint64_t snapshot_failure(const struct tux_program_counters *counters, unsigned failure)
{
	uint64_t value;

	memcpy(&value, (const char *)counters + failures[failure].offset, sizeof(value));
	return value;
}

uint64_t snapshot_failed(const struct tux_program_counters *counters)
{
	uint64_t sum = 0;

	for (unsigned failure = 0; failure < SNAPSHOT_FAILURES; failure++)
		sum += snapshot_failure(counters, failure);
	return sum;
}

void snapshot_put_failures(FILE *out, const struct tux_program_counters *counters)
{
	const char *before = "";

	for (unsigned failure = 0; failure < SNAPSHOT_FAILURES; failure++) {
		if (snapshot_failure(counters, failure) == 0)
			continue;
		fprintf(out, "%s%s ", before, snapshot_failure_name(failure));
		snapshot_put_count(out, snapshot_failure(counters, failure));
		before = ", ";
	}
}

/* Outcomes of requests to modules, and their counters. */
static const struct {
	const char *name;
	size_t offset;
} outcomes[SNAPSHOT_OUTCOMES] = {
	{ "1xx", offsetof(struct tux_module_counters, replied[0]) }, { "2xx", offsetof(struct tux_module_counters, replied[1]) },
	{ "3xx", offsetof(struct tux_module_counters, replied[2]) }, { "4xx", offsetof(struct tux_module_counters, replied[3]) },
	{ "5xx", offsetof(struct tux_module_counters, replied[4]) }, { "file", offsetof(struct tux_module_counters, files) },
	{ "declined", offsetof(struct tux_module_counters, declined) }, { "failed", offsetof(struct tux_module_counters, failed) },
	{ "timeout", offsetof(struct tux_module_counters, timeouts) }, { "gone", offsetof(struct tux_module_counters, gone) },
};

const char *snapshot_outcome_name(unsigned outcome)
{
	return outcomes[outcome].name;
}

uint64_t snapshot_outcome(const struct tux_module_counters *counters, unsigned outcome)
{
	uint64_t value;

	memcpy(&value, (const char *)counters + outcomes[outcome].offset, sizeof(value));
	return value;
}
