/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a binary log. Checks all lengths against the data before it uses them. */
#define _GNU_SOURCE 1
#include "binary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024 };

/* State of the conversion of a log. */
struct reading {
	int fd;
	const char *name;
	enum tux_log_style style;
	FILE *out;
	struct tux_log_clock clock;
	uint64_t offset;  /* offset of buffer[0] in the log */
	uint64_t lost_at; /* offset of the first skipped byte */
	size_t len;
	size_t record_bytes; /* size of the fixed part of records since the last header */
	bool headed; /* a header was read, so records may follow */
	bool losing; /* bytes are being skipped */
	bool ended;  /* end of file: no bytes follow the buffer */
	bool clean;  /* nothing was reported */
	char line[TUX_LOG_LINE_MAX];
	uint8_t buffer[BUFFER_BYTES];
};

/* Kinds of data in the log. */
enum found {
	FOUND_HEADER,
	FOUND_RECORD,
	FOUND_FOREIGN, /* a header of an unsupported version or another byte order */
	FOUND_NONSENSE,
	FOUND_TOO_LITTLE, /* more bytes are needed to decide */
};

struct tux_log_header tux_log_header_make(void)
{
	return (struct tux_log_header){ TUX_LOG_MARK, { 'T', 'U', 'X', 'R' }, TUX_LOG_ORDER, TUX_LOG_VERSION,
	                                sizeof(struct tux_access_record) };
}

/* True if a header of any version and byte order is at at, which has enough bytes. */
static bool is_header(const uint8_t *at)
{
	static const uint8_t little[8] = { 0xfe, 0xff, 0xff, 0xff, 'T', 'U', 'X', 'R' };
	static const uint8_t big[8] = { 0xff, 0xff, 0xff, 0xfe, 'T', 'U', 'X', 'R' };

	return memcmp(at, little, sizeof(little)) == 0 || memcmp(at, big, sizeof(big)) == 0;
}

/* Writes the headers of all versions that can be read. */
static void headers_make(struct tux_log_header header[TUX_LOG_VERSION])
{
	static const uint16_t bytes[TUX_LOG_VERSION] = { TUX_LOG_FIRST_BYTES, TUX_LOG_SECOND_BYTES, sizeof(struct tux_access_record) };

	for (uint16_t i = 0; i < TUX_LOG_VERSION; i++) {
		header[i] = tux_log_header_make();
		header[i].version = (uint16_t)(i + 1);
		header[i].record_bytes = bytes[i];
	}
}

/* Returns the size of the fixed part of records after a header of this byte order and a supported version; else 0. */
static size_t header_look(const uint8_t *at)
{
	struct tux_log_header header[TUX_LOG_VERSION];

	headers_make(header);
	for (unsigned i = 0; i < TUX_LOG_VERSION; i++)
		if (memcmp(at, &header[i], sizeof(header[i])) == 0)
			return header[i].record_bytes;
	return 0;
}

/*
 * Detects a truncated record. It looks complete together with the bytes after it, but a header starts inside it. The header may be
 * incomplete at the end of the buffer.
 */
static enum found cut_look(const uint8_t *at, size_t left, size_t size, bool ended)
{
	struct tux_log_header header[TUX_LOG_VERSION];

	headers_make(header);
	for (size_t i = 1; i < size; i++) {
		const size_t some = left - i < sizeof(*header) ? left - i : sizeof(*header);
		unsigned version = 0;

		while (at[i] == 0xfe && version < TUX_LOG_VERSION && memcmp(at + i, &header[version], some) != 0)
			version++;
		if (at[i] == 0xfe && version < TUX_LOG_VERSION && (some == sizeof(*header) || !ended))
			return some == sizeof(*header) ? FOUND_NONSENSE : FOUND_TOO_LITTLE;
	}
	return FOUND_RECORD;
}

static enum found record_look(const uint8_t *at, size_t left, size_t fixed, bool ended, struct tux_access_record *record)
{
	size_t texts;

	*record = (struct tux_access_record){ .size = 0 };
	if (left < fixed)
		return FOUND_TOO_LITTLE;
	memcpy(record, at, fixed);
	texts = (size_t)record->method_len + record->target_len + record->host_len + record->referer_len + record->user_agent_len +
	        record->backend_len + record->tls_name_len;
	if (record->size > TUX_ACCESS_RECORD_MAX || record->size != fixed + texts)
		return FOUND_NONSENSE;
	return left < record->size ? FOUND_TOO_LITTLE : cut_look(at, left, record->size, ended);
}

static enum found look(const struct reading *reading, size_t off, struct tux_access_record *record)
{
	const uint8_t *at = reading->buffer + off;
	const size_t left = reading->len - off;

	if (left < sizeof(struct tux_log_header))
		return FOUND_TOO_LITTLE;
	if (header_look(at) != 0)
		return FOUND_HEADER;
	/*
	 * Among skipped bytes a client's text may look like a foreign header. No text looks like our own header, which contains
	 * control characters.
	 */
	if (is_header(at) && !reading->losing)
		return FOUND_FOREIGN;
	return reading->headed ? record_look(at, left, reading->record_bytes, reading->ended, record) : FOUND_NONSENSE;
}

/* Reports skipped bytes, once for each gap. */
static void lost_tell(struct reading *reading, size_t off)
{
	if (!reading->losing)
		return;
	fprintf(stderr, "tux: %s: %llu bytes at byte %llu are no records\n", reading->name,
	        (unsigned long long)(reading->offset + off - reading->lost_at), (unsigned long long)reading->lost_at);
	reading->losing = false;
}

/* Converts the complete records in the buffer and keeps the rest. Returns false if the log cannot be read further. */
static bool buffer_convert(struct reading *reading)
{
	struct tux_access_record record;
	enum found found;
	size_t off = 0;

	while ((found = look(reading, off, &record)) != FOUND_TOO_LITTLE) {
		if (found == FOUND_FOREIGN) {
			fprintf(stderr, "tux: %s: the records behind byte %llu are another version's of TUX, or another kind of machine's\n",
			        reading->name, (unsigned long long)(reading->offset + off));
			return false;
		}
		if (found == FOUND_NONSENSE) {
			if (!reading->losing)
				reading->lost_at = reading->offset + off;
			reading->losing = true;
			reading->headed = reading->clean = false;
			off++;
			continue;
		}
		lost_tell(reading, off);
		if (found == FOUND_HEADER) {
			reading->headed = true;
			reading->record_bytes = header_look(reading->buffer + off);
			off += sizeof(struct tux_log_header);
			continue;
		}
		fwrite(reading->line, 1, tux_log_line(reading->style, &reading->clock, &record,
		                                      reading->buffer + off + reading->record_bytes, reading->line), reading->out);
		off += record.size;
	}
	memmove(reading->buffer, reading->buffer + off, reading->len - off);
	reading->len -= off;
	reading->offset += off;
	return true;
}

/* Converts the log up to its end. Reports errors on stderr, and then returns false. */
static bool all_convert(struct reading *reading)
{
	for (;;) {
		ssize_t got = read(reading->fd, reading->buffer + reading->len, sizeof(reading->buffer) - reading->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			fprintf(stderr, "tux: cannot read %s: %s\n", reading->name, strerror(errno));
			return false;
		}
		reading->ended = got == 0;
		reading->len += (size_t)got;
		if (!buffer_convert(reading))
			return false;
		if (fflush(reading->out) != 0) {
			fprintf(stderr, "tux: cannot write the lines of %s: %s\n", reading->name, strerror(errno));
			return false;
		}
		if (got == 0)
			break;
	}
	if (reading->losing)
		lost_tell(reading, reading->len);
	else if (reading->len > 0)
		fprintf(stderr, "tux: %s ends within a record: %zu bytes at byte %llu\n", reading->name, reading->len,
		        (unsigned long long)reading->offset);
	return reading->clean && reading->len == 0;
}

bool tux_log_convert(int fd, const char *name, enum tux_log_style style, FILE *out)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	bool done;

	if (!reading) {
		fprintf(stderr, "tux: no memory to read %s\n", name);
		return false;
	}
	reading->fd = fd;
	reading->name = name;
	reading->style = style;
	reading->out = out;
	reading->clean = true;
	done = all_convert(reading);
	free(reading);
	return done;
}
