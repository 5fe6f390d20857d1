/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request head. Each step below reads from *pos on and answers TUX_PARSED with *pos behind what
 * it read, TUX_MORE, or TUX_REFUSED. *pos <= len holds throughout.
 */
#include "request.h"

#include "body.h"
#include "scan.h"
#include "target.h"

/*
 * For the proof: what each step is given, and what its answer says.
 */
/*@ predicate step{L}(uint8_t *buf, integer len, uint32_t *pos, struct tux_request *req) =
  @   len <= TUX_MAX_HEAD && \valid_read(buf + (0 .. len - 1)) && \valid(pos) && *pos <= len && \valid(req) &&
  @   \separated(pos, req) && \separated(buf + (0 .. len - 1), req) && \separated(buf + (0 .. len - 1), pos);
  @ predicate refused{L}(struct tux_request *req) = TUX_ACCEPTED < req->refusal < TUX_REFUSALS;
  @ predicate answer{L}(enum tux_verdict verdict, struct tux_request *req) =
  @   (verdict == TUX_MORE && req->refusal == TUX_ACCEPTED) || (verdict == TUX_PARSED && req->refusal == TUX_ACCEPTED) ||
  @   (verdict == TUX_REFUSED && refused(req));
  @*/

/*@ requires \valid(req) && TUX_ACCEPTED < refusal < TUX_REFUSALS;
  @ assigns req->refusal;
  @ ensures \result == TUX_REFUSED && refused(req);
  @*/
static enum tux_verdict refuse(struct tux_request *req, enum tux_refusal refusal)
{
	req->refusal = (uint8_t)refusal;
	return TUX_REFUSED;
}

/* All but field[], which field_count and first[] make valid line by line. */
/*@ requires \valid(req);
  @ assigns *req;
  @ ensures req->refusal == TUX_ACCEPTED && req->field_count == 0 && req->head_len == 0 && req->method == 0 &&
  @   req->minor == 0 && req->form == TUX_FORM_ORIGIN && req->framing == TUX_FRAMING_NONE && req->content_length == 0;
  @ ensures request_spans(req, 0);
  @ ensures \forall integer n; 0 <= n < TUX_FIELD_NAMES ==> req->first[n] == 0;
  @*/
static void clear(struct tux_request *req)
{
	const struct tux_span empty = { 0, 0 };
	uint32_t i;

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
	/*@ loop invariant 0 <= i <= TUX_FIELD_NAMES;
	  @ loop invariant \forall integer n; 0 <= n < i ==> req->first[n] == 0;
	  @ loop assigns i, req->first[0 .. TUX_FIELD_NAMES - 1];
	  @ loop variant TUX_FIELD_NAMES - i; */
	for (i = 0; i < TUX_FIELD_NAMES; i++)
		req->first[i] = 0;
}

/*
 * Whether a head of which seen bytes gave TUX_MORE is to be parsed again: it ends now, has a line end
 * without CR, is too long, or has grown past a power of two. The last finds other faults early
 * and still leaves the work for a head that trickles in linear.
 */
/*@ requires \valid_read(buf + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures len >= TUX_MAX_HEAD ==> \result;
  @*/
static bool worth_parsing(const uint8_t *buf, uint32_t len, uint32_t seen)
{
	uint32_t i;

	if (len >= TUX_MAX_HEAD || (seen ^ len) > (seen & len))
		return true;
	/*@ loop invariant seen <= i;
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (i = seen; i < len; i++) {
		if (buf[i] == '\n' && (i < 1 || buf[i - 1] != '\r' || (i >= 2 && buf[i - 2] == '\n')))
			return true;
	}
	return false;
}

/* The CR LF that ends a line. */
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ assigns *pos, req->refusal;
  @ ensures answer(\result, req);
  @ ensures \result == TUX_PARSED ? *pos == \old(*pos) + 2 && *pos <= len : *pos == \old(*pos);
  @ ensures \result == TUX_PARSED ==> buf[*pos - 2] == '\r' && buf[*pos - 1] == '\n';
  @*/
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
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ assigns *pos, req->refusal;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @*/
static enum tux_verdict empty_lines(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	enum tux_verdict verdict = TUX_PARSED;

	/*@ loop invariant answer(verdict, req);
	  @ loop invariant \at(*pos, Pre) <= *pos <= len;
	  @ loop assigns verdict, *pos, req->refusal;
	  @ loop variant len - *pos + (verdict == TUX_PARSED ? 1 : 0); */
	while (verdict == TUX_PARSED && *pos < len && (buf[*pos] == '\r' || buf[*pos] == '\n')) {
		if (*pos >= 2 * TUX_MAX_EMPTY_LINES)
			return refuse(req, TUX_REFUSED_LINE_END);
		verdict = line_end(buf, len, pos, req);
	}
	return verdict;
}

/* Methods are case-sensitive (RFC 9110 9.1), so this is not tux_field_equals(). */
/*@ requires span_readable(buf, method);
  @ requires \valid_read(text + (0 .. method.len - 1));
  @ requires \forall integer i; 0 <= i < method.len ==> 0 <= text[i];
  @ assigns \nothing;
  @*/
static bool is_method(const uint8_t *buf, struct tux_span method, const char *text)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= method.len;
	  @ loop assigns i;
	  @ loop variant method.len - i; */
	while (i < method.len && buf[method.off + i] == (uint8_t)text[i])
		i++;
	return i == method.len;
}

/*@ requires span_readable(buf, method);
  @ assigns \nothing;
  @ ensures \result <= TUX_CONNECT;
  @*/
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
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED && req->method == 0 && req->method_text.len == 0;
  @ requires req->method_text.off == 0;
  @ assigns *pos, req->refusal, req->method, req->method_text;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures req->method <= TUX_CONNECT && span_inside(req->method_text, *pos);
  @*/
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
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ requires req->form <= TUX_FORM_AUTHORITY;
  @ assigns *pos, req->refusal, req->target, req->form, req->path, req->query, req->host;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures span_inside(req->target, len) && req->form <= TUX_FORM_AUTHORITY;
  @ ensures \result == TUX_PARSED ==> req->target.len <= TUX_MAX_TARGET;
  @ ensures \result == TUX_PARSED ==> span_inside(req->target, *pos);
  @ ensures \result == TUX_PARSED ==> span_inside(req->path, *pos);
  @ ensures \result == TUX_PARSED ==> span_inside(req->query, *pos);
  @ ensures \result == TUX_PARSED ==> span_inside(req->host, *pos);
  @*/
static enum tux_verdict target(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	uint32_t start = *pos, i = scan_target(buf, start, len);
	enum tux_refusal refusal;

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

/* "HTTP/1.1" as scan_load8() gives it. */
#define HTTP_1_1 0x312e312f50545448u

/* HTTP/d.d, case-sensitive (RFC 9112 2.3). */
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED && req->minor == 0;
  @ assigns *pos, req->refusal, req->minor;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures req->minor <= 1;
  @*/
static enum tux_verdict version(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	static const uint8_t pattern[8] = { 'H', 'T', 'T', 'P', '/', '0', '.', '0' };
	uint32_t start = *pos, i;

	if (len - start >= 8 && scan_load8(buf + start) == HTTP_1_1) {
		req->minor = 1;
		*pos = start + 8;
		return TUX_PARSED;
	}
	/*@ loop invariant 0 <= i <= 8 && i <= len - start;
	  @ loop assigns i;
	  @ loop variant 8 - i; */
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

/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ requires request_spans(req, 0) && req->method == 0 && req->minor == 0 && req->form == TUX_FORM_ORIGIN;
  @ assigns *pos, req->refusal, req->method, req->method_text, req->minor, req->target, req->form, req->path,
  @   req->query, req->host;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures req->method <= TUX_CONNECT && req->minor <= 1 && req->form <= TUX_FORM_AUTHORITY;
  @ ensures span_inside(req->method_text, len) && span_inside(req->target, len);
  @ ensures \result == TUX_PARSED ==> request_spans(req, *pos);
  @*/
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
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED && \valid(name);
  @ requires \separated(name, pos) && \separated(name, &req->refusal) && \separated(name, buf + (0 .. len - 1));
  @ assigns *pos, req->refusal, *name;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures span_inside(*name, len);
  @ ensures \result == TUX_PARSED ==> *pos > \old(*pos) && span_inside(*name, *pos);
  @*/
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
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED && \valid(value);
  @ requires \separated(value, pos) && \separated(value, &req->refusal) && \separated(value, buf + (0 .. len - 1));
  @ assigns *pos, req->refusal, *value;
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures span_inside(*value, *pos);
  @*/
static inline enum tux_verdict field_value(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_span *value,
                                           struct tux_request *req)
{
	uint32_t start = *pos, i, end;

	/*@ loop invariant \at(*pos, Pre) <= start <= len;
	  @ loop assigns start;
	  @ loop variant len - start; */
	while (start < len && octet_is_blank(buf[start]))
		start++;
	i = scan_value(buf, start, len);
	*pos = i;
	end = i;
	/*@ loop invariant start <= end <= i;
	  @ loop assigns end;
	  @ loop variant end - start; */
	while (end > start && octet_is_blank(buf[end - 1]))
		end--;
	*value = (struct tux_span){ start, end - start };
	if (i == len)
		return TUX_MORE;
	if (buf[i] != '\r' && buf[i] != '\n')
		return refuse(req, TUX_REFUSED_FIELD_VALUE);
	return TUX_PARSED;
}

/* A field line and its line end. It counts once all of it is there. */
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ requires request_lines(req, *pos);
  @ requires request_index(req);
  @ assigns *pos, req->refusal, req->field_count, req->first[0 .. TUX_FIELD_NAMES - 1],
  @   req->field[0 .. TUX_MAX_FIELDS - 1];
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures \result == TUX_PARSED ==> *pos > \old(*pos);
  @ ensures request_lines(req, *pos);
  @ ensures request_index(req);
  @*/
static inline enum tux_verdict field_line(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	struct tux_span name, value;
	enum tux_verdict verdict;
	uint32_t index = req->field_count;
	uint8_t known;

	if (index >= TUX_MAX_FIELDS)
		return refuse(req, TUX_REFUSED_FIELD_COUNT);
	verdict = field_name(buf, len, pos, &name, req);
	if (verdict == TUX_PARSED)
		verdict = field_value(buf, len, pos, &value, req);
	if (verdict == TUX_PARSED)
		verdict = line_end(buf, len, pos, req);
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(req->field[i].name, *pos); */
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(req->field[i].value, *pos); */
	if (verdict != TUX_PARSED)
		return verdict;
	known = (uint8_t)tux_field_recognise(buf, name.off, name.len);
	req->field[index].name = name;
	req->field[index].value = value;
	req->field[index].known = known;
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(req->field[i].name, *pos); */
	/*@ assert \forall integer i; 0 <= i < index ==> span_inside(req->field[i].value, *pos); */
	/*@ assert span_inside(req->field[index].name, *pos) && span_inside(req->field[index].value, *pos); */
	req->field_count = index + 1;
	/*@ assert \forall integer i; 0 <= i < req->field_count ==> span_inside(req->field[i].name, *pos); */
	/*@ assert \forall integer i; 0 <= i < req->field_count ==> span_inside(req->field[i].value, *pos); */
	if (req->first[known] == 0)
		req->first[known] = (uint8_t)(index + 1);
	/*@ assert request_lines(req, *pos); */
	return TUX_PARSED;
}

/* The field lines and the empty line behind them. */
/*@ requires step(buf, len, pos, req) && req->refusal == TUX_ACCEPTED;
  @ requires request_lines(req, *pos);
  @ requires request_index(req);
  @ assigns *pos, req->refusal, req->field_count, req->first[0 .. TUX_FIELD_NAMES - 1],
  @   req->field[0 .. TUX_MAX_FIELDS - 1];
  @ ensures answer(\result, req);
  @ ensures \old(*pos) <= *pos <= len;
  @ ensures request_lines(req, *pos);
  @ ensures request_index(req);
  @*/
static enum tux_verdict field_lines(const uint8_t *buf, uint32_t len, uint32_t *pos, struct tux_request *req)
{
	enum tux_verdict verdict = TUX_PARSED;

	/*@ loop invariant answer(verdict, req);
	  @ loop invariant \at(*pos, Pre) <= *pos <= len;
	  @ loop invariant request_lines(req, *pos) && request_index(req);
	  @ loop assigns verdict, *pos, req->refusal, req->field_count, req->first[0 .. TUX_FIELD_NAMES - 1],
	  @   req->field[0 .. TUX_MAX_FIELDS - 1];
	  @ loop variant len - *pos + (verdict == TUX_PARSED ? 1 : 0); */
	while (verdict == TUX_PARSED && *pos < len && buf[*pos] != '\r')
		verdict = field_line(buf, len, pos, req);
	return verdict == TUX_PARSED ? line_end(buf, len, pos, req) : verdict;
}

/* RFC 9112 3.2: one Host in HTTP/1.1, at most one in 1.0. The host of an absolute target overrides it. */
/*@ requires \valid(req) && req->head_len <= TUX_MAX_HEAD && request_lines(req, req->head_len) && request_index(req);
  @ requires \valid_read(buf + (0 .. req->head_len - 1)) && \separated(buf + (0 .. req->head_len - 1), req);
  @ requires span_inside(req->host, req->head_len);
  @ assigns req->host;
  @ ensures TUX_ACCEPTED <= \result < TUX_REFUSALS;
  @ ensures span_inside(req->host, req->head_len);
  @*/
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
/*@ requires \valid_read(req) && req->head_len <= TUX_MAX_HEAD && request_lines(req, req->head_len) && request_index(req);
  @ requires \valid_read(buf + (0 .. req->head_len - 1)) && \separated(buf + (0 .. req->head_len - 1), req);
  @ assigns \nothing;
  @*/
static bool stays_open(const uint8_t *buf, const struct tux_request *req)
{
	uint32_t line = tux_request_field(req, TUX_FIELD_CONNECTION, 0);
	bool keep_alive = req->minor > 0;

	/* What browsers send, without the walk. */
	if (line != 0 && tux_field_equals(buf, req->field[line - 1].value, "keep-alive", 10)) {
		keep_alive = true;
		line = tux_request_field(req, TUX_FIELD_CONNECTION, line);
	}
	/*@ loop invariant line <= req->field_count;
	  @ loop assigns line, keep_alive;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		struct tux_span rest = req->field[line - 1].value, option;

		/*@ loop invariant span_part(rest, req->field[line - 1].value);
		  @ loop assigns rest, option, keep_alive;
		  @ loop variant rest.len; */
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
/*@ requires \valid(req) && req->head_len <= TUX_MAX_HEAD && request_lines(req, req->head_len) && request_index(req);
  @ requires \valid_read(buf + (0 .. req->head_len - 1)) && \separated(buf + (0 .. req->head_len - 1), req);
  @ assigns req->expect_continue;
  @ ensures \result == TUX_ACCEPTED || \result == TUX_REFUSED_EXPECT;
  @*/
static enum tux_refusal check_expect(const uint8_t *buf, struct tux_request *req)
{
	uint32_t line = req->minor == 0 ? 0 : tux_request_field(req, TUX_FIELD_EXPECT, 0);

	/*@ loop invariant line <= req->field_count;
	  @ loop assigns line, req->expect_continue;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		struct tux_span rest = req->field[line - 1].value, expectation;

		/*@ loop invariant span_part(rest, req->field[line - 1].value);
		  @ loop assigns rest, expectation, req->expect_continue;
		  @ loop variant rest.len; */
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
/*@ requires pos <= TUX_MAX_HEAD && \valid(req) && \valid_read(buf + (0 .. pos - 1));
  @ requires \separated(buf + (0 .. pos - 1), req);
  @ requires request_spans(req, pos) && request_lines(req, pos) && request_index(req);
  @ requires req->refusal == TUX_ACCEPTED && req->method <= TUX_CONNECT && req->minor <= 1 &&
  @   req->form <= TUX_FORM_AUTHORITY;
  @ assigns req->head_len, req->host, req->framing, req->content_length, req->expect_continue, req->keep_alive,
  @   req->refusal;
  @ ensures \result == TUX_PARSED || \result == TUX_REFUSED;
  @ ensures \result == TUX_PARSED ==> req->head_len == pos && request_parsed(req);
  @ ensures \result == TUX_REFUSED ==> refused(req);
  @*/
static enum tux_verdict conclude(const uint8_t *buf, uint32_t pos, struct tux_request *req)
{
	enum tux_refusal refusal;

	req->head_len = pos;
	refusal = check_host(buf, req);
	if (refusal == TUX_ACCEPTED)
		refusal = tux_body_framing(buf, req);
	if (refusal == TUX_ACCEPTED)
		refusal = check_expect(buf, req);
	if (refusal != TUX_ACCEPTED)
		return refuse(req, refusal);
	req->keep_alive = stays_open(buf, req);
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
	/*@ loop invariant after <= i;
	  @ loop assigns i;
	  @ loop variant req->field_count - i; */
	for (i = after; i < req->field_count; i++) {
		if (req->field[i].known == name)
			return i + 1;
	}
	return 0;
}
