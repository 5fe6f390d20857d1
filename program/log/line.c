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
#include "../../core/escape.h"
#include "../../core/writer.h"
#include "../../engine/io/print.h"

enum {
	ADDRESS_WIDTH = 15, /* widths of the columns for people */
	METHOD_WIDTH = 4,
	TARGET_WIDTH = 36,
};

/* Writes a text escaped. */
static void put_escaped(struct writer *line, enum tux_escape how, const uint8_t *text, uint32_t len)
{
	uint32_t taken = 0, bytes;

	if (line->full)
		return;
	bytes = tux_escape(how, line->at + line->len, line->cap - (uint32_t)line->len, text, len, &taken);
	line->len += bytes;
	line->full = taken < len;
}

/* Pads with spaces, at least one, up to the end of a column that started at from. */
static void put_pad(struct writer *line, int64_t from, int64_t width)
{
	do
		put_byte(line, ' ');
	while (!line->full && line->len - from <= width);
}

/* Writes the time of a record, formatted once per second. */
static void put_time(struct writer *line, struct tux_log_clock *clock, int64_t time_us, const char *format, bool utc)
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
	put_string(line, clock->text);
}

static void put_ipv4(struct writer *line, const uint8_t *address)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (i > 0)
			PUT(line, ".");
		put_number(line, address[i]);
	}
}

/* Writes the client's address without its port; "unix:" for Unix sockets. */
static void put_address(struct writer *line, const struct tux_access_record *record)
{
	static const uint8_t none[16], mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (memcmp(record->address, none, sizeof(none)) == 0 && record->port == 0)
		PUT(line, "unix:");
	else if (memcmp(record->address, mapped, sizeof(mapped)) == 0)
		put_ipv4(line, record->address + sizeof(mapped));
	else
		put_string(line, inet_ntop(AF_INET6, record->address, text, sizeof(text)));
}

/* Writes a quoted text; "-" if it is empty. */
static void put_quoted(struct writer *line, const uint8_t *text, uint32_t len)
{
	PUT(line, "\"");
	if (len > 0)
		put_escaped(line, TUX_ESCAPE_LOG, text, len);
	else
		PUT(line, "-");
	PUT(line, "\"");
}

/* client - - [time] "method target version" status bytes "referer" "user agent" */
static void combined(struct writer *line, struct tux_log_clock *clock, const struct tux_access_record *record,
                     const uint8_t *text)
{
	const uint8_t *target = text + record->method_len;
	const uint8_t *referer = target + record->target_len + record->host_len;

	put_address(line, record);
	PUT(line, " - - [");
	put_time(line, clock, record->time_us, "%d/%b/%Y:%H:%M:%S %z", false);
	PUT(line, "] \"");
	put_escaped(line, TUX_ESCAPE_LOG, text, record->method_len);
	if (record->target_len > 0) {
		PUT(line, " ");
		put_escaped(line, TUX_ESCAPE_LOG, target, record->target_len);
		put_string(line, record->minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
	} else if (record->method_len == 0) {
		PUT(line, "-");
	}
	PUT(line, "\" ");
	put_number(line, record->status);
	PUT(line, " ");
	put_number(line, record->sent_bytes);
	PUT(line, " ");
	put_quoted(line, referer, record->referer_len);
	PUT(line, " ");
	put_quoted(line, referer + record->referer_len, record->user_agent_len);
}

/* ,"name":"text" */
static void put_member(struct writer *line, const char *name, const uint8_t *text, uint32_t len)
{
	PUT(line, ",\"");
	put_string(line, name);
	PUT(line, "\":\"");
	put_escaped(line, TUX_ESCAPE_JSON_BYTES, text, len);
	PUT(line, "\"");
}

/* ,"name":number */
static void put_count(struct writer *line, const char *name, uint64_t number)
{
	PUT(line, ",\"");
	put_string(line, name);
	PUT(line, "\":");
	put_number(line, number);
}

/* Names of cipher suites by their numbers: those that TUX accepts, as OpenSSL names them. */
static const struct {
	uint16_t number;
	const char *name;
} ciphers[] = {
	{ 0x1301, "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256" },
	{ 0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ 0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ 0xc02f, "ECDHE-RSA-AES128-GCM-SHA256" },
	{ 0xc030, "ECDHE-RSA-AES256-GCM-SHA384" },
	{ 0xcca8, "ECDHE-RSA-CHACHA20-POLY1305" },
	{ 0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305" },
};

/* Writes the name of a cipher suite; the number of an unknown one. */
static void put_cipher(struct writer *line, uint16_t number)
{
	char text[8];

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].number == number) {
			put_string(line, ciphers[i].name);
			return;
		}
	put(line, (const uint8_t *)text, (uint32_t)print(text, sizeof(text), "0x%04x", number));
}

/* Writes the members about TLS. */
static void put_tls(struct writer *line, const struct tux_access_record *record, const uint8_t *name)
{
	char text[8];

	PUT(line, ",\"tls\":\"");
	if (record->tls_version == 0x0303 || record->tls_version == 0x0304)
		put_string(line, record->tls_version == 0x0304 ? "TLSv1.3" : "TLSv1.2");
	else
		put(line, (const uint8_t *)text, (uint32_t)print(text, sizeof(text), "0x%04x", record->tls_version));
	PUT(line, "\",\"tls_cipher\":\"");
	put_cipher(line, record->tls_cipher);
	PUT(line, "\"");
	put_member(line, "tls_name", name, record->tls_name_len);
	PUT(line, ",\"tls_resumed\":");
	put_string(line, record->tls_resumed ? "true" : "false");
}

/* Writes an object. All members are always present, except those of TLS, and the refusal's reason. */
static void json(struct writer *line, struct tux_log_clock *clock, const struct tux_access_record *record, const uint8_t *text)
{
	const uint8_t *target = text + record->method_len, *host = target + record->target_len;
	const uint8_t *referer = host + record->host_len, *user_agent = referer + record->referer_len;
	char micros[16], id[32];

	PUT(line, "{\"time\":\"");
	put_time(line, clock, record->time_us, "%Y-%m-%dT%H:%M:%S", true);
	put(line, (const uint8_t *)micros, (uint32_t)print(micros, sizeof(micros), ".%06uZ", (unsigned)(record->time_us % 1000000)));
	PUT(line, "\",\"client\":\"");
	put_address(line, record);
	PUT(line, "\"");
	put_count(line, "port", record->port);
	put_member(line, "method", text, record->method_len);
	put_member(line, "target", target, record->target_len);
	PUT(line, ",\"version\":");
	put_string(line, record->target_len == 0 ? "\"\"" : record->minor == 0 ? "\"HTTP/1.0\"" : "\"HTTP/1.1\"");
	put_member(line, "host", host, record->host_len);
	put_count(line, "status", record->status);
	put_count(line, "bytes", record->sent_bytes);
	put_count(line, "bytes_in", record->received_bytes);
	put_count(line, "duration_us", record->duration_us);
	put_member(line, "referer", referer, record->referer_len);
	put_member(line, "user_agent", user_agent, record->user_agent_len);
	put_member(line, "upstream", user_agent + record->user_agent_len, record->backend_len);
	put_count(line, "upstream_us", record->backend_us);
	put(line, (const uint8_t *)id, (uint32_t)print(id, sizeof(id), ",\"id\":\"%016" PRIx64 "\"", record->id));
	if (record->refusal != TUX_ACCEPTED && record->refusal < TUX_REFUSALS) {
		const char *reason = tux_refusal_text(record->refusal);

		put_member(line, "refusal", (const uint8_t *)reason, (uint32_t)strlen(reason));
	}
	if (record->tls_version != 0)
		put_tls(line, record, user_agent + record->user_agent_len + record->backend_len);
	PUT(line, "}");
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

/* Writes a value at the right of a column. */
static void put_cell(struct writer *line, const char *value)
{
	char cell[2 * TUX_VALUE_TEXT];

	put(line, (const uint8_t *)cell, (uint32_t)print(cell, sizeof(cell), "%10s", value));
}

/* time client method target status size duration refusal */
static void readable(struct writer *line, struct tux_log_clock *clock, const struct tux_access_record *record,
                     const uint8_t *text, bool colour)
{
	const char *const dim = colour ? "\033[2m" : "", *const normal = colour ? "\033[0m" : "";
	char value[TUX_VALUE_TEXT];
	int64_t from;

	put_string(line, dim);
	put_time(line, clock, record->time_us, "%H:%M:%S  ", false);
	put_string(line, normal);
	from = line->len;
	put_address(line, record);
	put_pad(line, from, ADDRESS_WIDTH);
	from = line->len;
	if (record->method_len > 0)
		put_escaped(line, TUX_ESCAPE_COLUMN, text, record->method_len);
	else
		PUT(line, "-");
	put_pad(line, from, METHOD_WIDTH);
	from = line->len;
	if (record->target_len > 0)
		put_escaped(line, TUX_ESCAPE_COLUMN, text + record->method_len, record->target_len);
	else
		PUT(line, "-");
	put_pad(line, from, TARGET_WIDTH);
	put_string(line, colour ? status_colour(record->status) : "");
	put_number(line, record->status);
	put_string(line, normal);
	tux_value_write_bytes(record->sent_bytes, value);
	put_cell(line, value);
	tux_value_write_time(record->duration_us, value);
	put_string(line, dim);
	put_cell(line, value);
	put_string(line, normal);
	if (record->refusal != TUX_ACCEPTED && record->refusal < TUX_REFUSALS) {
		PUT(line, "  ");
		put_string(line, tux_refusal_text(record->refusal));
	}
}

size_t tux_log_line(enum tux_log_style style, struct tux_log_clock *clock, const struct tux_access_record *record,
                    const uint8_t *text, char *out)
{
	struct writer line = { .at = (uint8_t *)out, .cap = TUX_LOG_LINE_MAX };

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
	PUT(&line, "\n");
	return out_bytes(&line);
}
