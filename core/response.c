/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes response heads through one checked cursor. */
#include "response.h"

#include "writer.h"

struct tux_text tux_response_reason(uint16_t status)
{
	switch (status) {
	case 100: return TUX_TEXT("Continue");
	case 101: return TUX_TEXT("Switching Protocols");
	case 103: return TUX_TEXT("Early Hints");
	case 200: return TUX_TEXT("OK");
	case 201: return TUX_TEXT("Created");
	case 202: return TUX_TEXT("Accepted");
	case 203: return TUX_TEXT("Non-Authoritative Information");
	case 204: return TUX_TEXT("No Content");
	case 205: return TUX_TEXT("Reset Content");
	case 206: return TUX_TEXT("Partial Content");
	case 300: return TUX_TEXT("Multiple Choices");
	case 301: return TUX_TEXT("Moved Permanently");
	case 302: return TUX_TEXT("Found");
	case 303: return TUX_TEXT("See Other");
	case 304: return TUX_TEXT("Not Modified");
	case 307: return TUX_TEXT("Temporary Redirect");
	case 308: return TUX_TEXT("Permanent Redirect");
	case 400: return TUX_TEXT("Bad Request");
	case 401: return TUX_TEXT("Unauthorized");
	case 402: return TUX_TEXT("Payment Required");
	case 403: return TUX_TEXT("Forbidden");
	case 404: return TUX_TEXT("Not Found");
	case 405: return TUX_TEXT("Method Not Allowed");
	case 406: return TUX_TEXT("Not Acceptable");
	case 407: return TUX_TEXT("Proxy Authentication Required");
	case 408: return TUX_TEXT("Request Timeout");
	case 409: return TUX_TEXT("Conflict");
	case 410: return TUX_TEXT("Gone");
	case 411: return TUX_TEXT("Length Required");
	case 412: return TUX_TEXT("Precondition Failed");
	case 413: return TUX_TEXT("Content Too Large");
	case 414: return TUX_TEXT("URI Too Long");
	case 415: return TUX_TEXT("Unsupported Media Type");
	case 416: return TUX_TEXT("Range Not Satisfiable");
	case 417: return TUX_TEXT("Expectation Failed");
	case 421: return TUX_TEXT("Misdirected Request");
	case 422: return TUX_TEXT("Unprocessable Content");
	case 425: return TUX_TEXT("Too Early");
	case 426: return TUX_TEXT("Upgrade Required");
	case 428: return TUX_TEXT("Precondition Required");
	case 429: return TUX_TEXT("Too Many Requests");
	case 431: return TUX_TEXT("Request Header Fields Too Large");
	case 451: return TUX_TEXT("Unavailable For Legal Reasons");
	case 500: return TUX_TEXT("Internal Server Error");
	case 501: return TUX_TEXT("Not Implemented");
	case 502: return TUX_TEXT("Bad Gateway");
	case 503: return TUX_TEXT("Service Unavailable");
	case 504: return TUX_TEXT("Gateway Timeout");
	case 505: return TUX_TEXT("HTTP Version Not Supported");
	default: return TUX_TEXT("Unknown");
	}
}

void tux_head_describe(struct tux_head *head, const struct tux_facts *facts, enum tux_coding coding, uint32_t available,
                       struct tux_text type)
{
	head->accept_ranges = true;
	head->vary_encoding = available != 1u << TUX_CODING_IDENTITY;
	head->coding = (uint8_t)coding;
	head->type = type;
	head->etag = facts->validators.etag;
	head->etag_len = facts->validators.etag_len;
	head->size = facts->size;
	head->last_modified = facts->validators.last_modified;
	head->has_last_modified = head->last_modified >= 0;
}

struct tux_range tux_head_plan(struct tux_head *head, const struct tux_plan *plan)
{
	struct tux_range range = { 0, head->size };

	if (plan->status == 304) {
		head->type.len = 0;
		head->coding = TUX_CODING_IDENTITY;
		range.len = 0;
		return range;
	}
	if (plan->range_count == 1) {
		range = plan->range[0];
		head->content_range = TUX_CONTENT_RANGE_ONE;
		head->range = range;
	}
	head->has_length = true;
	head->content_length = range.len;
	return range;
}

/*@ requires out_valid(out) && (range == \null || (\valid_read(range) && range_inside(range, 0x7fffffffffffffff)));
  @ requires \separated(range, out) && \separated(range, out->at + (0 .. out->cap - 1));
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_range(struct writer *out, const struct tux_range *range, uint64_t size)
{
	PUT(out, "Content-Range: bytes ");
	if (range != NULL) {
		put_number(out, range->first);
		put_byte(out, '-');
		put_number(out, range->first + (range->len - 1));
	} else {
		put_byte(out, '*');
	}
	put_byte(out, '/');
	put_number(out, size);
	PUT(out, "\r\n");
}

/*@ requires out_valid(out) && head_readable(head) && \separated(out, head);
  @ requires head_apart(head, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_type(struct writer *out, const struct tux_head *head)
{
	if (head->boundary_len > 0) {
		PUT(out, "Content-Type: multipart/byteranges; boundary=");
		put(out, head->boundary, head->boundary_len);
		PUT(out, "\r\n");
	} else if (head->type.len > 0) {
		PUT(out, "Content-Type: ");
		put_text(out, head->type);
		PUT(out, "\r\n");
	}
}

/*@ requires out_valid(out) && head_readable(head) && \separated(out, head);
  @ requires head_apart(head, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_validators(struct writer *out, const struct tux_head *head)
{
	uint8_t date[TUX_DATE_LEN];

	if (head->has_last_modified && !(head->omit & TUX_OMIT_LAST_MODIFIED)) {
		tux_date_format(head->last_modified, date);
		PUT(out, "Last-Modified: ");
		put(out, date, TUX_DATE_LEN);
		PUT(out, "\r\n");
	}
	if (head->etag_len > 0 && !(head->omit & TUX_OMIT_ETAG)) {
		PUT(out, "ETag: ");
		put(out, head->etag, head->etag_len);
		PUT(out, "\r\n");
	}
}

/*@ requires out_valid(out) && head_readable(head) && \separated(out, head);
  @ requires head_apart(head, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_coding(struct writer *out, const struct tux_head *head)
{
	if (head->coding != TUX_CODING_IDENTITY && head->coding < TUX_CODINGS) {
		PUT(out, "Content-Encoding: ");
		put_text(out, tux_coding_text((enum tux_coding)head->coding));
		PUT(out, "\r\n");
	}
	if (head->accept_ranges && !(head->omit & TUX_OMIT_ACCEPT_RANGES))
		PUT(out, "Accept-Ranges: bytes\r\n");
	if (head->content_range == TUX_CONTENT_RANGE_ONE)
		put_range(out, &head->range, head->size);
	else if (head->content_range == TUX_CONTENT_RANGE_UNSATISFIED)
		put_range(out, NULL, head->size);
}

/*@ requires out_valid(out) && head_readable(head) && \separated(out, head);
  @ requires head_apart(head, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_representation(struct writer *out, const struct tux_head *head)
{
	put_type(out, head);
	if (head->has_length) {
		PUT(out, "Content-Length: ");
		put_number(out, head->content_length);
		PUT(out, "\r\n");
	}
	put_validators(out, head);
	put_coding(out, head);
}

/*@ requires out_valid(out);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_status(struct writer *out, uint16_t status)
{
	put_number(out, status);
	put_byte(out, ' ');
	put_text(out, tux_response_reason(status));
}

/*@ requires out_valid(out) && head_readable(head) && \separated(out, head);
  @ requires head_apart(head, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_location(struct writer *out, const struct tux_head *head)
{
	if (head->location_len == 0)
		return;
	PUT(out, "Location: ");
	put_visible(out, head->location, head->location_len);
	if (head->location_query != NULL) {
		put_byte(out, '?');
		put_visible(out, head->location_query, head->location_query_len);
	}
	PUT(out, "\r\n");
}

/* Writes Vary and Allow. */
/*@ requires out_valid(out) && \valid_read(head) && \separated(out, head) && \separated(out->at + (0 .. out->cap - 1), head);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_options(struct writer *out, const struct tux_head *head)
{
	if (head->vary_encoding)
		PUT(out, "Vary: Accept-Encoding\r\n");
	if (head->vary_accept)
		PUT(out, "Vary: Accept\r\n");
	if (head->allow)
		PUT(out, "Allow: GET, HEAD, OPTIONS\r\n");
}

/* Writes the fields of a page about the server. */
/*@ requires out_valid(out) && head_readable(head) && \separated(out, head);
  @ requires head_apart(head, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_policy(struct writer *out, const struct tux_head *head)
{
	if (head->nonce.len == 0)
		return;
	PUT(out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
	PUT(out, "Content-Security-Policy: default-src 'none'; style-src 'nonce-");
	put_text(out, head->nonce);
	PUT(out, "'; script-src 'nonce-");
	put_text(out, head->nonce);
	PUT(out, "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n");
}

/*@ requires out_valid(out) && head_readable(head) && \separated(out, head);
  @ requires head_apart(head, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_connection(struct writer *out, const struct tux_head *head)
{
	if (!head->keep_alive)
		PUT(out, "Connection: close\r\n");
	else if (head->minor == 0)
		PUT(out, "Connection: keep-alive\r\n");
	PUT(out, "\r\n");
}

uint32_t tux_response_head(uint8_t *out_at, uint32_t cap, const struct tux_head *head, uint32_t *date_off)
{
	struct writer out = { .at = out_at, .cap = cap };
	uint32_t date;

	PUT(&out, "HTTP/1.1 ");
	put_status(&out, head->status);
	PUT(&out, "\r\nDate: ");
	date = (uint32_t)out.len;
	put(&out, head->date, TUX_DATE_LEN);
	PUT(&out, "\r\n");
	if (!(head->omit & TUX_OMIT_SERVER))
		PUT(&out, "Server: tux\r\n");
	put_representation(&out, head);
	put_options(&out, head);
	put_location(&out, head);
	put_text(&out, head->extra);
	put_policy(&out, head);
	put_connection(&out, head);
	*date_off = date;
	return out_bytes(&out);
}

uint32_t tux_response_stamped(uint8_t *out, uint32_t cap, const uint8_t *head, uint32_t head_len, uint32_t date_off, const uint8_t *date)
{
	if (head_len > cap || head_len < TUX_DATE_LEN || date_off > head_len - TUX_DATE_LEN)
		return 0;
	octet_copy(out, head, head_len);
	octet_copy(out + date_off, date, TUX_DATE_LEN);
	return head_len;
}

bool tux_field_lines_valid(const uint8_t *lines, uint32_t len)
{
	uint8_t before = '\n'; /* a line starts */

	/*@ loop invariant i <= len;
	  @ loop invariant before == (i > 0 ? lines[i - 1] : '\n');
	  @ loop invariant \forall integer k; 0 <= k < i ==>
	  @   lines[k] == '\r' || lines[k] == '\n' || lines[k] == '\t' || 0x20 <= lines[k] <= 0x7e;
	  @ loop invariant \forall integer k; 0 <= k < i && lines[k] == '\r' ==> k >= 1 && lines[k - 1] != '\n' && lines[k - 1] != '\r';
	  @ loop invariant \forall integer k; 0 <= k < i && lines[k] == '\n' ==> k >= 1 && lines[k - 1] == '\r';
	  @ loop invariant \forall integer k; 0 <= k < i - 1 && lines[k] == '\r' ==> lines[k + 1] == '\n';
	  @ loop assigns i, before;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++) {
		const uint8_t octet = lines[i];

		if ((octet == '\n') != (before == '\r') || (octet == '\r' && before == '\n'))
			return false;
		if (octet != '\r' && octet != '\n' && octet != '\t' && (octet < 0x20 || octet > 0x7e))
			return false;
		before = octet;
	}
	return before == '\n';
}

uint32_t tux_response_part_head(uint8_t *out_at, uint32_t cap, const struct tux_head *head, const struct tux_range *range)
{
	struct writer out = { .at = out_at, .cap = cap };

	PUT(&out, "\r\n--");
	put(&out, head->boundary, head->boundary_len);
	if (range == NULL) {
		PUT(&out, "--\r\n");
		return out_bytes(&out);
	}
	PUT(&out, "\r\n");
	if (head->type.len > 0) {
		PUT(&out, "Content-Type: ");
		put_text(&out, head->type);
		PUT(&out, "\r\n");
	}
	put_range(&out, range, head->size);
	PUT(&out, "\r\n");
	return out_bytes(&out);
}

uint32_t tux_response_error_body(uint8_t *out_at, uint32_t cap, uint16_t status, const char *why)
{
	struct writer out = { .at = out_at, .cap = cap };

	PUT(&out, "<!doctype html>\n<meta charset=utf-8>\n<meta name=color-scheme content=\"light dark\">\n<title>");
	put_status(&out, status);
	PUT(&out, "</title>\n<h1>");
	put_status(&out, status);
	PUT(&out, "</h1>\n");
	if (why != NULL) {
		PUT(&out, "<p>");
		put_string(&out, why);
		PUT(&out, "</p>\n");
	}
	return out_bytes(&out);
}

const char *tux_response_continue(uint32_t *len)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

	*len = (uint32_t)sizeof(text) - 1;
	return text;
}
