/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Known field names, and iteration over list-valued fields (RFC 9110 5). */
#include "field_name.h"

#include "scan.h"

bool tux_field_equals(const uint8_t *buf, struct tux_span span, const char *text, uint32_t text_len)
{
	return span.len == text_len && scan_spells(buf + span.off, text, text_len);
}

/* True if the octets after the first eight are as in text. at has len octets, 8 to 24. */
/*@ requires 8 <= len <= 24 && \valid_read(at + (0 .. len - 1)) && \valid_read(text + (0 .. len - 1));
  @ requires \forall integer i; 0 <= i < len ==> 0 <= text[i];
  @ assigns \nothing;
  @*/
static bool ends_as(const uint8_t *at, const char *text, uint32_t len)
{
	if (len > 16 && scan_lower8(scan_load8(at + 8)) != scan_load8_text(text + 8))
		return false;
	return scan_lower8(scan_load8(at + (len - 8))) == scan_load8_text(text + (len - 8));
}

/*
 * True if the len octets at at, 8 to 24 of them, spell text. Compares the first eight inline, because they decide for most names.
 */
/*@ requires 8 <= len <= 24 && \valid_read(at + (0 .. len - 1)) && \valid_read(text + (0 .. len - 1));
  @ requires \forall integer i; 0 <= i < len ==> 0 <= text[i];
  @ assigns \nothing;
  @*/
static inline bool spells(const uint8_t *at, const char *text, uint32_t len)
{
	return scan_lower8(scan_load8(at)) == scan_load8_text(text) && ends_as(at, text, len);
}

/* Known names by length. Each function has few of them, which keeps its proof short. */
/*@ requires len <= 5 && \valid_read(at + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
static enum tux_field_name up_to_5(const uint8_t *at, uint32_t len)
{
	switch (len) {
	case 2:
		return octet_spells(at, "te", 2) ? TUX_FIELD_TE : TUX_FIELD_OTHER;
	case 4:
		if (octet_spells(at, "host", 4))
			return TUX_FIELD_HOST;
		return octet_spells(at, "date", 4) ? TUX_FIELD_DATE : TUX_FIELD_OTHER;
	case 5:
		if (octet_spells(at, "range", 5))
			return TUX_FIELD_RANGE;
		return octet_spells(at, "proxy", 5) ? TUX_FIELD_PROXY : TUX_FIELD_OTHER;
	default:
		return TUX_FIELD_OTHER;
	}
}

/*@ requires len <= 7 && \valid_read(at + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
static enum tux_field_name of_6_or_7(const uint8_t *at, uint32_t len)
{
	switch (len) {
	case 6:
		if (octet_spells(at, "accept", 6))
			return TUX_FIELD_ACCEPT;
		if (octet_spells(at, "expect", 6))
			return TUX_FIELD_EXPECT;
		if (octet_spells(at, "cookie", 6))
			return TUX_FIELD_COOKIE;
		return octet_spells(at, "status", 6) ? TUX_FIELD_STATUS : TUX_FIELD_OTHER;
	case 7:
		if (octet_spells(at, "referer", 7))
			return TUX_FIELD_REFERER;
		if (octet_spells(at, "upgrade", 7))
			return TUX_FIELD_UPGRADE;
		return octet_spells(at, "trailer", 7) ? TUX_FIELD_TRAILER : TUX_FIELD_OTHER;
	default:
		return TUX_FIELD_OTHER;
	}
}

/*@ requires len <= 9 && \valid_read(at + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
static enum tux_field_name of_8_or_9(const uint8_t *at, uint32_t len)
{
	switch (len) {
	case 8:
		if (spells(at, "if-match", 8))
			return TUX_FIELD_IF_MATCH;
		if (spells(at, "if-range", 8))
			return TUX_FIELD_IF_RANGE;
		return spells(at, "location", 8) ? TUX_FIELD_LOCATION : TUX_FIELD_OTHER;
	case 9:
		return octet_lower(at[0]) == 'f' && spells(at, "forwarded", 9) ? TUX_FIELD_FORWARDED : TUX_FIELD_OTHER;
	default:
		return TUX_FIELD_OTHER;
	}
}

/*@ requires \valid_read(at + (0 .. 9));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
static enum tux_field_name of_10(const uint8_t *at)
{
	if (spells(at, "connection", 10))
		return TUX_FIELD_CONNECTION;
	if (spells(at, "user-agent", 10))
		return TUX_FIELD_USER_AGENT;
	if (spells(at, "keep-alive", 10))
		return TUX_FIELD_KEEP_ALIVE;
	return spells(at, "x-sendfile", 10) ? TUX_FIELD_X_SENDFILE : TUX_FIELD_OTHER;
}

/*@ requires len <= 15 && \valid_read(at + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
static enum tux_field_name of_12_to_15(const uint8_t *at, uint32_t len)
{
	switch (len) {
	case 12:
		return spells(at, "content-type", 12) ? TUX_FIELD_CONTENT_TYPE : TUX_FIELD_OTHER;
	case 13:
		return spells(at, "if-none-match", 13) ? TUX_FIELD_IF_NONE_MATCH : TUX_FIELD_OTHER;
	case 14:
		return spells(at, "content-length", 14) ? TUX_FIELD_CONTENT_LENGTH : TUX_FIELD_OTHER;
	case 15:
		if (spells(at, "accept-encoding", 15))
			return TUX_FIELD_ACCEPT_ENCODING;
		return spells(at, "x-forwarded-for", 15) ? TUX_FIELD_X_FORWARDED_FOR : TUX_FIELD_OTHER;
	default:
		return TUX_FIELD_OTHER;
	}
}

/*@ requires \valid_read(at + (0 .. 15));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
static enum tux_field_name of_16(const uint8_t *at)
{
	if (octet_lower(at[0]) == 'p' && spells(at, "proxy-connection", 16))
		return TUX_FIELD_PROXY_CONNECTION;
	if (octet_lower(at[0]) == 'x' && spells(at, "x-forwarded-host", 16))
		return TUX_FIELD_X_FORWARDED_HOST;
	return octet_lower(at[0]) == 'x' && spells(at, "x-accel-redirect", 16) ? TUX_FIELD_X_ACCEL_REDIRECT : TUX_FIELD_OTHER;
}

/*@ requires \valid_read(at + (0 .. 16));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
static enum tux_field_name of_17(const uint8_t *at)
{
	if (spells(at, "if-modified-since", 17))
		return TUX_FIELD_IF_MODIFIED_SINCE;
	if (spells(at, "transfer-encoding", 17))
		return TUX_FIELD_TRANSFER_ENCODING;
	return spells(at, "x-forwarded-proto", 17) ? TUX_FIELD_X_FORWARDED_PROTO : TUX_FIELD_OTHER;
}

/*@ requires len <= 19 && \valid_read(at + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_FIELD_NAMES;
  @*/
static enum tux_field_name of_18_or_19(const uint8_t *at, uint32_t len)
{
	switch (len) {
	case 18:
		return octet_lower(at[0]) == 'p' && spells(at, "proxy-authenticate", 18) ? TUX_FIELD_PROXY_AUTHENTICATE : TUX_FIELD_OTHER;
	case 19:
		if (spells(at, "if-unmodified-since", 19))
			return TUX_FIELD_IF_UNMODIFIED_SINCE;
		return spells(at, "proxy-authorization", 19) ? TUX_FIELD_PROXY_AUTHORIZATION : TUX_FIELD_OTHER;
	default:
		return TUX_FIELD_OTHER;
	}
}

enum tux_field_name tux_field_recognise(const uint8_t *buf, uint32_t off, uint32_t len)
{
	const uint8_t *at = buf + off;

	if (len <= 5)
		return up_to_5(at, len);
	if (len <= 7)
		return of_6_or_7(at, len);
	if (len <= 9)
		return of_8_or_9(at, len);
	if (len == 10)
		return of_10(at);
	if (len <= 15)
		return of_12_to_15(at, len);
	if (len == 16)
		return of_16(at);
	if (len == 17)
		return of_17(at);
	return len <= 19 ? of_18_or_19(at, len) : TUX_FIELD_OTHER;
}

/* Returns the bytes of buf from off up to end without surrounding white space. */
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

/* Returns the offset of the first separator from off on that is outside quoted strings; end if it is missing. */
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

/* Returns a qvalue (RFC 9110 12.4.2) in thousandths; 0 if it is malformed. */
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
