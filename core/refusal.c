/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status and text of every refusal. */
#include "refusal.h"

struct reason {
	uint16_t status;
	const char *text;
};

static const struct reason reasons[TUX_REFUSALS] = {
	[TUX_ACCEPTED] = { 200, "accepted" },
	[TUX_REFUSED_METHOD] = { 400, "the method is not a token" },
	[TUX_REFUSED_TARGET] = { 400, "the request target is malformed or does not fit the method" },
	[TUX_REFUSED_TARGET_LONG] = { 414, "the request target is too long" },
	[TUX_REFUSED_ESCAPE] = { 400, "the path has a broken percent-escape or a NUL" },
	[TUX_REFUSED_DOT_DOT] = { 400, "the path leads above the root" },
	[TUX_REFUSED_VERSION_SYNTAX] = { 400, "the request line does not end in HTTP/1.1" },
	[TUX_REFUSED_VERSION] = { 505, "the version is not HTTP/1.x" },
	[TUX_REFUSED_LINE_END] = { 400, "a line does not end in CR LF" },
	[TUX_REFUSED_FOLD] = { 400, "a field line starts with white space" },
	[TUX_REFUSED_FIELD_NAME] = { 400, "a field name is empty, not a token, or not followed by a colon" },
	[TUX_REFUSED_FIELD_VALUE] = { 400, "a field value has a control character" },
	[TUX_REFUSED_FIELD_COUNT] = { 431, "there are too many field lines" },
	[TUX_REFUSED_HEAD_LONG] = { 431, "the head is too long" },
	[TUX_REFUSED_HOST_MISSING] = { 400, "HTTP/1.1 needs a Host field" },
	[TUX_REFUSED_HOST_TWICE] = { 400, "there is more than one Host field" },
	[TUX_REFUSED_HOST] = { 400, "the host is malformed" },
	[TUX_REFUSED_LENGTH] = { 400, "Content-Length is not a number, too large, or repeated" },
	[TUX_REFUSED_LENGTH_AND_CODING] = { 400, "Content-Length stands beside Transfer-Encoding" },
	[TUX_REFUSED_CODING_ORDER] = { 400, "Transfer-Encoding does not end in one plain chunked" },
	[TUX_REFUSED_CODING] = { 501, "the transfer coding is not known" },
	[TUX_REFUSED_CODING_VERSION] = { 400, "HTTP/1.0 has no Transfer-Encoding" },
	[TUX_REFUSED_EXPECT] = { 417, "the expectation is not 100-continue" },
	[TUX_REFUSED_CHUNK] = { 400, "the chunked framing is broken" },
	[TUX_REFUSED_TRAILER_LONG] = { 431, "the trailer section is too long" },
	[TUX_REFUSED_BODY_LONG] = { 413, "the body is too long" },
	[TUX_REFUSED_TIMEOUT] = { 408, "the request took too long to arrive" },
	[TUX_REFUSED_PLAIN] = { 400, "a plain HTTP request was sent to an HTTPS port" },
	[TUX_REFUSED_MISDIRECTED] = { 421, "the certificate of the connection is that of another host" },
	[TUX_REFUSED_STATUS] = { 502, "the response has no status line of HTTP/1.1, or no known status" },
	[TUX_REFUSED_CGI] = { 502, "the fields of CGI are missing, stand twice, or do not fit" },
};

uint16_t tux_refusal_status(enum tux_refusal refusal)
{
	return refusal < TUX_REFUSALS ? reasons[refusal].status : 400;
}

const char *tux_refusal_text(enum tux_refusal refusal)
{
	return refusal < TUX_REFUSALS ? reasons[refusal].text : "";
}
