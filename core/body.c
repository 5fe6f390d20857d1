/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The request body: its framing (RFC 9112 6), and the decoder of content, chunked or not. */
#include "body.h"

#include "octet.h"

/* Longest body: file offsets are signed in both engines. */
#define LENGTH_MAX 0x7fffffffffffffffu

/* Parses Content-Length: one line, only digits. Refuses a list even if its members are equal. */
/*@ requires fields_readable(buf, fields) && \valid(content_length) && fields->first[TUX_FIELD_CONTENT_LENGTH] != 0;
  @ assigns *content_length;
  @ ensures TUX_ACCEPTED <= \result < TUX_REFUSALS;
  @ ensures *content_length <= LENGTH_MAX || *content_length == \old(*content_length);
  @*/
static enum tux_refusal length_framing(const uint8_t *buf, const struct tux_field_lines *fields, uint64_t *content_length)
{
	uint32_t line = tux_fields_find(fields, TUX_FIELD_CONTENT_LENGTH, 0);
	struct tux_span value = fields->line[line - 1].value;
	uint64_t length = 0;
	uint32_t i;

	if (value.len == 0 || tux_fields_find(fields, TUX_FIELD_CONTENT_LENGTH, line) != 0)
		return TUX_REFUSED_LENGTH;
	/*@ loop invariant 0 <= i <= value.len && length <= LENGTH_MAX;
	  @ loop assigns i, length;
	  @ loop variant value.len - i; */
	for (i = 0; i < value.len; i++) {
		uint8_t octet = buf[value.off + i];

		if (!octet_is_digit(octet) || length > (LENGTH_MAX - (uint64_t)(octet - '0')) / 10)
			return TUX_REFUSED_LENGTH;
		length = length * 10 + (uint64_t)(octet - '0');
	}
	*content_length = length;
	return TUX_ACCEPTED;
}

/* Checks one member of Transfer-Encoding. *chunked is true if chunked occurred before. */
/*@ requires span_readable(buf, element) && \valid(chunked);
  @ requires \separated(chunked, buf + (element.off .. element.off + element.len - 1));
  @ assigns *chunked;
  @ ensures TUX_ACCEPTED <= \result < TUX_REFUSALS;
  @ ensures \result == TUX_ACCEPTED ==> !\old(*chunked) && *chunked;
  @*/
static enum tux_refusal coding_element(const uint8_t *buf, struct tux_span element, bool *chunked)
{
	struct tux_span name = element;

	name.len = octet_skip(buf, element.off, element.off + element.len, OCTET_TOKEN) - element.off;
	if (*chunked)
		return TUX_REFUSED_CODING_ORDER;
	if (!tux_field_equals(buf, name, "chunked", 7))
		return TUX_REFUSED_CODING;
	if (name.len != element.len)
		return TUX_REFUSED_CODING_ORDER;
	*chunked = true;
	return TUX_ACCEPTED;
}

/* Checks Transfer-Encoding: all its lines together must be "chunked", once. */
/*@ requires fields_readable(buf, fields) && fields->first[TUX_FIELD_TRANSFER_ENCODING] != 0;
  @ assigns \nothing;
  @ ensures TUX_ACCEPTED <= \result < TUX_REFUSALS;
  @*/
static enum tux_refusal coding_framing(const uint8_t *buf, const struct tux_field_lines *fields)
{
	uint32_t line = tux_fields_find(fields, TUX_FIELD_TRANSFER_ENCODING, 0);
	enum tux_refusal refusal = TUX_ACCEPTED;
	bool chunked = false;

	/*@ loop invariant line <= fields->count;
	  @ loop invariant refusal == TUX_ACCEPTED;
	  @ loop assigns line, refusal, chunked;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		struct tux_span rest = fields->line[line - 1].value, element;

		/*@ loop invariant span_part(rest, fields->line[line - 1].value);
		  @ loop invariant TUX_ACCEPTED <= refusal < TUX_REFUSALS;
		  @ loop assigns rest, element, refusal, chunked;
		  @ loop variant rest.len; */
		while (refusal == TUX_ACCEPTED && tux_field_list_next(buf, &rest, &element))
			refusal = coding_element(buf, element, &chunked);
		if (refusal != TUX_ACCEPTED)
			return refusal;
		line = tux_fields_find(fields, TUX_FIELD_TRANSFER_ENCODING, line);
	}
	return chunked ? TUX_ACCEPTED : TUX_REFUSED_CODING_ORDER;
}

enum tux_refusal tux_body_framing(const uint8_t *buf, const struct tux_field_lines *fields, uint8_t minor, uint8_t *framing,
                                  uint64_t *content_length)
{
	*framing = TUX_FRAMING_NONE;
	*content_length = 0;
	if (fields->first[TUX_FIELD_TRANSFER_ENCODING] == 0) {
		if (fields->first[TUX_FIELD_CONTENT_LENGTH] == 0)
			return TUX_ACCEPTED;
		*framing = TUX_FRAMING_LENGTH;
		return length_framing(buf, fields, content_length);
	}
	if (fields->first[TUX_FIELD_CONTENT_LENGTH] != 0)
		return TUX_REFUSED_LENGTH_AND_CODING;
	if (minor == 0)
		return TUX_REFUSED_CODING_VERSION;
	*framing = TUX_FRAMING_CHUNKED;
	return coding_framing(buf, fields);
}

/* The kind of the next byte. States after BODY_CHUNK are chunked framing; states from BODY_SIZE on have a length limit. */
enum body_state {
	BODY_END,
	BODY_FAILED,
	BODY_LENGTH,      /* content up to the Content-Length */
	BODY_CHUNK,       /* content of a chunk */
	BODY_CHUNK_CR,    /* after the content of a chunk */
	BODY_CHUNK_LF,
	BODY_SIZE,        /* the first digit of a chunk size */
	BODY_SIZE_DIGITS, /* further digits */
	BODY_SIZE_BLANK,  /* white space before the ';' of a chunk extension */
	BODY_SIZE_SKIP,   /* a chunk extension */
	BODY_SIZE_LF,
	BODY_TRAILER,     /* the start of a trailer line */
	BODY_TRAILER_NAME,
	BODY_TRAILER_VALUE,
	BODY_TRAILER_LF,
	BODY_LAST_LF,     /* of the empty line that ends the trailer section */
};

void tux_body_start(struct tux_body *body, enum tux_framing framing, uint64_t content_length)
{
	body->left = 0;
	body->total = 0;
	body->line_bytes = 0;
	body->state = BODY_END;
	body->refusal = TUX_ACCEPTED;
	if (framing == TUX_FRAMING_CHUNKED) {
		body->state = BODY_SIZE;
	} else if (framing == TUX_FRAMING_CLOSE) {
		body->state = BODY_LENGTH;
		body->left = LENGTH_MAX;
	} else if (framing == TUX_FRAMING_LENGTH && content_length > 0) {
		body->state = BODY_LENGTH;
		body->left = content_length;
	}
}

/*@ requires \valid(body) && body_valid(body) && TUX_ACCEPTED < refusal < TUX_REFUSALS;
  @ assigns body->state, body->refusal;
  @ ensures body->state == BODY_FAILED && body_valid(body);
  @*/
static void fail(struct tux_body *body, enum tux_refusal refusal)
{
	body->state = BODY_FAILED;
	body->refusal = (uint8_t)refusal;
}

/* Enters the next state if the octet is the expected one. */
/*@ requires \valid(body) && body_valid(body) && TUX_ACCEPTED < refusal < TUX_REFUSALS;
  @ requires next <= BODY_LAST_LF && next != BODY_LENGTH && next != BODY_CHUNK;
  @ assigns body->state, body->refusal;
  @ ensures body_valid(body);
  @*/
static void expect(struct tux_body *body, uint8_t octet, uint8_t expected, enum body_state next,
                   enum tux_refusal refusal)
{
	if (octet == expected)
		body->state = (uint8_t)next;
	else
		fail(body, refusal);
}

/* Reads a digit of a chunk size. Sixteen digits at most, leading zeros included. */
/*@ requires \valid(body) && body_valid(body);
  @ assigns body->state, body->refusal, body->left;
  @ ensures body_valid(body);
  @*/
static void size_digit(struct tux_body *body, uint8_t octet)
{
	uint8_t digit = octet_hex(octet);

	if (digit > 15 || body->line_bytes > 16 || body->left > LENGTH_MAX >> 4) {
		fail(body, TUX_REFUSED_CHUNK);
		return;
	}
	body->left = body->left * 16 + digit;
	body->state = BODY_SIZE_DIGITS;
}

/* Reads an octet after a digit of a chunk size, or in a chunk extension. Skips extensions (RFC 9112 7.1.1). */
/*@ requires \valid(body) && body_valid(body);
  @ assigns body->state, body->refusal, body->left;
  @ ensures body_valid(body);
  @*/
static void size_octet(struct tux_body *body, uint8_t octet)
{
	if (octet == '\r' && body->state != BODY_SIZE_BLANK)
		body->state = BODY_SIZE_LF;
	else if (body->state == BODY_SIZE_SKIP && octet_is(octet, OCTET_VALUE))
		body->state = BODY_SIZE_SKIP;
	else if (body->state != BODY_SIZE_SKIP && octet == ';')
		body->state = BODY_SIZE_SKIP;
	else if (body->state != BODY_SIZE_SKIP && octet_is_blank(octet))
		body->state = BODY_SIZE_BLANK;
	else if (body->state == BODY_SIZE_DIGITS)
		size_digit(body, octet);
	else
		fail(body, TUX_REFUSED_CHUNK);
}

/* Ends the chunk-size line. A chunk follows, or the trailer section after the last one. */
/*@ requires \valid(body) && body_valid(body);
  @ assigns body->state, body->refusal, body->line_bytes;
  @ ensures body_valid(body);
  @*/
static void size_line_end(struct tux_body *body, uint8_t octet)
{
	body->line_bytes = 0;
	if (octet != '\n' || body->left > LENGTH_MAX - body->total)
		fail(body, TUX_REFUSED_CHUNK);
	else
		body->state = body->left > 0 ? BODY_CHUNK : BODY_TRAILER;
}

/* Reads the first octet of a trailer line. */
/*@ requires \valid(body) && body_valid(body);
  @ assigns body->state, body->refusal;
  @ ensures body_valid(body);
  @*/
static void trailer_start(struct tux_body *body, uint8_t octet)
{
	if (octet == '\r')
		body->state = BODY_LAST_LF;
	else if (octet_is(octet, OCTET_TOKEN))
		body->state = BODY_TRAILER_NAME;
	else if (octet_is_blank(octet))
		fail(body, TUX_REFUSED_FOLD);
	else
		fail(body, octet == '\n' ? TUX_REFUSED_LINE_END : TUX_REFUSED_FIELD_NAME);
}

/*@ requires \valid(body) && body_valid(body);
  @ assigns body->state, body->refusal;
  @ ensures body_valid(body);
  @*/
static void trailer_name(struct tux_body *body, uint8_t octet)
{
	if (octet == ':')
		body->state = BODY_TRAILER_VALUE;
	else if (!octet_is(octet, OCTET_TOKEN))
		fail(body, TUX_REFUSED_FIELD_NAME);
}

/*@ requires \valid(body) && body_valid(body);
  @ assigns body->state, body->refusal;
  @ ensures body_valid(body);
  @*/
static void trailer_value(struct tux_body *body, uint8_t octet)
{
	if (octet == '\r')
		body->state = BODY_TRAILER_LF;
	else if (!octet_is(octet, OCTET_VALUE))
		fail(body, octet == '\n' ? TUX_REFUSED_LINE_END : TUX_REFUSED_FIELD_VALUE);
}

/* Reads one octet of the chunked framing. Content is read by content_run(). */
/*@ requires \valid(body) && body_valid(body);
  @ assigns body->state, body->refusal, body->left, body->line_bytes;
  @ ensures body_valid(body);
  @*/
static void framing_octet(struct tux_body *body, uint8_t octet)
{
	switch ((enum body_state)body->state) {
	case BODY_CHUNK_CR:
		expect(body, octet, '\r', BODY_CHUNK_LF, TUX_REFUSED_CHUNK);
		break;
	case BODY_CHUNK_LF:
		expect(body, octet, '\n', BODY_SIZE, TUX_REFUSED_CHUNK);
		break;
	case BODY_SIZE:
		size_digit(body, octet);
		break;
	case BODY_SIZE_DIGITS:
	case BODY_SIZE_BLANK:
	case BODY_SIZE_SKIP:
		size_octet(body, octet);
		break;
	case BODY_SIZE_LF:
		size_line_end(body, octet);
		break;
	case BODY_TRAILER:
		trailer_start(body, octet);
		break;
	case BODY_TRAILER_NAME:
		trailer_name(body, octet);
		break;
	case BODY_TRAILER_VALUE:
		trailer_value(body, octet);
		break;
	case BODY_TRAILER_LF:
		expect(body, octet, '\n', BODY_TRAILER, TUX_REFUSED_LINE_END);
		break;
	case BODY_LAST_LF:
		expect(body, octet, '\n', BODY_END, TUX_REFUSED_LINE_END);
		break;
	case BODY_END:
	case BODY_FAILED:
	case BODY_LENGTH:
	case BODY_CHUNK:
		break;
	}
}

/* Counts an octet of a chunk-size line or trailer section, both of which have a length limit. */
/*@ requires \valid(body) && body_valid(body);
  @ assigns body->state, body->refusal, body->line_bytes;
  @ ensures body_valid(body);
  @*/
static void count_octet(struct tux_body *body)
{
	bool trailer = body->state >= BODY_TRAILER;

	if (body->state < BODY_SIZE)
		return;
	if (body->line_bytes >= (trailer ? TUX_MAX_TRAILER : TUX_MAX_CHUNK_LINE))
		fail(body, trailer ? TUX_REFUSED_TRAILER_LONG : TUX_REFUSED_CHUNK);
	else
		body->line_bytes++;
}

uint64_t tux_body_ahead(const struct tux_body *body)
{
	return body->state == BODY_LENGTH || body->state == BODY_CHUNK ? body->left : 0;
}

enum tux_verdict tux_body_pass(struct tux_body *body, uint64_t len)
{
	body->left -= len;
	body->total += len;
	if (body->left == 0)
		body->state = body->state == BODY_LENGTH ? BODY_END : BODY_CHUNK_CR;
	return body->state == BODY_END ? TUX_PARSED : TUX_MORE;
}

/* Sets *content to the run of content at off, which ends at len at the latest, and counts it. */
/*@ requires \valid(body) && body_valid(body) && (body->state == BODY_LENGTH || body->state == BODY_CHUNK);
  @ requires off < len && \valid(content) && \separated(body, content);
  @ assigns body->state, body->left, body->total, *content;
  @ ensures body_valid(body);
  @ ensures content->off == off && 0 < content->len <= len - off;
  @ ensures body->total == \old(body->total) + content->len;
  @ ensures body->state == BODY_LENGTH || body->state == BODY_CHUNK ==> content->len == len - off;
  @*/
static void content_run(struct tux_body *body, uint32_t off, uint32_t len, struct tux_span *content)
{
	uint32_t run = len - off;

	if (body->left < run)
		run = (uint32_t)body->left;
	*content = (struct tux_span){ off, run };
	tux_body_pass(body, run);
}

enum tux_verdict tux_body_read(struct tux_body *body, const uint8_t *buf, uint32_t len, uint32_t *consumed,
                               struct tux_span *content)
{
	struct tux_span trailer;

	return tux_body_read_trailer(body, buf, len, consumed, content, &trailer);
}

enum tux_verdict tux_body_read_trailer(struct tux_body *body, const uint8_t *buf, uint32_t len, uint32_t *consumed,
                                       struct tux_span *content, struct tux_span *trailer)
{
	struct tux_span run = { 0, 0 };
	uint32_t off = 0, start = 0; /* start of the trailer section; off if it has not begun */

	/*@ loop invariant 0 <= start <= off <= len;
	  @ loop invariant body_valid(body);
	  @ loop invariant body->total == \at(body->total, Pre);
	  @ loop assigns off, start, body->state, body->refusal, body->left, body->line_bytes;
	  @ loop variant len - off; */
	while (off < len && body->state > BODY_CHUNK) {
		if (body->state < BODY_TRAILER)
			start = off + 1;
		count_octet(body);
		framing_octet(body, buf[off]);
		off++;
	}
	*trailer = (struct tux_span){ start, off - start };
	if (off < len && (body->state == BODY_LENGTH || body->state == BODY_CHUNK)) {
		content_run(body, off, len, &run);
		off += run.len;
	}
	*content = run;
	*consumed = off;
	if (body->state == BODY_FAILED)
		return TUX_REFUSED;
	return body->state == BODY_END ? TUX_PARSED : TUX_MORE;
}
