/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages that go on: what is written parses again, as a whole and as nothing else, with the framing that was asked for, the
 * fields that go from end to end, and none that are for one connection. The first octet says what is forwarded and how.
 */
#include <string.h>

#include "forward.h"
#include "fuzz.h"

enum { CAP = 2 * TUX_MAX_RECEIVED_HEAD };

static bool is_hop(enum tux_field_name known)
{
	return known == TUX_FIELD_KEEP_ALIVE || known == TUX_FIELD_PROXY_CONNECTION || known == TUX_FIELD_TE ||
	       known == TUX_FIELD_PROXY_AUTHENTICATE || known == TUX_FIELD_PROXY_AUTHORIZATION;
}

static bool same(const uint8_t *one_at, struct tux_span one, const uint8_t *other_at, struct tux_span other)
{
	return one.len == other.len && memcmp(one_at + one.off, other_at + other.off, one.len) == 0;
}

/* Every line that came out came in, in that order, but for those that TUX writes itself. */
static void check_lines(const uint8_t *buf, const struct tux_field_lines *in, const uint8_t *out, const struct tux_field_lines *went)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < went->count; i++) {
		const struct tux_field *line = &went->line[i];

		require(!is_hop((enum tux_field_name)line->known));
		if (line->known != TUX_FIELD_OTHER)
			continue;
		if (line->name.len == 3 && memcmp(out + line->name.off, "Via", 3) == 0)
			continue;
		while (at < in->count && !(same(buf, in->line[at].name, out, line->name) && same(buf, in->line[at].value, out, line->value)))
			at++;
		require(at++ < in->count);
	}
}

static void forward_request(const uint8_t *data, uint32_t len, uint8_t flags)
{
	static struct tux_request req, again;
	const uint8_t *client = (const uint8_t *)"2001:db8::1";
	struct tux_forwarding how = { .client = { client, (flags & 1) != 0 ? 11 : 0 }, .by = { client, (flags & 2) != 0 ? 11 : 0 },
		                      .trusted = (flags & 4) != 0, .close = (flags & 8) != 0, .via = (flags & 16) != 0,
		                      .https = (flags & 32) != 0 };
	uint8_t *out;
	uint32_t written;

	if (tux_request_parse(data, len, 0, &req) != TUX_PARSED)
		return;
	how.framing = req.framing;
	how.content_length = req.content_length;
	how.upgrade = req.upgrade;
	out = allocated(CAP);
	written = tux_forward_request(out, CAP, data, &req, &how);
	require(written > 0 || req.form == TUX_FORM_AUTHORITY || req.fields.first[TUX_FIELD_CONNECTION] != 0);
	if (written > 0) {
		uint8_t *exact = allocated(written);

		require_written(out, written);
		require(tux_forward_request(exact, written, data, &req, &how) == written && memcmp(exact, out, written) == 0);
		require(tux_forward_request(exact, written - 1, data, &req, &how) == 0);
		free(exact);
	}
	/* A head that has grown past its limits is not the smaller one. */
	if (written > 0 && tux_request_parse(out, written, 0, &again) == TUX_PARSED) {
		const bool none_said = req.framing == TUX_FRAMING_NONE && again.framing == TUX_FRAMING_LENGTH;

		require(again.head_len == written && again.minor == 1 && again.method == req.method);
		require(same(data, req.method_text, out, again.method_text));
		require(again.content_length == req.content_length && (again.framing == req.framing || none_said));
		require(again.keep_alive == !(how.close && !how.upgrade) && again.upgrade == req.upgrade && !again.expect_continue);
		require(same(data, req.host, out, again.host) && again.form != TUX_FORM_ABSOLUTE);
		require(req.form == TUX_FORM_ABSOLUTE || same(data, req.target, out, again.target));
		require(same(data, req.query, out, again.query));
		check_lines(data, &req.fields, out, &again.fields);
	} else if (written > 0) {
		require(written > TUX_MAX_HEAD || req.fields.count + 12 > TUX_MAX_FIELDS);
	}
	free(out);
}

static void forward_response(const uint8_t *data, uint32_t len, uint8_t flags)
{
	static struct tux_response res, again;
	const uint8_t *date = (const uint8_t *)"Sun, 06 Nov 1994 08:49:37 GMT";
	const bool head = (flags & 1) != 0;
	struct tux_forwarding_response how = { .date = (flags & 2) != 0 ? date : NULL, .minor = 1, .keep_alive = (flags & 4) != 0 };
	enum tux_verdict verdict;
	uint8_t *out;
	uint32_t written;

	verdict = (flags & 8) != 0 ? tux_response_parse_cgi(data, len, 0, TUX_MAX_RECEIVED_HEAD, head, &res) :
	                                tux_response_parse(data, len, 0, TUX_MAX_RECEIVED_HEAD, head, &res);
	if (verdict != TUX_PARSED)
		return;
	how.framing = res.framing;
	how.content_length = res.content_length;
	how.upgrade = res.upgrade;
	out = allocated(CAP);
	written = tux_forward_response(out, CAP, data, &res, &how);
	require(written > 0 || res.fields.first[TUX_FIELD_CONNECTION] != 0);
	if (written > 0) {
		uint8_t *exact = allocated(written);

		require_written(out, written);
		require(tux_forward_response(exact, written, data, &res, &how) == written && memcmp(exact, out, written) == 0);
		require(tux_forward_response(exact, written - 1, data, &res, &how) == 0);
		free(exact);
	}
	if (written > 0 && tux_response_parse(out, written, 0, TUX_MAX_RECEIVED_HEAD, head || res.local, &again) == TUX_PARSED) {
		require(again.head_len == written && again.minor == 1 && again.status == res.status && again.upgrade == res.upgrade);
		require(again.framing == res.framing);
		require(again.content_length == (res.status == 204 || res.status < 200 ? 0 : res.content_length));
		check_lines(data, &res.fields, out, &again.fields);
	} else if (written > 0) {
		require(written > TUX_MAX_RECEIVED_HEAD || res.fields.count + 4 > TUX_MAX_FIELDS);
	}
	free(out);
}

/* A trailer section comes through as one. */
static void forward_trailer(const uint8_t *data, uint32_t len)
{
	static struct tux_field_lines fields, again;
	uint8_t refusal = TUX_ACCEPTED, *out;
	uint32_t pos = 0, written;

	tux_fields_clear(&fields);
	if (len > TUX_MAX_TRAILER || tux_fields_parse(data, len, &pos, false, &fields, &refusal) != TUX_PARSED)
		return;
	out = allocated(CAP);
	written = tux_forward_trailer(out, CAP, data, &fields);
	require(written > 3 && memcmp(out, "0\r\n", 3) == 0);
	require_written(out, written);
	pos = 0;
	tux_fields_clear(&again);
	require(tux_fields_parse(out + 3, written - 3, &pos, false, &again, &refusal) == TUX_PARSED && pos == written - 3);
	check_lines(data, &fields, out + 3, &again);
	for (unsigned int name = TUX_FIELD_OTHER + 1; name < TUX_FIELD_NAMES; name++)
		require(again.first[name] == 0);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len;
	uint8_t *copy;

	if (size < 2)
		return 0;
	len = (uint32_t)size - 1;
	copy = allocated(len);
	memcpy(copy, data + 1, len);
	switch (data[0] >> 6) {
	case 0:
	case 1:
		forward_request(copy, len, data[0] & 63);
		break;
	case 2:
		forward_response(copy, len, data[0] & 63);
		break;
	default:
		forward_trailer(copy, len);
		break;
	}
	free(copy);
	return 0;
}
