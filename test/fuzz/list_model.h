/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For fuzz targets: a request with fuzzed field lines, and its lists read the slow way, to compare with. It
 * shares no code with core/field_name.c.
 */
#ifndef TUX_TEST_LIST_MODEL_H
#define TUX_TEST_LIST_MODEL_H

#include <string.h>

#include "fuzz.h"
#include "request.h"

enum { LIST_MODEL_MAX = 1000 }; /* octets of fuzzed input */

/* A text of the buffer of a request. */
struct text {
	const char *at;
	size_t len;
};

/* Whether both are the same, letters in any case. */
static inline bool text_is(struct text text, const char *expected)
{
	static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (text.len != strlen(expected))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		const char *letter = memchr(upper, text.at[i], 26);

		if ((letter != NULL ? lower[letter - upper] : text.at[i]) != expected[i])
			return false;
	}
	return true;
}

/*
 * The parts between the separators that stand in no quoted string, without white space around them, the
 * empty ones too. There is room for one more part than the text has octets.
 */
static inline size_t text_split(struct text text, char separator, struct text *part)
{
	enum { OUTSIDE, INSIDE, ESCAPED } at = OUTSIDE;
	size_t count = 0, start = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i == text.len || (at == OUTSIDE && text.at[i] == separator)) {
			struct text found = { text.at + start, i - start };

			while (found.len > 0 && strchr(" \t", found.at[0]) != NULL)
				found.at++, found.len--;
			while (found.len > 0 && strchr(" \t", found.at[found.len - 1]) != NULL)
				found.len--;
			part[count++] = found;
			start = i + 1;
		} else if (at == ESCAPED) {
			at = INSIDE;
		} else if (text.at[i] == '"') {
			at = at == INSIDE ? OUTSIDE : INSIDE;
		} else if (at == INSIDE && text.at[i] == '\\') {
			at = ESCAPED;
		}
	}
	return count;
}

/* The value of the field line. */
static inline struct text text_of(const uint8_t *buf, const struct tux_request *req, uint32_t line)
{
	return (struct text){ (const char *)buf + req->fields.line[line].value.off, req->fields.line[line].value.len };
}

/*
 * A GET with the lines of data, which end in a line feed: the first octet chooses one of the names, the others
 * are the value. The buffer, exactly as long as the head, for free(); NULL where the parser refuses it.
 */
static inline uint8_t *request_of_lines(const char *const *names, size_t names_count, const uint8_t *data, size_t size,
                                        struct tux_request *req)
{
	static const char start[] = "GET /a HTTP/1.1\r\nHost: x\r\n";
	static char lines[sizeof(start) + LIST_MODEL_MAX * 24];
	size_t len = strlen(start);
	uint8_t *buf;

	memcpy(lines, start, len);
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t line_len = end != NULL ? (size_t)(end - data) : size;
		const char *name = names[data[0] % names_count];

		memcpy(lines + len, name, strlen(name));
		len += strlen(name);
		lines[len++] = ':';
		if (line_len > 0)
			memcpy(lines + len, data + 1, line_len - 1);
		len += line_len > 0 ? line_len - 1 : 0;
		lines[len++] = '\r';
		lines[len++] = '\n';
		data += line_len + (end != NULL);
		size -= line_len + (end != NULL);
	}
	memcpy(lines + len, "\r\n", 2);
	len += 2;
	buf = allocated(len);
	memcpy(buf, lines, len);
	forget(req, sizeof(*req));
	if (tux_request_parse(buf, (uint32_t)len, 0, req) == TUX_PARSED) {
		require(req->head_len == len);
		return buf;
	}
	free(buf);
	return NULL;
}

#endif
