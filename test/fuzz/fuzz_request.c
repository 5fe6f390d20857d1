/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request head, whole and in two pieces: spans lie inside the head, and both ways agree. The
 * first octet says where the cut is.
 */
#include <string.h>

#include "fuzz.h"
#include "access_record.h"
#include "target.h"

static void touch(const uint8_t *buf, uint32_t len, struct tux_span span)
{
	REQUIRE_WRITTEN(span);
	require(span.off <= len && span.len <= len - span.off);
	require_written(buf + span.off, span.len);
}

static void check_fields(const uint8_t *buf, const struct tux_request *req)
{
	unsigned int name;
	uint32_t i;

	for (i = 0; i < req->fields.count; i++) {
		struct tux_span rest = req->fields.line[i].value, element, token;

		touch(buf, req->head_len, req->fields.line[i].name);
		touch(buf, req->head_len, rest);
		REQUIRE_WRITTEN(req->fields.line[i].known);
		require(req->fields.line[i].known < TUX_FIELD_NAMES && req->fields.line[i].name.len > 0);
		require(rest.len == 0 || (buf[rest.off] != ' ' && buf[rest.off + rest.len - 1] != ' '));
		while (tux_field_list_next(buf, &rest, &element)) {
			touch(buf, req->head_len, element);
			require(tux_field_weight(buf, element, &token) <= 1000);
			touch(buf, req->head_len, token);
		}
	}
	for (name = TUX_FIELD_OTHER + 1; name < TUX_FIELD_NAMES; name++) {
		uint32_t line = tux_request_field(req, (enum tux_field_name)name, 0);

		while (line != 0) {
			uint32_t next = tux_request_field(req, (enum tux_field_name)name, line);

			require(req->fields.line[line - 1].known == name && (next == 0 || next > line));
			line = next;
		}
	}
}

static void check_parsed(const uint8_t *buf, uint32_t len, const struct tux_request *req)
{
	REQUIRE_WRITTEN(req->head_len);
	REQUIRE_WRITTEN(req->method);
	REQUIRE_WRITTEN(req->form);
	REQUIRE_WRITTEN(req->framing);
	REQUIRE_WRITTEN(req->keep_alive);
	REQUIRE_WRITTEN(req->expect_continue);
	REQUIRE_WRITTEN(req->upgrade);
	REQUIRE_WRITTEN(req->content_length);
	REQUIRE_WRITTEN(req->fields.count);
	REQUIRE_WRITTEN(req->fields.first);
	require(req->refusal == TUX_ACCEPTED && req->minor <= 1);
	require(req->head_len <= len && req->head_len <= TUX_MAX_HEAD && req->head_len >= 4);
	require(memcmp(buf + req->head_len - 4, "\r\n\r\n", 4) == 0);
	touch(buf, req->head_len, req->method_text);
	touch(buf, req->head_len, req->target);
	touch(buf, req->head_len, req->path);
	touch(buf, req->head_len, req->query);
	touch(buf, req->head_len, req->host);
	require(req->target.len > 0 && req->target.len <= TUX_MAX_TARGET && req->method_text.len > 0);
	require(tux_target_is_host(buf, req->host) && (req->minor == 0 || req->fields.first[TUX_FIELD_HOST] != 0));
	require(req->framing == TUX_FRAMING_LENGTH || req->content_length == 0);
	check_fields(buf, req);
}

/* The access record of what was parsed or refused: each text is there, one behind the other. */
static void check_record(const uint8_t *buf, const struct tux_request *req)
{
	struct tux_access_record record;
	uint32_t bytes;
	uint8_t *text = allocated(TUX_ACCESS_RECORD_MAX - sizeof(record));

	forget(&record, sizeof(record));
	bytes = tux_access_record_fill(&record, buf, req, text);
	require_written(text, bytes);
	require(bytes == (uint32_t)record.method_len + record.target_len + record.host_len + record.referer_len +
	        record.user_agent_len);
	require(record.size == sizeof(record) + bytes && record.minor == req->minor && record.refusal == req->refusal);
	require(memcmp(text, buf + req->method_text.off, record.method_len) == 0);
	require(memcmp(text + record.method_len, buf + req->target.off, record.target_len) == 0);
	free(text);
}

static enum tux_verdict parse(const uint8_t *buf, uint32_t len, uint32_t seen, struct tux_request *req)
{
	enum tux_verdict verdict;

	forget(req, sizeof(*req));
	verdict = tux_request_parse(buf, len, seen, req);
	require(verdict != TUX_MORE || len < TUX_MAX_HEAD);
	REQUIRE_WRITTEN(verdict);
	if (verdict == TUX_PARSED)
		check_parsed(buf, len, req);
	if (verdict == TUX_REFUSED) {
		REQUIRE_WRITTEN(req->method);
		require(req->refusal != TUX_ACCEPTED && req->refusal < TUX_REFUSALS && req->minor <= 1);
		require(tux_refusal_status(req->refusal) >= 400);
		touch(buf, len, req->method_text);
		touch(buf, len, req->target);
	}
	if (verdict != TUX_MORE)
		check_record(buf, req);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tux_request whole, piece;
	enum tux_verdict verdict, first, second;
	uint32_t len, cut;
	uint8_t *copy;

	if (size < 1)
		return 0;
	len = (uint32_t)size - 1;
	cut = (uint32_t)((uint64_t)len * data[0] / 255);
	verdict = parse(data + 1, len, 0, &whole);

	copy = allocated((size_t)cut + 1);
	memcpy(copy + 1, data + 1, cut);
	first = parse(copy + 1, cut, 0, &piece);
	free(copy);
	if (first == TUX_REFUSED)
		require(verdict == TUX_REFUSED && piece.refusal == whole.refusal);
	if (first == TUX_PARSED)
		require(verdict == TUX_PARSED && piece.head_len == whole.head_len);
	if (first != TUX_MORE || cut == 0)
		return 0;
	second = parse(data + 1, len, cut, &piece);
	/* A fault in a head that is not complete may be told later. */
	require(second == verdict || (second == TUX_MORE && verdict == TUX_REFUSED));
	if (second == TUX_PARSED)
		require(piece.head_len == whole.head_len && piece.fields.count == whole.fields.count);
	if (second == TUX_REFUSED)
		require(piece.refusal == whole.refusal);
	return 0;
}
