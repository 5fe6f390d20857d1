/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets: the path against the model of test/unit, what is written escaped reads back, spans lie inside. */
#include <string.h>

#include "fuzz.h"

#include "../unit/target_model.h"

/* A normalised path, escaped for a Location and read again, is the same. */
static void check_escape(const uint8_t *path, uint32_t len)
{
	uint8_t *escaped = allocated(3 * (size_t)len), *back = allocated(3 * (size_t)len);
	uint32_t escaped_len = tux_target_escape(path, len, escaped, 3 * len), back_len, i;

	require(escaped_len >= len);
	require_written(escaped, escaped_len);
	for (i = 0; i < escaped_len; i++)
		require(escaped[i] > 0x20 && escaped[i] < 0x7f && escaped[i] != '"' && escaped[i] != '<');
	require(tux_target_escape(path, len, escaped, escaped_len - 1) == 0);
	require(tux_target_escape(path, len, escaped, escaped_len) == escaped_len);
	require(tux_target_normalise(escaped, escaped_len, back, &back_len) == TUX_ACCEPTED);
	require(back_len == len && memcmp(back, path, len) == 0);
	free(back);
	free(escaped);
}

static void check_path(const uint8_t *src, uint32_t len)
{
	uint8_t *dst = allocated(len), *expected = allocated(len);
	uint32_t dst_len, expected_len;
	enum tux_refusal refusal;

	refusal = tux_target_normalise(src, len, dst, &dst_len);
	REQUIRE_WRITTEN(dst_len);
	require_written(dst, dst_len);
	require(refusal == target_model_normalise(src, len, expected, &expected_len));
	require(dst_len == expected_len && (dst_len == 0 || memcmp(dst, expected, dst_len) == 0));
	if (refusal == TUX_ACCEPTED) {
		bool dot_file = false;
		uint32_t i;

		require(target_model_is_normal(dst, dst_len, len));
		for (i = 0; i + 1 < dst_len; i++)
			dot_file = dot_file || memcmp(dst + i, "/.", 2) == 0;
		require(tux_target_has_dot_file(dst, dst_len) == dot_file);
		check_escape(dst, dst_len);
	}
	free(expected);
	free(dst);
}

static void check_split(const uint8_t *buf, uint32_t len, enum tux_method method)
{
	static struct tux_request req;

	forget(&req, sizeof(req));
	req.method = (uint8_t)method;
	req.target = (struct tux_span){ 0, len };
	if (tux_target_split(buf, &req) != TUX_ACCEPTED)
		return;
	REQUIRE_WRITTEN(req.form);
	REQUIRE_WRITTEN(req.path);
	REQUIRE_WRITTEN(req.query);
	require(req.path.off <= len && req.path.len <= len - req.path.off);
	require(req.query.off <= len && req.query.len <= len - req.query.off);
	require(req.host.off <= len && req.host.len <= len - req.host.off);
	require(req.path.len == 0 || buf[req.path.off] == '/');
	require(memchr(buf + req.path.off, '?', req.path.len) == NULL);
	require(tux_target_is_host(buf, req.host));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = (uint32_t)size;

	check_path(data, len);
	check_split(data, len, TUX_GET);
	check_split(data, len, TUX_OPTIONS);
	check_split(data, len, TUX_CONNECT);
	tux_target_is_host(data, (struct tux_span){ 0, len });
	return 0;
}
