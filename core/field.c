/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Field names that TUX knows, and the walk over list-valued fields (RFC 9110 5). */
#include "field.h"

#include "scan.h"

enum tux_field_name tux_field_recognise(const uint8_t *buf, uint32_t off, uint32_t len)
{
	switch (len) {
	case 4:
		return scan_spells(buf + off, "host", 4) ? TUX_FIELD_HOST : TUX_FIELD_OTHER;
	case 5:
		return scan_spells(buf + off, "range", 5) ? TUX_FIELD_RANGE : TUX_FIELD_OTHER;
	case 6:
		if (scan_spells(buf + off, "accept", 6))
			return TUX_FIELD_ACCEPT;
		return scan_spells(buf + off, "expect", 6) ? TUX_FIELD_EXPECT : TUX_FIELD_OTHER;
	case 7:
		return scan_spells(buf + off, "referer", 7) ? TUX_FIELD_REFERER : TUX_FIELD_OTHER;
	case 8:
		if (scan_spells(buf + off, "if-match", 8))
			return TUX_FIELD_IF_MATCH;
		return scan_spells(buf + off, "if-range", 8) ? TUX_FIELD_IF_RANGE : TUX_FIELD_OTHER;
	case 10:
		if (scan_spells(buf + off, "connection", 10))
			return TUX_FIELD_CONNECTION;
		return scan_spells(buf + off, "user-agent", 10) ? TUX_FIELD_USER_AGENT : TUX_FIELD_OTHER;
	case 13:
		return scan_spells(buf + off, "if-none-match", 13) ? TUX_FIELD_IF_NONE_MATCH : TUX_FIELD_OTHER;
	case 14:
		return scan_spells(buf + off, "content-length", 14) ? TUX_FIELD_CONTENT_LENGTH : TUX_FIELD_OTHER;
	case 15:
		return scan_spells(buf + off, "accept-encoding", 15) ? TUX_FIELD_ACCEPT_ENCODING : TUX_FIELD_OTHER;
	case 17:
		if (scan_spells(buf + off, "if-modified-since", 17))
			return TUX_FIELD_IF_MODIFIED_SINCE;
		return scan_spells(buf + off, "transfer-encoding", 17) ? TUX_FIELD_TRANSFER_ENCODING : TUX_FIELD_OTHER;
	case 19:
		return scan_spells(buf + off, "if-unmodified-since", 19) ? TUX_FIELD_IF_UNMODIFIED_SINCE : TUX_FIELD_OTHER;
	default:
		return TUX_FIELD_OTHER;
	}
}

bool tux_field_equals(const uint8_t *buf, struct tux_span span, const char *text, uint32_t text_len)
{
	return span.len == text_len && scan_spells(buf + span.off, text, text_len);
}

/* The bytes of buf from off up to end, without white space around them. */
/*@ requires off <= end;
  @ requires \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result.off && \result.off + \result.len <= end;
  @*/
static struct tux_span trimmed(const uint8_t *buf, uint32_t off, uint32_t end)
{
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (off < end && octet_is_blank(buf[off]))
		off++;
	/*@ loop invariant off <= end <= \at(end, Pre);
	  @ loop assigns end;
	  @ loop variant end - off; */
	while (off < end && octet_is_blank(buf[end - 1]))
		end--;
	return (struct tux_span){ off, end - off };
}

/* The offset of the first separator from off on that stands outside quoted strings; end if there is none. */
/*@ requires off <= end;
  @ requires \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @*/
static uint32_t find_separator(const uint8_t *buf, uint32_t off, uint32_t end, uint8_t separator)
{
	bool quoted = false;

	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop assigns off, quoted;
	  @ loop variant end - off; */
	while (off < end && (quoted || buf[off] != separator)) {
		if (buf[off] == '"')
			quoted = !quoted;
		else if (quoted && buf[off] == '\\' && end - off > 1)
			off++;
		off++;
	}
	return off;
}

bool tux_field_list_next(const uint8_t *buf, struct tux_span *rest, struct tux_span *element)
{
	uint32_t off = rest->off;
	uint32_t end = rest->off + rest->len;
	uint32_t separator;

	/*@ loop invariant rest->off <= off <= end;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (off < end && (buf[off] == ',' || octet_is_blank(buf[off])))
		off++;
	separator = find_separator(buf, off, end, ',');
	*element = trimmed(buf, off, separator);
	*rest = (struct tux_span){ separator, end - separator };
	return element->len > 0;
}

/* A qvalue (RFC 9110 12.4.2) in thousandths; 0 when it is malformed. */
/*@ requires span_readable(buf, text);
  @ assigns \nothing;
  @ ensures \result <= 1000;
  @*/
static uint32_t qvalue(const uint8_t *buf, struct tux_span text)
{
	uint32_t weight, scale = 100, i;

	if (text.len == 0 || text.len > 5 || (buf[text.off] != '0' && buf[text.off] != '1'))
		return 0;
	if (text.len > 1 && buf[text.off + 1] != '.')
		return 0;
	weight = buf[text.off] == '1' ? 1000 : 0;
	/*@ loop invariant 2 <= i;
	  @ loop invariant scale <= 100 && weight <= 1000 + 900 * (i - 2);
	  @ loop assigns i, weight, scale;
	  @ loop variant text.len - i; */
	for (i = 2; i < text.len; i++) {
		if (!octet_is_digit(buf[text.off + i]))
			return 0;
		weight += (uint32_t)(buf[text.off + i] - '0') * scale;
		scale /= 10;
	}
	return weight <= 1000 ? weight : 0;
}

uint32_t tux_field_weight(const uint8_t *buf, struct tux_span element, struct tux_span *token)
{
	uint32_t end = element.off + element.len;
	uint32_t off = find_separator(buf, element.off, end, ';');
	struct tux_span parameter;

	*token = trimmed(buf, element.off, off);
	/*@ loop invariant element.off <= off <= end;
	  @ loop assigns off, parameter;
	  @ loop variant end - off; */
	while (off < end) {
		uint32_t next = find_separator(buf, off + 1, end, ';');

		parameter = trimmed(buf, off + 1, next);
		if (parameter.len >= 2 && octet_lower(buf[parameter.off]) == 'q' && buf[parameter.off + 1] == '=')
			return qvalue(buf, (struct tux_span){ parameter.off + 2, parameter.len - 2 });
		off = next;
	}
	return 1000;
}
