/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Response heads, read back line by line: each field is there once and says what it was told to, no octet of a
 * request ends a line, and the promised sizes hold. The first octets choose what the head says; what is left
 * is the path and the query of a Location.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "response.h"
#include "target.h"

enum { CHOICE_OCTETS = 24, PATH_MAX_OCTETS = 4000 };

static const uint8_t date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
static const char boundary[] = "0123456789abcdef0123456789abcdef";
static const char etag[] = "W/\"0123456789abcdef0123456789abcdefghi\"";

/* A head that was written, and how much of it has been read back. */
struct written {
	const char *at;
	uint32_t len;
	uint32_t fields; /* found so far */
};

static uint64_t number_at(const uint8_t *data)
{
	uint64_t number = 0;

	for (size_t i = 0; i < 8; i++)
		number = number << 8 | data[i];
	return number;
}

/* RFC 9112 2.1: lines of visible octets that end in CR LF, the last of them empty. How many they are, that one aside. */
static uint32_t count_lines(const char *at, uint32_t len)
{
	uint32_t lines = 0, start = 0;

	for (uint32_t i = 0; i < len; i++) {
		uint8_t octet = (uint8_t)at[i];

		require(octet >= ' ' || octet == '\r' || octet == '\n');
		require(octet != 0x7f && (octet != '\r' || (i + 1 < len && at[i + 1] == '\n')));
		if (octet != '\n')
			continue;
		require(i > 0 && at[i - 1] == '\r');
		require(i - 1 > start || i + 1 == len);
		lines++;
		start = i + 1;
	}
	require(start == len && lines > 0);
	return lines - 1;
}

/* The field is there with that value, and only once; or it is not there at all where value is NULL. */
static void require_field(struct written *written, const char *name, const char *value)
{
	size_t name_len = strlen(name);
	uint32_t found = 0;

	for (uint32_t i = 0; i + name_len + 4 < written->len; i++) {
		const char *at = written->at + i;

		if (at[0] != '\r' || at[1] != '\n' || memcmp(at + 2, name, name_len) != 0 || at[2 + name_len] != ':')
			continue;
		found++;
		require(value != NULL && at[3 + name_len] == ' ');
		require(i + name_len + 6 + strlen(value) <= written->len);
		require(memcmp(at + 4 + name_len, value, strlen(value)) == 0);
		require(memcmp(at + 4 + name_len + strlen(value), "\r\n", 2) == 0);
	}
	require(found == (value != NULL ? 1 : 0));
	written->fields += found;
}

static const char *number_text(uint64_t number)
{
	static char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return text;
}

static const char *range_text(const struct tux_range *range, uint64_t size)
{
	static char text[96];

	if (range != NULL)
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
		         range->first + range->len - 1, size);
	else
		snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
	return text;
}

static const char *type_text(const struct tux_head *head)
{
	static char text[128];

	if (head->boundary_len == 0)
		return head->type.len > 0 ? head->type.at : NULL;
	snprintf(text, sizeof(text), "multipart/byteranges; boundary=%s", boundary);
	return text;
}

/* What the field says is the path, and of the query what is visible. */
static const char *location_text(const struct tux_head *head)
{
	static char text[3 * PATH_MAX_OCTETS + 20000 + 2];
	size_t len = head->location_len;

	if (len == 0)
		return NULL;
	memcpy(text, head->location, len);
	if (head->location_query != NULL)
		text[len++] = '?';
	for (uint32_t i = 0; head->location_query != NULL && i < head->location_query_len; i++) {
		uint8_t octet = head->location_query[i];

		if ((octet >= '!' && octet <= '~') || octet >= 0x80)
			text[len++] = (char)octet;
	}
	text[len] = '\0';
	return text;
}

static void check_read_back(const struct tux_head *head, const char *at, uint32_t len)
{
	struct written written = { at, len, 0 };
	uint8_t modified[TUX_DATE_LEN + 1] = { 0 };
	const char *range = NULL;
	char line[64];

	require(tux_response_reason(head->status).len == strlen(tux_response_reason(head->status).at));
	snprintf(line, sizeof(line), "HTTP/1.1 %u %s\r\n", head->status, tux_response_reason(head->status).at);
	require(len > strlen(line) && memcmp(at, line, strlen(line)) == 0);
	tux_date_format(head->last_modified, modified);
	if (head->content_range != TUX_CONTENT_RANGE_NONE)
		range = range_text(head->content_range == TUX_CONTENT_RANGE_ONE ? &head->range : NULL, head->size);
	require_field(&written, "Date", (const char *)date);
	require_field(&written, "Server", head->omit & TUX_OMIT_SERVER ? NULL : "tux");
	require_field(&written, "Content-Type", type_text(head));
	require_field(&written, "Content-Length", head->has_length ? number_text(head->content_length) : NULL);
	require_field(&written, "Last-Modified", head->has_last_modified && !(head->omit & TUX_OMIT_LAST_MODIFIED) ? (const char *)modified : NULL);
	require_field(&written, "ETag", head->etag_len > 0 && !(head->omit & TUX_OMIT_ETAG) ? etag : NULL);
	require_field(&written, "Content-Encoding",
	              head->coding != TUX_CODING_IDENTITY ? tux_coding_text((enum tux_coding)head->coding).at : NULL);
	require_field(&written, "Accept-Ranges", head->accept_ranges && !(head->omit & TUX_OMIT_ACCEPT_RANGES) ? "bytes" : NULL);
	require_field(&written, "Content-Range", range);
	require_field(&written, "Allow", head->allow ? "GET, HEAD, OPTIONS" : NULL);
	require_field(&written, "Location", location_text(head));
	require_field(&written, "Connection", !head->keep_alive ? "close" : head->minor == 0 ? "keep-alive" : NULL);
	require_field(&written, "X-Extra", head->extra.len > 0 ? "a b" : NULL);
	/* Vary may stand there twice. */
	require(count_lines(at, len) == 1 + written.fields + head->vary_encoding + head->vary_accept);
}

/* small: any number, to choose a room that is too small. */
static void check_head(const struct tux_head *head, uint32_t small)
{
	uint32_t location_len = head->location_len > 0 ? (uint32_t)strlen(location_text(head)) + 12 : 0;
	uint32_t cap = TUX_MAX_RESPONSE_HEAD + location_len, len, date_off, again_off;
	uint8_t *out = allocated(cap), *exact;

	len = tux_response_head(out, cap, head, &date_off);
	REQUIRE_WRITTEN(date_off);
	require(len > 0 && len <= cap);
	require_written(out, len);
	require(date_off <= len - TUX_DATE_LEN && memcmp(out + date_off, date, TUX_DATE_LEN) == 0);
	check_read_back(head, (const char *)out, len);
	exact = allocated(len);
	require(tux_response_head(exact, len, head, &again_off) == len && again_off == date_off);
	require(memcmp(exact, out, len) == 0);
	require(tux_response_head(exact, len - 1, head, &again_off) == 0);
	free(exact);
	exact = allocated(small % len);
	require(tux_response_head(exact, small % len, head, &again_off) == 0);
	free(exact);
	free(out);
}

static void check_part(const struct tux_head *head, const struct tux_range *range)
{
	uint8_t *out = allocated(TUX_MAX_PART_HEAD);
	uint32_t len = tux_response_part_head(out, TUX_MAX_PART_HEAD, head, range);
	struct written written = { (const char *)out, len, 0 };
	size_t start = 4 + strlen(boundary);

	require(len > start);
	require_written(out, len);
	require(memcmp(out, "\r\n--", 4) == 0 && memcmp(out + 4, boundary, strlen(boundary)) == 0);
	if (range == NULL) {
		require(len == start + 4 && memcmp(out + start, "--\r\n", 4) == 0);
	} else {
		require_field(&written, "Content-Type", head->type.len > 0 ? head->type.at : NULL);
		require_field(&written, "Content-Range", range_text(range, head->size));
		require(count_lines((const char *)out + 2, len - 2) == 1 + written.fields);
	}
	require(tux_response_part_head(out, len - 1, head, range) == 0);
	free(out);
}

/* Of any status and refusal, which are few; the room is what the header promises to be enough. */
static void check_error_body(uint16_t status, enum tux_refusal refusal)
{
	uint8_t *out = allocated(TUX_MAX_ERROR_BODY);
	uint32_t len = tux_response_error_body(out, TUX_MAX_ERROR_BODY, status, tux_refusal_text(refusal));

	require(len > 0 && len <= TUX_MAX_ERROR_BODY);
	require_written(out, len);
	require(tux_response_error_body(out, len - 1, status, tux_refusal_text(refusal)) == 0);
	free(out);
}

/* A Location as the engine makes it: a path escaped, and the query as it was sent. */
static void add_location(struct tux_head *head, const uint8_t *data, uint32_t len, uint8_t *escaped)
{
	uint32_t path_len = len > PATH_MAX_OCTETS ? PATH_MAX_OCTETS : len;
	const uint8_t *query = memchr(data, '?', len);

	if (query != NULL && (uint32_t)(query - data) < path_len)
		path_len = (uint32_t)(query - data);
	head->location_len = tux_target_escape(data, path_len, escaped, 3 * path_len);
	head->location = escaped;
	if (query == NULL)
		return;
	head->location_query = query + 1;
	head->location_query_len = (uint32_t)(data + len - query) - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t statuses[] = { 200, 204, 206, 301, 304, 400, 403, 404, 405, 408, 412,
		                             413, 414, 416, 417, 431, 500, 501, 503, 505, 65535 };
	static uint8_t escaped[3 * PATH_MAX_OCTETS];
	struct tux_range range;
	struct tux_head head;
	uint8_t flags, more;

	if (size < CHOICE_OCTETS || size > 20000)
		return 0;
	flags = data[1];
	more = data[2];
	range = (struct tux_range){ number_at(data + 8) >> 1, 1 + (number_at(data + 16) >> 1) };
	head = (struct tux_head){
		.status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))],
		.minor = flags & 1,
		.keep_alive = (flags & 2) != 0,
		.has_length = (flags & 4) != 0,
		.accept_ranges = (flags & 8) != 0,
		.vary_encoding = (flags & 16) != 0,
		.vary_accept = (flags & 32) != 0,
		.has_last_modified = (flags & 64) != 0,
		.allow = (flags & 128) != 0,
		.coding = more & 3,
		.content_range = (uint8_t)((more >> 2 & 3) % 3),
		.range = range,
		.size = number_at(data + 8),
		.content_length = number_at(data + 16),
		.last_modified = (int64_t)number_at(data + 8),
		.date = date,
		.boundary = (const uint8_t *)boundary,
		.boundary_len = (more & 16) != 0 ? (uint32_t)strlen(boundary) : 0,
		.etag = (const uint8_t *)etag,
		.etag_len = (more & 32) != 0 ? (uint32_t)strlen(etag) : 0,
	};
	head.omit = data[4] & 15;
	if ((data[4] & 16) != 0)
		head.extra = TUX_TEXT("X-Extra: a b\r\n");
	if ((more & 64) != 0)
		head.type = tux_media_type(data + 3, 5);
	if ((more & 128) != 0)
		add_location(&head, data + CHOICE_OCTETS, (uint32_t)size - CHOICE_OCTETS, escaped);
	check_head(&head, (uint32_t)number_at(data + 16));
	head.boundary_len = (uint32_t)strlen(boundary);
	check_part(&head, &range);
	check_part(&head, NULL);
	check_error_body(head.status, (enum tux_refusal)(data[3] % TUX_REFUSALS));
	return 0;
}
