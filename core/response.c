/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses: the decision, and the writing of heads through one checked cursor. */
#include "response.h"

/* A buffer being written. Once something did not fit, nothing more is written and full stays set. */
struct out {
	uint8_t *at;
	uint32_t cap;
	uint32_t len;
	bool full;
};

static void put(struct out *out, const uint8_t *bytes, uint32_t len)
{
	if (out->full || out->cap - out->len < len) {
		out->full = true;
		return;
	}
	if (len > 0)
		memcpy(out->at + out->len, bytes, len);
	out->len += len;
}

static void put_byte(struct out *out, uint8_t byte)
{
	if (out->full || out->cap - out->len < 1) {
		out->full = true;
		return;
	}
	out->at[out->len++] = byte;
}

static void put_text(struct out *out, const char *text)
{
	for (uint32_t i = 0; text[i] != '\0' && !out->full; i++)
		put_byte(out, (uint8_t)text[i]);
}

static void put_number(struct out *out, uint64_t number)
{
	uint8_t digits[20]; /* of 2^64 - 1 */
	uint32_t first = sizeof(digits);

	do {
		digits[--first] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number > 0 && first > 0);
	put(out, digits + first, (uint32_t)sizeof(digits) - first);
}

const char *tux_response_reason(uint16_t status)
{
	switch (status) {
	case 200: return "OK";
	case 204: return "No Content";
	case 206: return "Partial Content";
	case 301: return "Moved Permanently";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 416: return "Range Not Satisfiable";
	case 417: return "Expectation Failed";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "Unknown";
	}
}

uint16_t tux_respond_method(const struct tux_request *req)
{
	switch ((enum tux_method)req->method) {
	case TUX_GET:
	case TUX_HEAD:
		return 0;
	case TUX_OPTIONS:
		return 204;
	case TUX_POST:
	case TUX_PUT:
	case TUX_DELETE:
	case TUX_PATCH:
	case TUX_TRACE:
	case TUX_CONNECT:
		return 405;
	case TUX_METHOD_UNKNOWN:
		break;
	}
	return 501;
}

/* Range is defined for GET alone, and a second Range line is no range set (RFC 9110 14.2). */
static void decide_range(const uint8_t *buf, const struct tux_request *req, const struct tux_facts *facts,
                         struct tux_plan *plan)
{
	uint32_t line = tux_request_field(req, TUX_FIELD_RANGE, 0);

	if (req->method != TUX_GET || line == 0 || tux_request_field(req, TUX_FIELD_RANGE, line) != 0)
		return;
	if (!tux_condition_range_applies(buf, req, &facts->validators))
		return;
	switch (tux_range_parse(buf, req->field[line - 1].value, facts->size, plan->range, &plan->range_count)) {
	case TUX_RANGE_IGNORED:
		break;
	case TUX_RANGE_SATISFIABLE:
		plan->status = 206;
		break;
	case TUX_RANGE_UNSATISFIABLE:
		plan->status = 416;
		break;
	}
}

void tux_respond_decide(const uint8_t *buf, const struct tux_request *req, const struct tux_facts *facts,
                        struct tux_plan *plan)
{
	plan->status = 200;
	plan->range_count = 0;
	switch (tux_condition_evaluate(buf, req, &facts->validators)) {
	case TUX_CONDITION_PASSED:
		decide_range(buf, req, facts, plan);
		break;
	case TUX_CONDITION_NOT_MODIFIED:
		plan->status = 304;
		break;
	case TUX_CONDITION_FAILED:
		plan->status = 412;
		break;
	}
}

static void put_range(struct out *out, const struct tux_range *range, uint64_t size)
{
	put_text(out, "Content-Range: bytes ");
	if (range != NULL) {
		put_number(out, range->first);
		put_byte(out, '-');
		put_number(out, range->first + (range->len - 1));
	} else {
		put_byte(out, '*');
	}
	put_byte(out, '/');
	put_number(out, size);
	put_text(out, "\r\n");
}

static void put_type(struct out *out, const struct tux_head *head)
{
	if (head->boundary_len > 0) {
		put_text(out, "Content-Type: multipart/byteranges; boundary=");
		put(out, head->boundary, head->boundary_len);
		put_text(out, "\r\n");
	} else if (head->type.len > 0) {
		put_text(out, "Content-Type: ");
		put_text(out, head->type.text);
		put_text(out, "\r\n");
	}
}

static void put_representation(struct out *out, const struct tux_head *head)
{
	uint8_t date[TUX_DATE_LEN];

	put_type(out, head);
	if (head->has_length) {
		put_text(out, "Content-Length: ");
		put_number(out, head->content_length);
		put_text(out, "\r\n");
	}
	if (head->has_last_modified) {
		tux_date_format(head->last_modified, date);
		put_text(out, "Last-Modified: ");
		put(out, date, TUX_DATE_LEN);
		put_text(out, "\r\n");
	}
	if (head->etag_len > 0) {
		put_text(out, "ETag: ");
		put(out, head->etag, head->etag_len);
		put_text(out, "\r\n");
	}
	if (head->coding != TUX_CODING_IDENTITY && head->coding < TUX_CODINGS) {
		put_text(out, "Content-Encoding: ");
		put_text(out, tux_coding_text((enum tux_coding)head->coding));
		put_text(out, "\r\n");
	}
	if (head->accept_ranges)
		put_text(out, "Accept-Ranges: bytes\r\n");
	if (head->content_range == TUX_CONTENT_RANGE_ONE)
		put_range(out, &head->range, head->size);
	else if (head->content_range == TUX_CONTENT_RANGE_UNSATISFIED)
		put_range(out, NULL, head->size);
}

/* The one place where bytes of a request go into a head: the query, and only its visible ones. */
static void put_location(struct out *out, const struct tux_head *head)
{
	put_text(out, "Location: ");
	put(out, head->location, head->location_len);
	if (head->location_query != NULL) {
		put_byte(out, '?');
		for (uint32_t i = 0; i < head->location_query_len; i++)
			if (head->location_query[i] > 0x20 && head->location_query[i] != 0x7f)
				put_byte(out, head->location_query[i]);
	}
	put_text(out, "\r\n");
}

uint32_t tux_response_head(uint8_t *out_at, uint32_t cap, const struct tux_head *head, uint32_t *date_off)
{
	struct out out = { .at = out_at, .cap = cap };

	put_text(&out, "HTTP/1.1 ");
	put_number(&out, head->status);
	put_byte(&out, ' ');
	put_text(&out, tux_response_reason(head->status));
	put_text(&out, "\r\nDate: ");
	*date_off = out.len;
	put(&out, head->date, TUX_DATE_LEN);
	put_text(&out, "\r\nServer: tux\r\n");
	put_representation(&out, head);
	if (head->vary_encoding)
		put_text(&out, "Vary: Accept-Encoding\r\n");
	if (head->vary_accept)
		put_text(&out, "Vary: Accept\r\n");
	if (head->allow)
		put_text(&out, "Allow: GET, HEAD, OPTIONS\r\n");
	if (head->location_len > 0)
		put_location(&out, head);
	if (!head->keep_alive)
		put_text(&out, "Connection: close\r\n");
	else if (head->minor == 0)
		put_text(&out, "Connection: keep-alive\r\n");
	put_text(&out, "\r\n");
	return out.full ? 0 : out.len;
}

uint32_t tux_response_part_head(uint8_t *out_at, uint32_t cap, const struct tux_head *head, const struct tux_range *range)
{
	struct out out = { .at = out_at, .cap = cap };

	put_text(&out, "\r\n--");
	put(&out, head->boundary, head->boundary_len);
	if (range == NULL) {
		put_text(&out, "--\r\n");
		return out.full ? 0 : out.len;
	}
	put_text(&out, "\r\n");
	if (head->type.len > 0) {
		put_text(&out, "Content-Type: ");
		put_text(&out, head->type.text);
		put_text(&out, "\r\n");
	}
	put_range(&out, range, head->size);
	put_text(&out, "\r\n");
	return out.full ? 0 : out.len;
}

uint32_t tux_response_error_body(uint8_t *out_at, uint32_t cap, uint16_t status, const char *why)
{
	struct out out = { .at = out_at, .cap = cap };

	put_text(&out, "<!doctype html>\n<meta charset=utf-8>\n<meta name=color-scheme content=\"light dark\">\n<title>");
	put_number(&out, status);
	put_byte(&out, ' ');
	put_text(&out, tux_response_reason(status));
	put_text(&out, "</title>\n<h1>");
	put_number(&out, status);
	put_byte(&out, ' ');
	put_text(&out, tux_response_reason(status));
	put_text(&out, "</h1>\n");
	if (why != NULL) {
		put_text(&out, "<p>");
		put_text(&out, why);
		put_text(&out, "</p>\n");
	}
	return out.full ? 0 : out.len;
}

const char *tux_response_continue(uint32_t *len)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	*len = (uint32_t)sizeof(text) - 1;
	return text;
}
