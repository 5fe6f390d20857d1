/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request head. Each step below reads from *pos on and answers TUX_PARSED with *pos behind what
 * it read, TUX_MORE, or TUX_REFUSED. *pos <= len holds throughout.
 */
#include "request.h"

#include "body.h"
#include "octet.h"
#include "target.h"

static enum tux_verdict refuse(struct tux_request *req, enum tux_refusal refusal)
{
	req->refusal = (uint8_t)refusal;
	return TUX_REFUSED;
}

/* All but field[], which field_count and first[] make valid line by line. */
static void clear(struct tux_request *req)
{
	const struct tux_span empty = { 0, 0 };

	req->head_len = 0;
	req->refusal = TUX_ACCEPTED;
	req->method = TUX_METHOD_UNKNOWN;
	req->minor = 0;
	req->form = TUX_FORM_ORIGIN;
	req->framing = TUX_FRAMING_NONE;
	req->keep_alive = false;
	req->expect_continue = false;
	req->content_length = 0;
	req->method_text = empty;
	req->target = empty;
	req->path = empty;
	req->query = empty;
	req->host = empty;
	req->field_count = 0;
	memset(req->first, 0, sizeof(req->first));
}

/*
 * Whether a head of which seen bytes gave TUX_MORE is to be parsed again: it ends now, has a line end
 * without CR, is too long, or has grown past a power of two. The last finds other faults early
 * and still leaves the work for a head that trickles in linear.
 */
static bool worth_parsing(const uint8_t *buf, uint32_t len, uint32_t seen)
{
	uint32_t i;

	if (len >= TUX_MAX_HEAD || (seen ^ len) > (seen & len))
		return true;
	for (i = seen; i < len; i++) {
		if (buf[i] == '\n' && (i < 1 || buf[i - 1] != '\r' || (i >= 2 && buf[i - 2] == '\n')))
			return true;
	}
	return false;
}

/* The CR LF that ends a line. */
static inline enum tux_verdict line_end(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	uint32_t i = *pos;

	if (len - i >= 2 && buf[i] == '\r' && buf[i + 1] == '\n') {
		*pos = i + 2;
		return TUX_PARSED;
	}
	if (len - i >= 2 || (i < len && buf[i] != '\r'))
		return refuse(req, TUX_REFUSED_LINE_END);
	return TUX_MORE;
}

/* RFC 9112 2.2: empty lines in front of a request are passed over, a few of them. */
static enum tux_verdict empty_lines(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	enum tux_verdict verdict = TUX_PARSED;

	while (verdict == TUX_PARSED && *pos < len && (buf[*pos] == '\r' || buf[*pos] == '\n')) {
		if (*pos >= 2 * TUX_MAX_EMPTY_LINES)
			return refuse(req, TUX_REFUSED_LINE_END);
		verdict = line_end(buf, len, pos, req);
	}
	return verdict;
}

/* Methods are case-sensitive (RFC 9110 9.1), so this is not tux_field_equals(). */
static bool is_method(const uint8_t *buf, struct tux_span method, const char *text)
{
	uint32_t i = 0;

	while (i < method.len && buf[method.off + i] == (uint8_t)text[i])
		i++;
	return i == method.len;
}

static enum tux_method method_recognise(const uint8_t *buf, struct tux_span method)
{
	switch (method.len) {
	case 3:
		if (is_method(buf, method, "GET"))
			return TUX_GET;
		return is_method(buf, method, "PUT") ? TUX_PUT : TUX_METHOD_UNKNOWN;
	case 4:
		if (is_method(buf, method, "HEAD"))
			return TUX_HEAD;
		return is_method(buf, method, "POST") ? TUX_POST : TUX_METHOD_UNKNOWN;
	case 5:
		if (is_method(buf, method, "PATCH"))
			return TUX_PATCH;
		return is_method(buf, method, "TRACE") ? TUX_TRACE : TUX_METHOD_UNKNOWN;
	case 6:
		return is_method(buf, method, "DELETE") ? TUX_DELETE : TUX_METHOD_UNKNOWN;
	case 7:
		if (is_method(buf, method, "OPTIONS"))
			return TUX_OPTIONS;
		return is_method(buf, method, "CONNECT") ? TUX_CONNECT : TUX_METHOD_UNKNOWN;
	default:
		return TUX_METHOD_UNKNOWN;
	}
}

/* The method and the space behind it. */
static enum tux_verdict method(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	uint32_t start = *pos;
	uint32_t i = octet_skip(buf, start, len, OCTET_TOKEN);

	if (i == len)
		return TUX_MORE;
	if (i == start || buf[i] != ' ')
		return refuse(req, TUX_REFUSED_METHOD);
	req->method_text = (struct tux_span){ start, i - start };
	req->method = (uint8_t)method_recognise(buf, req->method_text);
	*pos = i + 1;
	return TUX_PARSED;
}

/* The target and the space behind it. */
static enum tux_verdict target(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	uint32_t start = *pos, i = start;
	enum tux_refusal refusal;

	while (len - i >= 8 && octet_all_target(octet_load8(buf + i)))
		i += 8;
	i = octet_skip(buf, i, len, OCTET_TARGET);
	req->target = (struct tux_span){ start, i - start };
	if (i - start > TUX_MAX_TARGET)
		return refuse(req, TUX_REFUSED_TARGET_LONG);
	if (i == len)
		return TUX_MORE;
	/* A line that ends here would be HTTP/0.9. */
	if (buf[i] == '\r' || buf[i] == '\n')
		return refuse(req, TUX_REFUSED_VERSION_SYNTAX);
	if (buf[i] != ' ')
		return refuse(req, TUX_REFUSED_TARGET);
	*pos = i + 1;
	refusal = tux_target_split(buf, req);
	return refusal == TUX_ACCEPTED ? TUX_PARSED : refuse(req, refusal);
}

/* "HTTP/1.1" as octet_load8() gives it. */
#define HTTP_1_1 0x312e312f50545448u

/* HTTP/d.d, case-sensitive (RFC 9112 2.3). */
static enum tux_verdict version(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	static const uint8_t pattern[8] = { 'H', 'T', 'T', 'P', '/', '0', '.', '0' };
	uint32_t start = *pos, i;

	if (len - start >= 8 && octet_load8(buf + start) == HTTP_1_1) {
		req->minor = 1;
		*pos = start + 8;
		return TUX_PARSED;
	}
	for (i = 0; i < 8; i++) {
		if (len - start <= i)
			return TUX_MORE;
		if (pattern[i] == '0' ? !octet_is_digit(buf[start + i]) : buf[start + i] != pattern[i])
			return refuse(req, TUX_REFUSED_VERSION_SYNTAX);
	}
	if (buf[start + 5] != '1')
		return refuse(req, TUX_REFUSED_VERSION);
	req->minor = buf[start + 7] != '0';
	*pos = start + 8;
	return TUX_PARSED;
}

static enum tux_verdict request_line(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	enum tux_verdict verdict = empty_lines(buf, len, pos, req);

	if (verdict == TUX_PARSED)
		verdict = method(buf, len, pos, req);
	if (verdict == TUX_PARSED)
		verdict = target(buf, len, pos, req);
	if (verdict == TUX_PARSED)
		verdict = version(buf, len, pos, req);
	if (verdict == TUX_PARSED)
		verdict = line_end(buf, len, pos, req);
	return verdict;
}

/* A field name and its colon. */
static inline enum tux_verdict field_name(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_span *name,
                                          struct tux_request *req)
{
	uint32_t start = *pos;
	uint32_t i = octet_skip(buf, start, len, OCTET_TOKEN);

	*name = (struct tux_span){ start, i - start };
	if (i == len)
		return TUX_MORE;
	if (i > start && buf[i] == ':') {
		*pos = i + 1;
		return TUX_PARSED;
	}
	if (i == start && octet_is_blank(buf[i]))
		return refuse(req, TUX_REFUSED_FOLD);
	return refuse(req, buf[i] == '\n' ? TUX_REFUSED_LINE_END : TUX_REFUSED_FIELD_NAME);
}

/* A field value, white space around it included; the line end behind it is not read. */
static inline enum tux_verdict field_value(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_span *value,
                                           struct tux_request *req)
{
	uint32_t start = *pos, i, end;

	while (start < len && octet_is_blank(buf[start]))
		start++;
	i = start;
	while (len - i >= 8 && octet_all_value(octet_load8(buf + i)))
		i += 8;
	i = octet_skip(buf, i, len, OCTET_VALUE);
	*pos = i;
	end = i;
	while (end > start && octet_is_blank(buf[end - 1]))
		end--;
	*value = (struct tux_span){ start, end - start };
	if (i == len)
		return TUX_MORE;
	if (buf[i] != '\r' && buf[i] != '\n')
		return refuse(req, TUX_REFUSED_FIELD_VALUE);
	return TUX_PARSED;
}

static inline enum tux_verdict field_line(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	struct tux_field *field;
	enum tux_verdict verdict;

	if (req->field_count >= TUX_MAX_FIELDS)
		return refuse(req, TUX_REFUSED_FIELD_COUNT);
	field = &req->field[req->field_count];
	verdict = field_name(buf, len, pos, &field->name, req);
	if (verdict == TUX_PARSED)
		verdict = field_value(buf, len, pos, &field->value, req);
	if (verdict == TUX_PARSED)
		verdict = line_end(buf, len, pos, req);
	if (verdict != TUX_PARSED)
		return verdict;
	field->known = (uint8_t)tux_field_recognise(buf, field->name.off, field->name.len);
	req->field_count++;
	if (req->first[field->known] == 0)
		req->first[field->known] = (uint8_t)req->field_count;
	return TUX_PARSED;
}

/* The field lines and the empty line behind them. */
static enum tux_verdict field_lines(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	enum tux_verdict verdict = TUX_PARSED;

	while (verdict == TUX_PARSED && *pos < len && buf[*pos] != '\r')
		verdict = field_line(buf, len, pos, req);
	return verdict == TUX_PARSED ? line_end(buf, len, pos, req) : verdict;
}

/* RFC 9112 3.2: one Host in HTTP/1.1, at most one in 1.0. The host of an absolute target overrides it. */
static enum tux_refusal check_host(const uint8_t *buf, struct tux_request *req)
{
	uint32_t line = tux_request_field(req, TUX_FIELD_HOST, 0);
	struct tux_span host;

	if (line == 0)
		return req->minor == 0 ? TUX_ACCEPTED : TUX_REFUSED_HOST_MISSING;
	if (tux_request_field(req, TUX_FIELD_HOST, line) != 0)
		return TUX_REFUSED_HOST_TWICE;
	host = req->field[line - 1].value;
	if (!tux_target_is_host(buf, host))
		return TUX_REFUSED_HOST;
	if (req->host.len == 0)
		req->host = host;
	return TUX_ACCEPTED;
}

/* RFC 9112 9.3: close wins; HTTP/1.0 stays open only when asked to. */
static bool stays_open(const uint8_t *buf, const struct tux_request *req)
{
	uint32_t line = tux_request_field(req, TUX_FIELD_CONNECTION, 0);
	bool keep_alive = req->minor > 0;

	/* What browsers send, without the walk. */
	if (line != 0 && tux_field_equals(buf, req->field[line - 1].value, "keep-alive", 10)) {
		keep_alive = true;
		line = tux_request_field(req, TUX_FIELD_CONNECTION, line);
	}
	while (line != 0) {
		struct tux_span rest = req->field[line - 1].value, option;

		while (tux_field_list_next(buf, &rest, &option)) {
			if (tux_field_equals(buf, option, "close", 5))
				return false;
			if (tux_field_equals(buf, option, "keep-alive", 10))
				keep_alive = true;
		}
		line = tux_request_field(req, TUX_FIELD_CONNECTION, line);
	}
	return keep_alive;
}

/* RFC 9110 10.1.1: there is one expectation, and HTTP/1.0 has none. */
static enum tux_refusal check_expect(const uint8_t *buf, struct tux_request *req)
{
	uint32_t line = req->minor == 0 ? 0 : tux_request_field(req, TUX_FIELD_EXPECT, 0);

	while (line != 0) {
		struct tux_span rest = req->field[line - 1].value, expectation;

		while (tux_field_list_next(buf, &rest, &expectation)) {
			if (!tux_field_equals(buf, expectation, "100-continue", 12))
				return TUX_REFUSED_EXPECT;
			req->expect_continue = true;
		}
		line = tux_request_field(req, TUX_FIELD_EXPECT, line);
	}
	return TUX_ACCEPTED;
}

/* What the fields mean together, once all are there. */
static enum tux_verdict conclude(const uint8_t *buf, uint32_t pos, struct tux_request *req)
{
	enum tux_refusal refusal = check_host(buf, req);

	if (refusal == TUX_ACCEPTED)
		refusal = tux_body_framing(buf, req);
	if (refusal == TUX_ACCEPTED)
		refusal = check_expect(buf, req);
	if (refusal != TUX_ACCEPTED)
		return refuse(req, refusal);
	req->keep_alive = stays_open(buf, req);
	req->head_len = pos;
	return TUX_PARSED;
}

enum tux_verdict tux_request_parse(const uint8_t *buf, uint32_t len, uint32_t seen, struct tux_request *req)
{
	uint32_t pos = 0;
	enum tux_verdict verdict;

	if (len > TUX_MAX_HEAD)
		len = TUX_MAX_HEAD;
	if (seen > 0 && !worth_parsing(buf, len, seen))
		return TUX_MORE;
	clear(req);
	verdict = request_line(buf, len, &pos, req);
	if (verdict == TUX_PARSED)
		verdict = field_lines(buf, len, &pos, req);
	if (verdict == TUX_PARSED)
		verdict = conclude(buf, pos, req);
	if (verdict == TUX_MORE && len == TUX_MAX_HEAD)
		return refuse(req, TUX_REFUSED_HEAD_LONG);
	return verdict;
}

uint32_t tux_request_field(const struct tux_request *req, enum tux_field_name name, uint32_t after)
{
	uint32_t i;

	if (after == 0)
		return req->first[name];
	for (i = after; i < req->field_count; i++) {
		if (req->field[i].known == name)
			return i + 1;
	}
	return 0;
}
