/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Access records: the texts of a request, truncated to their limits and stored one after another. */
#include "access_record.h"

#include "octet.h"

enum { METHOD_MAX = 64 };

/* Copies at most max bytes of the span to *len of text and advances *len. Returns the bytes copied. */
/*@ requires span_readable(buf, span) && \valid(len) && max <= TUX_ACCESS_RECORD_TEXT_MAX && *len <= 4 * TUX_ACCESS_RECORD_TEXT_MAX;
  @ requires \valid(text + (*len .. *len + max - 1));
  @ requires \separated(len, text + (*len .. *len + max - 1));
  @ requires \separated(buf + (span.off .. span.off + span.len - 1), text + (*len .. *len + max - 1));
  @ assigns *len, text[*len .. *len + max - 1];
  @ ensures \result <= max && *len == \old(*len) + \result;
  @*/
static uint16_t take(const uint8_t *buf, struct tux_span span, uint32_t max, uint8_t *text, uint32_t *len)
{
	uint32_t n = span.len < max ? span.len : max;

	octet_copy(text + *len, buf + span.off, n);
	*len += n;
	return (uint16_t)n;
}

/* Returns the value of the first line of a known field; an empty span if the field is missing. */
/*@ requires \valid_read(fields) && fields_indexed(fields) && name < TUX_FIELD_NAMES;
  @ assigns \nothing;
  @ ensures \forall integer len; len >= 0 && fields_inside(fields, len) ==> span_inside(\result, len);
  @*/
static struct tux_span value_of(const struct tux_field_lines *fields, enum tux_field_name name)
{
	const uint32_t line = tux_fields_find(fields, name, 0);

	return line > 0 ? fields->line[line - 1].value : (struct tux_span){ 0, 0 };
}

uint32_t tux_access_record_fill(struct tux_access_record *record, const uint8_t *buf, const struct tux_request *req, uint8_t *text)
{
	struct tux_span host = req->refusal == TUX_ACCEPTED ? req->host : value_of(&req->fields, TUX_FIELD_HOST);
	struct tux_span referer = value_of(&req->fields, TUX_FIELD_REFERER);
	struct tux_span user_agent = value_of(&req->fields, TUX_FIELD_USER_AGENT);
	uint32_t len = 0;

	record->method_len = (uint8_t)take(buf, req->method_text, METHOD_MAX, text, &len);
	record->target_len = take(buf, req->target, TUX_ACCESS_RECORD_TEXT_MAX, text, &len);
	record->host_len = take(buf, host, TUX_ACCESS_RECORD_TEXT_MAX, text, &len);
	record->referer_len = take(buf, referer, TUX_ACCESS_RECORD_TEXT_MAX, text, &len);
	record->user_agent_len = take(buf, user_agent, TUX_ACCESS_RECORD_TEXT_MAX, text, &len);
	record->minor = req->minor;
	record->refusal = req->refusal;
	record->size = (uint32_t)sizeof(*record) + len;
	return len;
}
