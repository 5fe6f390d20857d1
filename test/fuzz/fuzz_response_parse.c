/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Heads of responses, of servers and of CGI programs, whole and in two pieces: spans lie inside the head, there is one framing,
 * and both ways agree. The first octet says where the cut is, the second who sends and whether the request was HEAD.
 */
#include <string.h>

#include "fuzz.h"
#include "response_parse.h"

static void touch(const uint8_t *buf, uint32_t len, struct tux_span span)
{
	REQUIRE_WRITTEN(span);
	require(span.off <= len && span.len <= len - span.off);
	require_written(buf + span.off, span.len);
}

static uint32_t count(const struct tux_response *res, enum tux_field_name name)
{
	uint32_t lines = 0;

	for (uint32_t i = 0; i < res->fields.count; i++)
		lines += res->fields.line[i].known == name;
	return lines;
}

static void check_framing(const struct tux_response *res, bool cgi, bool head)
{
	const uint32_t lengths = count(res, TUX_FIELD_CONTENT_LENGTH), codings = count(res, TUX_FIELD_TRANSFER_ENCODING);
	const bool bodiless = head || res->status < 200 || res->status == 204 || res->status == 304 || res->local;

	require(lengths <= 1 && (lengths == 0 || codings == 0) && res->has_length == (lengths == 1));
	require(res->has_length || res->content_length == 0);
	require((res->framing == TUX_FRAMING_NONE) == bodiless);
	require(bodiless || (res->framing == TUX_FRAMING_LENGTH) == (lengths == 1));
	require(bodiless || (res->framing == TUX_FRAMING_CHUNKED) == (codings > 0));
	require(res->framing != TUX_FRAMING_CLOSE || !res->keep_alive);
	require(!cgi || (codings == 0 && !res->keep_alive && res->status >= 200));
	require(!res->local || (cgi && res->fields.count == 1 && res->fields.line[0].known == TUX_FIELD_LOCATION));
	require(!res->upgrade || (res->status == 101 && count(res, TUX_FIELD_UPGRADE) > 0));
}

static void check_parsed(const uint8_t *buf, uint32_t len, uint32_t limit, bool cgi, bool head, const struct tux_response *res)
{
	REQUIRE_WRITTEN(res->head_len);
	REQUIRE_WRITTEN(res->framing);
	REQUIRE_WRITTEN(res->has_length);
	REQUIRE_WRITTEN(res->keep_alive);
	REQUIRE_WRITTEN(res->upgrade);
	REQUIRE_WRITTEN(res->local);
	REQUIRE_WRITTEN(res->content_length);
	REQUIRE_WRITTEN(res->fields.count);
	REQUIRE_WRITTEN(res->fields.first);
	require(res->refusal == TUX_ACCEPTED && res->minor <= 1 && res->status >= 100 && res->status <= 599);
	require(res->head_len <= len && res->head_len <= limit && res->head_len >= 2 && buf[res->head_len - 1] == '\n');
	require(cgi || memcmp(buf + res->head_len - 4, "\r\n\r\n", 4) == 0);
	touch(buf, res->head_len, res->reason);
	for (uint32_t i = 0; i < res->fields.count; i++) {
		touch(buf, res->head_len, res->fields.line[i].name);
		touch(buf, res->head_len, res->fields.line[i].value);
		require(memchr(buf + res->fields.line[i].value.off, '\r', res->fields.line[i].value.len) == NULL);
		require(memchr(buf + res->fields.line[i].value.off, '\n', res->fields.line[i].value.len) == NULL);
	}
	check_framing(res, cgi, head);
}

static enum tux_verdict parse(const uint8_t *buf, uint32_t len, uint32_t seen, uint32_t limit, bool cgi, bool head,
                              struct tux_response *res)
{
	enum tux_verdict verdict;

	forget(res, sizeof(*res));
	verdict = cgi ? tux_response_parse_cgi(buf, len, seen, limit, head, res) : tux_response_parse(buf, len, seen, limit, head, res);
	REQUIRE_WRITTEN(verdict);
	require(verdict != TUX_MORE || len < limit);
	if (verdict == TUX_PARSED)
		check_parsed(buf, len, limit, cgi, head, res);
	if (verdict == TUX_REFUSED)
		require(res->refusal != TUX_ACCEPTED && res->refusal < TUX_REFUSALS);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tux_response whole, piece;
	enum tux_verdict verdict, first, second;
	uint32_t len, cut, limit;
	bool cgi, head;
	uint8_t *copy;

	if (size < 2)
		return 0;
	len = (uint32_t)size - 2;
	cut = (uint32_t)((uint64_t)len * data[0] / 255);
	cgi = (data[1] & 1) != 0;
	head = (data[1] & 2) != 0;
	limit = (data[1] & 4) != 0 ? 1024 : (data[1] & 8) != 0 ? TUX_MAX_RECEIVED_HEAD : TUX_MAX_HEAD;
	verdict = parse(data + 2, len, 0, limit, cgi, head, &whole);

	copy = allocated((size_t)cut + 1);
	memcpy(copy + 1, data + 2, cut);
	first = parse(copy + 1, cut, 0, limit, cgi, head, &piece);
	free(copy);
	if (first == TUX_REFUSED)
		require(verdict == TUX_REFUSED && piece.refusal == whole.refusal);
	if (first == TUX_PARSED)
		require(verdict == TUX_PARSED && piece.head_len == whole.head_len);
	if (first != TUX_MORE || cut == 0)
		return 0;
	second = parse(data + 2, len, cut, limit, cgi, head, &piece);
	/* A fault in a head that is not complete may be told later. */
	require(second == verdict || (second == TUX_MORE && verdict == TUX_REFUSED));
	if (second == TUX_PARSED)
		require(piece.head_len == whole.head_len && piece.framing == whole.framing);
	return 0;
}
