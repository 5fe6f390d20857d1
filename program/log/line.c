/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Formats an access record as a line of text. Pure: no file, and no clock but the record's. */
#define _GNU_SOURCE 1
#include "line.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../settings/units.h"
#include "../../engine/io/print.h"

enum {
	ADDRESS_WIDTH = 15, /* widths of the columns for people */
	METHOD_WIDTH = 4,
	TARGET_WIDTH = 36,
};

/* The line being written. The caller guarantees TUX_LOG_LINE_MAX bytes. */
struct line {
	char *out;
	size_t len;
};

static void put(struct line *line, const char *text, size_t len)
{
	memcpy(line->out + line->len, text, len);
	line->len += len;
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* Escapes like nginx: control characters, quotes, backslashes and non-ASCII bytes as \xXX. */
static void put_escaped(struct line *line, const uint8_t *text, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < len; i++) {
		uint8_t byte = text[i];

		if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
			line->out[line->len++] = (char)byte;
			continue;
		}
		line->out[line->len++] = '\\';
		line->out[line->len++] = 'x';
		line->out[line->len++] = hex[byte >> 4];
		line->out[line->len++] = hex[byte & 15];
	}
}

/* Escapes for a JSON string (RFC 8259, section 7). */
static void put_json_escaped(struct line *line, const uint8_t *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		uint8_t byte = text[i];

		if (byte == '"' || byte == '\\') {
			line->out[line->len++] = '\\';
			line->out[line->len++] = (char)byte;
		} else if (byte >= 0x20 && byte < 0x7f) {
			line->out[line->len++] = (char)byte;
		} else {
			put(line, "\\u00", 4);
			line->out[line->len++] = hex[byte >> 4];
			line->out[line->len++] = hex[byte & 15];
		}
	}
}

/* Pads with spaces, at least one, up to the end of a column that started at from. */
static void put_pad(struct line *line, size_t from, size_t width)
{
	do
		line->out[line->len++] = ' ';
	while (line->len - from <= width);
}

/* Writes the time of a record, formatted once per second. */
static void put_time(struct line *line, struct tux_log_clock *clock, int64_t time_us, const char *format, bool utc)
{
	const int64_t second = time_us / 1000000;

	if (!clock->filled || clock->second != second) {
		const time_t seconds = (time_t)second;
		struct tm tm;

		/* A record from a file may have a time outside the calendar. */
		if (!(utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm)) ||
		    strftime(clock->text, sizeof(clock->text), format, &tm) == 0)
			clock->text[0] = '\0';
		clock->second = second;
		clock->filled = true;
	}
	put_text(line, clock->text);
}

/* Writes a decimal number. printf() takes about ten times as long, and each line has several numbers. */
static void put_number(struct line *line, uint64_t number)
{
	char text[20]; /* digits of UINT64_MAX */
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	put(line, text + at, sizeof(text) - at);
}

static void put_ipv4(struct line *line, const uint8_t *address)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (i > 0)
			put_text(line, ".");
		put_number(line, address[i]);
	}
}

/* Writes the client's address without its port; "unix:" for Unix sockets. */
static void put_address(struct line *line, const struct tux_access_record *record)
{
	static const uint8_t none[16], mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (memcmp(record->address, none, sizeof(none)) == 0 && record->port == 0)
		put_text(line, "unix:");
	else if (memcmp(record->address, mapped, sizeof(mapped)) == 0)
		put_ipv4(line, record->address + sizeof(mapped));
	else
		put_text(line, inet_ntop(AF_INET6, record->address, text, sizeof(text)));
}

/* Writes a quoted text; "-" if it is empty. */
static void put_quoted(struct line *line, const uint8_t *text, size_t len)
{
	put_text(line, "\"");
	if (len > 0)
		put_escaped(line, text, len);
	else
		put_text(line, "-");
	put_text(line, "\"");
}

/* client - - [time] "method target version" status bytes "referer" "user agent" */
static void combined(struct line *line, struct tux_log_clock *clock, const struct tux_access_record *record,
                     const uint8_t *text)
{
	const uint8_t *target = text + record->method_len;
	const uint8_t *referer = target + record->target_len + record->host_len;

	put_address(line, record);
	put_text(line, " - - [");
	put_time(line, clock, record->time_us, "%d/%b/%Y:%H:%M:%S %z", false);
	put_text(line, "] \"");
	put_escaped(line, text, record->method_len);
	if (record->target_len > 0) {
		put_text(line, " ");
		put_escaped(line, target, record->target_len);
		put_text(line, record->minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
	} else if (record->method_len == 0) {
		put_text(line, "-");
	}
	put_text(line, "\" ");
	put_number(line, record->status);
	put_text(line, " ");
	put_number(line, record->sent_bytes);
	put_text(line, " ");
	put_quoted(line, referer, record->referer_len);
	put_text(line, " ");
	put_quoted(line, referer + record->referer_len, record->user_agent_len);
}

/* ,"name":"text" */
static void put_member(struct line *line, const char *name, const uint8_t *text, size_t len)
{
	put_text(line, ",\"");
	put_text(line, name);
	put_text(line, "\":\"");
	put_json_escaped(line, text, len);
	put_text(line, "\"");
}

/* ,"name":number */
static void put_count(struct line *line, const char *name, uint64_t number)
{
	put_text(line, ",\"");
	put_text(line, name);
	put_text(line, "\":");
	put_number(line, number);
}

/* Writes an object. All members are always present, except the refusal's reason. */
static void json(struct line *line, struct tux_log_clock *clock, const struct tux_access_record *record, const uint8_t *text)
{
	const uint8_t *target = text + record->method_len, *host = target + record->target_len;
	const uint8_t *referer = host + record->host_len, *user_agent = referer + record->referer_len;
	char micros[16], id[32];

	put_text(line, "{\"time\":\"");
	put_time(line, clock, record->time_us, "%Y-%m-%dT%H:%M:%S", true);
	put(line, micros, print(micros, sizeof(micros), ".%06uZ", (unsigned)(record->time_us % 1000000)));
	put_text(line, "\",\"client\":\"");
	put_address(line, record);
	put_text(line, "\"");
	put_count(line, "port", record->port);
	put_member(line, "method", text, record->method_len);
	put_member(line, "target", target, record->target_len);
	put_text(line, ",\"version\":");
	put_text(line, record->target_len == 0 ? "\"\"" : record->minor == 0 ? "\"HTTP/1.0\"" : "\"HTTP/1.1\"");
	put_member(line, "host", host, record->host_len);
	put_count(line, "status", record->status);
	put_count(line, "bytes", record->sent_bytes);
	put_count(line, "bytes_in", record->received_bytes);
	put_count(line, "duration_us", record->duration_us);
	put_member(line, "referer", referer, record->referer_len);
	put_member(line, "user_agent", user_agent, record->user_agent_len);
	put_member(line, "upstream", user_agent + record->user_agent_len, record->backend_len);
	put_count(line, "upstream_us", record->backend_us);
	put(line, id, print(id, sizeof(id), ",\"id\":\"%016" PRIx64 "\"", record->id));
	if (record->refusal != TUX_ACCEPTED && record->refusal < TUX_REFUSALS) {
		const char *reason = tux_refusal_text(record->refusal);

		put_member(line, "refusal", (const uint8_t *)reason, strlen(reason));
	}
	put_text(line, "}");
}

/*
 * Returns the colour of a status: green for success, cyan for interim responses and redirects, yellow for client errors, red for
 * server errors.
 */
static const char *status_colour(unsigned status)
{
	if (status >= 500)
		return "\033[1;31m";
	if (status >= 400)
		return "\033[33m";
	if (status >= 300 || status < 200)
		return "\033[36m";
	return "\033[32m";
}

/* time client method target status size duration refusal */
static void readable(struct line *line, struct tux_log_clock *clock, const struct tux_access_record *record,
                     const uint8_t *text, bool colour)
{
	const char *const dim = colour ? "\033[2m" : "", *const normal = colour ? "\033[0m" : "";
	char value[TUX_VALUE_TEXT], cell[2 * TUX_VALUE_TEXT];
	size_t from;

	put_text(line, dim);
	put_time(line, clock, record->time_us, "%H:%M:%S  ", false);
	put_text(line, normal);
	from = line->len;
	put_address(line, record);
	put_pad(line, from, ADDRESS_WIDTH);
	from = line->len;
	if (record->method_len > 0)
		put_escaped(line, text, record->method_len);
	else
		put_text(line, "-");
	put_pad(line, from, METHOD_WIDTH);
	from = line->len;
	if (record->target_len > 0)
		put_escaped(line, text + record->method_len, record->target_len);
	else
		put_text(line, "-");
	put_pad(line, from, TARGET_WIDTH);
	put_text(line, colour ? status_colour(record->status) : "");
	put_number(line, record->status);
	put_text(line, normal);
	tux_value_write_bytes(record->sent_bytes, value);
	put(line, cell, print(cell, sizeof(cell), "%10s", value));
	tux_value_write_time(record->duration_us, value);
	put_text(line, dim);
	put(line, cell, print(cell, sizeof(cell), "%10s", value));
	put_text(line, normal);
	if (record->refusal != TUX_ACCEPTED && record->refusal < TUX_REFUSALS) {
		put_text(line, "  ");
		put_text(line, tux_refusal_text(record->refusal));
	}
}

size_t tux_log_line(enum tux_log_style style, struct tux_log_clock *clock, const struct tux_access_record *record,
                    const uint8_t *text, char *out)
{
	struct line line = { .out = out };

	if (style == TUX_LOG_BINARY) {
		memcpy(out, record, sizeof(*record));
		memcpy(out + sizeof(*record), text, record->size - sizeof(*record));
		return record->size;
	}
	if (style == TUX_LOG_COMBINED)
		combined(&line, clock, record, text);
	else if (style == TUX_LOG_JSON)
		json(&line, clock, record, text);
	else
		readable(&line, clock, record, text, style == TUX_LOG_COLOUR);
	put_text(&line, "\n");
	return line.len;
}
