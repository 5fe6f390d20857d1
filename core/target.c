/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request target: its forms, hosts, and the normalised path for the file system. */
#include "target.h"

#include "scan.h"

/* Splits path and query. The path starts at off, the target ends at end. */
/*@ requires off <= end && \valid_read(buf + (off .. end - 1)) && \valid(req);
  @ requires \separated(req, buf + (off .. end - 1));
  @ assigns req->path, req->query;
  @ ensures off <= req->path.off && req->path.off + req->path.len <= end;
  @ ensures req->query == \old(req->query) || (off <= req->query.off && req->query.off + req->query.len <= end);
  @*/
static void split_path(const uint8_t *buf, uint32_t off, uint32_t end, struct tux_request *req)
{
	uint32_t question = scan_question(buf, off, end);

	req->path = (struct tux_span){ off, question - off };
	if (question < end)
		req->query = (struct tux_span){ question + 1, end - question - 1 };
}

/* Returns the length of "http://" or "https://", in any case, at the start of the target; 0 for anything else. */
/*@ requires span_readable(buf, target);
  @ assigns \nothing;
  @ ensures \result <= target.len;
  @*/
static uint32_t scheme_len(const uint8_t *buf, struct tux_span target)
{
	struct tux_span scheme = { target.off, 7 };

	if (target.len >= 7 && tux_field_equals(buf, scheme, "http://", 7))
		return 7;
	scheme.len = 8;
	if (target.len >= 8 && tux_field_equals(buf, scheme, "https://", 8))
		return 8;
	return 0;
}

/* Splits http://host/path?query. off is after the "//". */
/*@ requires \valid(req) && span_readable(buf, req->target);
  @ requires \separated(req, buf + (req->target.off .. req->target.off + req->target.len - 1));
  @ requires req->target.off <= off <= req->target.off + req->target.len;
  @ requires span_part(req->path, req->target) && span_part(req->query, req->target);
  @ assigns req->form, req->path, req->query, req->host;
  @ ensures \result == TUX_ACCEPTED || \result == TUX_REFUSED_HOST;
  @ ensures req->form == TUX_FORM_ABSOLUTE;
  @ ensures span_part(req->path, req->target);
  @ ensures span_part(req->query, req->target);
  @ ensures span_part(req->host, req->target);
  @*/
static enum tux_refusal split_absolute(const uint8_t *buf, uint32_t off, struct tux_request *req)
{
	uint32_t end = req->target.off + req->target.len;
	uint32_t host_end = off;

	/*@ loop invariant off <= host_end <= end;
	  @ loop assigns host_end;
	  @ loop variant end - host_end; */
	while (host_end < end && buf[host_end] != '/' && buf[host_end] != '?')
		host_end++;
	req->form = TUX_FORM_ABSOLUTE;
	req->host = (struct tux_span){ off, host_end - off };
	/* RFC 9110 4.2.1: an http URI without host is invalid. 4.2.4: user information is not a host. */
	if (req->host.len == 0 || !tux_target_is_host(buf, req->host))
		return TUX_REFUSED_HOST;
	split_path(buf, host_end, end, req);
	return TUX_ACCEPTED;
}

/* Splits host and port, both of which are required (RFC 9112 3.2.3). */
/*@ requires \valid(req) && span_readable(buf, req->target) && req->target.len > 0;
  @ requires \separated(req, buf + (req->target.off .. req->target.off + req->target.len - 1));
  @ assigns req->form, req->host;
  @ ensures \result == TUX_ACCEPTED || \result == TUX_REFUSED_TARGET;
  @ ensures req->form == \old(req->form) || req->form == TUX_FORM_AUTHORITY;
  @ ensures req->host == \old(req->host) || req->host == req->target;
  @*/
static enum tux_refusal split_authority(const uint8_t *buf, struct tux_request *req)
{
	struct tux_span target = req->target;

	if (!octet_is_digit(buf[target.off + target.len - 1]) || !tux_target_is_host(buf, target))
		return TUX_REFUSED_TARGET;
	/*@ loop invariant target.off == req->target.off && target.len <= req->target.len;
	  @ loop assigns target.len;
	  @ loop variant target.len; */
	while (target.len > 0 && octet_is_digit(buf[target.off + target.len - 1]))
		target.len--;
	if (target.len == 0 || buf[target.off + target.len - 1] != ':')
		return TUX_REFUSED_TARGET;
	req->form = TUX_FORM_AUTHORITY;
	req->host = req->target;
	return TUX_ACCEPTED;
}

enum tux_refusal tux_target_split(const uint8_t *buf, struct tux_request *req)
{
	struct tux_span target = req->target;
	uint32_t scheme;

	req->form = TUX_FORM_ORIGIN;
	req->path = (struct tux_span){ target.off, 0 };
	req->query = req->path;
	req->host = req->path;
	if (target.len == 0)
		return TUX_REFUSED_TARGET;
	if (req->method == TUX_CONNECT)
		return split_authority(buf, req);
	if (buf[target.off] == '/') {
		split_path(buf, target.off, target.off + target.len, req);
		return TUX_ACCEPTED;
	}
	if (req->method == TUX_OPTIONS && target.len == 1 && buf[target.off] == '*') {
		req->form = TUX_FORM_ASTERISK;
		return TUX_ACCEPTED;
	}
	scheme = scheme_len(buf, target);
	return scheme > 0 ? split_absolute(buf, target.off + scheme, req) : TUX_REFUSED_TARGET;
}

/* True if the bytes from off to end are a port: digits up to 65535, or nothing. */
/*@ requires off <= end && \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @*/
static bool is_port(const uint8_t *buf, uint32_t off, uint32_t end)
{
	uint32_t port = 0;

	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop invariant port <= 655359;
	  @ loop assigns off, port;
	  @ loop variant end - off; */
	while (off < end && octet_is_digit(buf[off]) && port <= 65535) {
		port = port * 10 + (uint32_t)(buf[off] - '0');
		off++;
	}
	return off == end && port <= 65535;
}

/* True if the bytes from off to end are an IPv4 address in dotted form. */
/*@ requires off <= end && \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @*/
static bool is_ipv4(const uint8_t *buf, uint32_t off, uint32_t end)
{
	uint32_t parts = 0;

	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop invariant parts <= 4;
	  @ loop assigns off, parts;
	  @ loop variant 4 - parts; */
	while (parts < 4) {
		uint32_t start = off, value = 0;

		/*@ loop invariant start <= off <= end;
		  @ loop invariant off == start ? value == 0 : off == start + 1 ? value <= 9 : off == start + 2 ?
		  @   value <= 99 : off == start + 3 && value <= 999;
		  @ loop assigns off, value;
		  @ loop variant end - off; */
		while (off < end && off - start < 3 && octet_is_digit(buf[off])) {
			value = value * 10 + (uint32_t)(buf[off] - '0');
			off++;
		}
		if (off == start || value > 255 || (buf[start] == '0' && off - start > 1))
			return false;
		parts++;
		if (parts < 4) {
			if (off == end || buf[off] != '.')
				return false;
			off++;
		}
	}
	return off == end;
}

/* True if the bytes from off to end are an IPv6 address without a zone (RFC 3986 3.2.2). */
/*@ requires off <= end && \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @*/
static bool is_ipv6(const uint8_t *buf, uint32_t off, uint32_t end)
{
	uint32_t groups = 0;
	bool gap = false;

	if (end - off >= 2 && buf[off] == ':') {
		if (buf[off + 1] != ':')
			return false;
		gap = true;
		off += 2;
	}
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop invariant groups <= 8;
	  @ loop assigns off, groups, gap;
	  @ loop variant end - off; */
	while (off < end && groups < 8) {
		uint32_t start = off;

		/*@ loop invariant start <= off <= end;
		  @ loop assigns off;
		  @ loop variant end - off; */
		while (off < end && off - start < 4 && octet_hex(buf[off]) < 16)
			off++;
		if (off == start)
			return false;
		if (off < end && buf[off] == '.') {
			groups += 2;
			return is_ipv4(buf, start, end) && (gap ? groups < 8 : groups == 8);
		}
		groups++;
		if (off == end)
			break;
		if (buf[off] != ':' || end - off < 2)
			return false;
		off++;
		if (buf[off] == ':') {
			if (gap)
				return false;
			gap = true;
			off++;
		}
	}
	return off == end && (gap ? groups < 8 : groups == 8);
}

/* Returns the end of the reg-name or IPv4 address at off: the offset of the first byte after it. */
/*@ requires off <= end && \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @*/
static uint32_t skip_name(const uint8_t *buf, uint32_t off, uint32_t end)
{
	off = octet_skip(buf, off, end, OCTET_HOST);
	/*@ loop invariant \at(off, Pre) <= off <= end;
	  @ loop assigns off;
	  @ loop variant end - off; */
	while (end - off >= 3 && buf[off] == '%' && octet_hex(buf[off + 1]) < 16 && octet_hex(buf[off + 2]) < 16)
		off = octet_skip(buf, off + 3, end, OCTET_HOST);
	return off;
}

/* Returns the end of the bracketed address at off; off if the address is invalid. */
/*@ requires off < end && \valid_read(buf + (off .. end - 1));
  @ assigns \nothing;
  @ ensures off <= \result <= end;
  @*/
static uint32_t skip_bracketed(const uint8_t *buf, uint32_t off, uint32_t end)
{
	uint32_t bracket = octet_find(buf, off + 1, end, ']');
	uint32_t zone = octet_find(buf, off + 1, bracket, '%');

	if (bracket == end || !is_ipv6(buf, off + 1, zone))
		return off;
	/* RFC 6874 writes "%25" and the zone. Some clients send it with "%" alone, as on the command line. */
	if (zone < bracket && (bracket - zone < 2 || skip_name(buf, zone + 1, bracket) != bracket))
		return off;
	return bracket + 1;
}

bool tux_target_is_host(const uint8_t *buf, struct tux_span span)
{
	uint32_t end = span.off + span.len;
	uint32_t off = span.off;

	if (span.len == 0)
		return true;
	off = buf[off] == '[' ? skip_bracketed(buf, off, end) : skip_name(buf, off, end);
	if (off == span.off)
		return false;
	return off == end || (buf[off] == ':' && is_port(buf, off + 1, end));
}

/* Returns the octet that the three at src spell as "%XX". Returns 0, which no path may contain, if they are invalid. */
/*@ requires \valid_read(src + (0 .. 2));
  @ assigns \nothing;
  @*/
static uint8_t unescape(const uint8_t *src)
{
	uint8_t high = octet_hex(src[1]);
	uint8_t low = octet_hex(src[2]);

	return high < 16 && low < 16 ? (uint8_t)(high * 16 + low) : 0;
}

/* The effect of a complete segment on the path. */
enum segment {
	SEGMENT_NAME,
	SEGMENT_NOTHING, /* "" or "." */
	SEGMENT_UP,      /* ".." */
};

/*@ requires start <= end;
  @ requires \valid_read(dst + (start .. end - 1));
  @ assigns \nothing;
  @ ensures \result == SEGMENT_NAME || \result == SEGMENT_NOTHING || \result == SEGMENT_UP;
  @ ensures \result == SEGMENT_NOTHING <==> (end == start || (end - start == 1 && dst[start] == '.'));
  @ ensures \result == SEGMENT_UP <==> (end - start == 2 && dst[start] == '.' && dst[start + 1] == '.');
  @*/
static enum segment segment_kind(const uint8_t *dst, uint32_t start, uint32_t end)
{
	if (start == end)
		return SEGMENT_NOTHING;
	if (dst[start] != '.' || end - start > 2)
		return SEGMENT_NAME;
	if (end - start == 1)
		return SEGMENT_NOTHING;
	return dst[start + 1] == '.' ? SEGMENT_UP : SEGMENT_NAME;
}

/*
 * Evaluates the segment dst[*start .. *end), which a slash or the end of the path closes. Keeps a name. Removes anything else, so
 * *start equals *end. Returns false if ".." leads above the root.
 */
/*@ requires \valid(start) && \valid(end) && \separated(start, end);
  @ requires \separated(start, dst + (0 .. *end - 1)) && \separated(end, dst + (0 .. *end - 1));
  @ requires 1 <= *start <= *end;
  @ requires \valid_read(dst + (0 .. *end - 1));
  @ requires normal(dst, *start) && dst[*start - 1] == '/';
  @ requires segment(dst, *start, *end);
  @ assigns *start, *end;
  @ ensures 1 <= *start <= *end <= \old(*end);
  @ ensures \result && *end > *start ==> *start == \old(*start) && *end == \old(*end);
  @ ensures \result ==> normal(dst, *start) && dst[*start - 1] == '/';
  @ ensures \result ==> normal(dst, *end);
  @*/
static bool close_segment(const uint8_t *dst, uint32_t *start, uint32_t *end)
{
	enum segment kind = segment_kind(dst, *start, *end);

	if (kind == SEGMENT_NAME) {
		/*@ assert dst[*start] != '/'; */
		/*@ assert \forall integer i; *start < i <= *end ==> dst[i - 1] != '/'; */
		/*@ assert \forall integer i; 1 <= i < *start && dst[i - 1] == '/' ==>
		  @   i + 1 < *start && !dot(dst, i, *end) && !dots(dst, i, *end); */
		/*@ assert !dot(dst, *start, *end) && !dots(dst, *start, *end); */
		/*@ assert normal(dst, *end); */
		return true;
	}
	if (kind == SEGMENT_UP) {
		if (*start == 1)
			return false;
		/*@ loop invariant 1 < *start <= \at(*start, Pre) <= \at(*end, Pre);
		  @ loop invariant *end == \at(*end, Pre);
		  @ loop assigns *start;
		  @ loop variant *start; */
		do
			(*start)--;
		while (*start > 1 && dst[*start - 1] != '/');
	}
	/*@ assert dst[*start - 1] == '/'; */
	/*@ assert \forall integer i; 1 <= i < *start && dst[i - 1] == '/' ==>
	  @   dst[i] != '/' && !dot(dst, i, \at(*start, Pre)); */
	/*@ assert normal(dst, *start); */
	*end = *start;
	return true;
}

/* Appends a slash to a path that ends in a name. */
/*@ requires end >= 1 && \valid(dst + (0 .. end));
  @ requires normal(dst, end) && dst[end - 1] != '/';
  @ assigns dst[end];
  @ ensures normal(dst, end + 1) && dst[end] == '/';
  @*/
static void put_slash(uint8_t *dst, uint32_t end)
{
	dst[end] = '/';
}

/*
 * One pass: dst[0 .. start) is normalised and ends in '/'. dst[start .. end) is the segment being decoded. end never passes i, so
 * src_len bytes suffice for dst.
 */
enum tux_refusal tux_target_normalise(const uint8_t *src, uint32_t src_len, uint8_t *dst, uint32_t *dst_len)
{
	uint32_t start = 1, end = 1, i = 1;

	*dst_len = 0;
	if (src_len == 0 || src[0] != '/')
		return TUX_REFUSED_TARGET;
	dst[0] = '/';
	/*@ loop invariant 1 <= start <= end <= i <= src_len;
	  @ loop invariant normal(dst, start) && dst[start - 1] == '/';
	  @ loop invariant segment(dst, start, end);
	  @ loop assigns i, start, end, dst[1 .. src_len - 1];
	  @ loop variant src_len - i; */
	while (i < src_len) {
		uint8_t octet = src[i];

		if (octet == '%') {
			octet = src_len - i < 3 ? 0 : unescape(src + i);
			i += octet == 0 ? 0 : 2;
		}
		if (octet == 0)
			return TUX_REFUSED_ESCAPE;
		i++;
		if (octet != '/') {
			dst[end++] = octet;
			/*@ loop invariant \at(i, LoopEntry) <= i;
			  @ loop invariant 1 <= start <= end <= i <= src_len;
			  @ loop invariant normal(dst, start) && dst[start - 1] == '/';
			  @ loop invariant segment(dst, start, end);
			  @ loop assigns i, end, dst[1 .. src_len - 1];
			  @ loop variant src_len - i; */
			while (i < src_len && octet_is(src[i], OCTET_PLAIN))
				dst[end++] = src[i++];
			continue;
		}
		if (!close_segment(dst, &start, &end))
			return TUX_REFUSED_DOT_DOT;
		if (end > start)
			put_slash(dst, end++);
		start = end;
	}
	if (!close_segment(dst, &start, &end))
		return TUX_REFUSED_DOT_DOT;
	*dst_len = end;
	return TUX_ACCEPTED;
}

/*@ requires \valid_read(path + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <==> well_known(path, len);
  @*/
static bool is_well_known(const uint8_t *path, uint32_t len)
{
	return len >= 12 && path[0] == '/' && path[1] == '.' && path[2] == 'w' && path[3] == 'e' && path[4] == 'l' && path[5] == 'l' &&
	       path[6] == '-' && path[7] == 'k' && path[8] == 'n' && path[9] == 'o' && path[10] == 'w' && path[11] == 'n' &&
	       (len == 12 || path[12] == '/');
}

bool tux_target_has_dot_file(const uint8_t *path, uint32_t len)
{
	uint32_t first = is_well_known(path, len) ? 12 : 1, i;

	/*@ loop invariant first <= i;
	  @ loop invariant \forall integer k; first <= k < i && k < len ==> path[k] != '.' || path[k - 1] != '/';
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (i = first; i < len; i++) {
		if (path[i] == '.' && path[i - 1] == '/')
			return true;
	}
	return false;
}

/* Returns the hexadecimal digit of a number below 16. */
/*@ requires number < 16;
  @ assigns \nothing;
  @ ensures '0' <= \result <= 'F';
  @*/
static uint8_t hex_digit(uint8_t number)
{
	return (uint8_t)(number < 10 ? '0' + number : 'A' + (number - 10));
}

uint32_t tux_target_escape(const uint8_t *path, uint32_t len, uint8_t *out, uint32_t cap)
{
	uint32_t written = 0, i;

	/*@ loop invariant 0 <= i <= len;
	  @ loop invariant written <= cap;
	  @ loop invariant \forall integer k; 0 <= k < written ==> out[k] != '\r' && out[k] != '\n';
	  @ loop assigns i, written, out[0 .. cap - 1];
	  @ loop variant len - i; */
	for (i = 0; i < len; i++) {
		if (octet_is(path[i], OCTET_UNESCAPED)) {
			if (cap - written < 1)
				return 0;
			out[written++] = path[i];
		} else {
			if (cap - written < 3)
				return 0;
			out[written++] = '%';
			out[written++] = hex_digit(path[i] / 16);
			out[written++] = hex_digit(path[i] % 16);
		}
	}
	return written;
}
