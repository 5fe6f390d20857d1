/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does what the last segment of the path says. It builds for the program and for the kernel, whose responses must be the same:
 * test/vm/inside/test_kernel_modules.py.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tux/module.h>

enum { BIG = 1 << 20 };

static char big[BIG];
static const char *greeting;

static int load(void)
{
	int i;

	for (i = 0; i < BIG; i++)
		big[i] = (char)('a' + i % 26);
	greeting = tux_conf("greeting");
	return tux_conf("refuse") == NULL ? 0 : -EINVAL;
}

static bool is(struct tux_str text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.at, word, text.len) == 0;
}

/* Returns the last segment of the path. */
static struct tux_str last_of(struct tux_str path)
{
	uint32_t at = path.len;

	while (at > 0 && path.at[at - 1] != '/')
		at--;
	return (struct tux_str){ path.at + at, path.len - at };
}

/* Responds with what the module sees of the request. */
static enum tux_result show(struct tux_req *req)
{
	struct tux_str method = tux_req_method_text(req), path = tux_req_path(req), query = tux_req_query(req), target = tux_req_target(req),
		       host = tux_req_host(req), field = tux_req_field(req, "x-oNe"), missing = tux_req_field(req, "X-Missing"), name, value;
	char text[700];
	uint32_t at = 0, fields = 0, bytes = 0;
	uint8_t address[16];
	uint16_t port = 0;
	int len, client = tux_req_client(req, address, &port);

	while (tux_req_each_field(req, &at, &name, &value)) {
		fields++;
		bytes += name.len + value.len;
	}
	len = snprintf(text, sizeof(text), "%d %.*s %.*s ?%.*s %.*s %.*s X=%.*s %d fields %u %u client %d %d.%d.%d.%d %d body %u %d greeting %s\n",
		       (int)tux_req_method(req), (int)method.len, method.at, (int)path.len, path.at, (int)query.len, query.at, (int)target.len,
		       target.at, (int)host.len, host.at, (int)field.len, field.at, missing.at == NULL, fields, bytes, client, address[12],
		       address[13], address[14], address[15], port > 0, tux_req_body(req).len, (int)tux_req_body_length(req),
		       greeting != NULL ? greeting : "none");
	return (enum tux_result)tux_reply(req, 200, "text/plain", text, (uint32_t)len);
}

/* Calls functions with arguments that they must refuse, and then responds with their results. */
static enum tux_result mistakes(struct tux_req *req)
{
	char text[200];
	int result[11], len;

	result[0] = tux_add_field(req, "Date", "now");
	result[1] = tux_add_field(req, "a b", "x");
	result[2] = tux_add_field(req, "X-Line", "a\r\nB: c");
	result[3] = tux_reply(req, 99, "text/plain", "", 0);
	result[4] = tux_reply(req, 200, "a\nb", "", 0);
	result[5] = tux_reply(req, 200, NULL, NULL, 1);
	result[6] = tux_reply_redirect(req, 200, "/");
	result[7] = tux_reply_redirect(req, 302, "/a b");
	result[8] = tux_reply_file(req, "a", 1);
	result[9] = tux_reply_file(req, "/", 0);
	tux_add_field(req, "ETag", "\"a\"");
	result[10] = tux_reply_file(req, "/", 1);
	tux_add_field(req, "X-Removed", "yes");
	tux_remove_fields(req);
	len = snprintf(text, sizeof(text), "%d %d %d %d %d %d %d %d %d %d %d %d\n", result[0], result[1], result[2], result[3], result[4], result[5],
		       result[6], result[7], result[8], result[9], result[10], tux_req_memory(req) != NULL);
	if (tux_reply(req, 200, "text/plain", text, (uint32_t)len) != 0)
		return TUX_FAIL;
	return tux_reply(req, 200, NULL, NULL, 0) == -EALREADY ? TUX_DONE : TUX_FAIL;
}

/* Replies with the target of the query, with fields, and with Cache-Control in place of that of the configuration. */
static enum tux_result reply_file(struct tux_req *req, bool fields, bool cache)
{
	struct tux_str query = tux_req_query(req);

	if (cache && tux_add_field(req, "cache-Control", "no-store") != 0)
		return TUX_FAIL;
	if (fields && (tux_add_field(req, "X-Two", "2") != 0 || tux_add_field(req, "x-set", "module") != 0 || tux_add_field(req, "Vary", "Cookie") != 0))
		return TUX_FAIL;
	if (tux_reply_file(req, query.at, query.len) != 0)
		return TUX_FAIL;
	return tux_reply(req, 200, NULL, NULL, 0) == -EALREADY ? TUX_DONE : TUX_FAIL;
}

static enum tux_result handle(struct tux_req *req)
{
	struct tux_str word = last_of(tux_req_path(req));

	if (is(word, "decline"))
		return TUX_DECLINE;
	if (is(word, "fail"))
		return TUX_FAIL;
	if (is(word, "error"))
		return (enum tux_result)-EIO;
	if (is(word, "nothing"))
		return TUX_DONE;
	if (is(word, "mistakes"))
		return mistakes(req);
	if (is(word, "redirect"))
		return (enum tux_result)tux_reply_redirect(req, 302, "https://example.org/a?b");
	if (is(word, "empty"))
		return (enum tux_result)tux_reply(req, 204, NULL, NULL, 0);
	if (is(word, "untyped"))
		return (enum tux_result)tux_reply(req, 200, NULL, "x", 1);
	if (is(word, "missing"))
		return (enum tux_result)tux_reply(req, 404, "text/plain", "missing\n", 8);
	if (is(word, "refused"))
		return (enum tux_result)tux_reply(req, 403, "text/plain", "refused\n", 8);
	if (is(word, "broken"))
		return (enum tux_result)tux_reply(req, 500, "text/plain", "broken\n", 7);
	if (is(word, "page"))
		return (enum tux_result)tux_reply_memory(req, 200, "text/plain", big, 5000, NULL, NULL);
	if (is(word, "big"))
		return (enum tux_result)tux_reply_memory(req, 200, "text/plain", big, BIG, NULL, NULL);
	if (is(word, "fields") && (tux_add_field(req, "X-Two", "2") != 0 || tux_add_field(req, "X-SET", "module") != 0 || tux_add_field(req, "ETag", "\"a\"") != 0 ||
				   tux_add_field(req, "Cache-Control", "no-store") != 0 ||
				   tux_add_field(req, "ETag", "\"b\"") != -EINVAL))
		return TUX_FAIL;
	if (is(word, "file") || is(word, "file-fields"))
		return reply_file(req, is(word, "file-fields"), false);
	if (is(word, "file-resumed")) {
		if (tux_suspend(req) != 0 || reply_file(req, true, true) != TUX_DONE)
			return TUX_FAIL;
		return tux_resume(req) == 0 ? TUX_SUSPEND : TUX_FAIL;
	}
	if (is(word, "resumed")) {
		if (tux_suspend(req) != 0 || tux_reply(req, 200, "text/plain", big, 26) != 0)
			return TUX_FAIL;
		return tux_resume(req) == 0 ? TUX_SUSPEND : TUX_FAIL;
	}
	if (is(word, "unsuspended") && tux_suspend(req) != 0) /* it suspends the request, and does not need to */
		return TUX_FAIL;
	if (is(word, "blocks") || is(word, "file-blocks"))
		return TUX_BLOCKS;
	return show(req);
}

/* Waits for nothing, but could. */
static enum tux_result blocking(struct tux_req *req)
{
	struct tux_str query = tux_req_query(req);

	if (is(last_of(tux_req_path(req)), "file-blocks"))
		return reply_file(req, true, true);
	if (is(query, "decline"))
		return TUX_DECLINE;
	if (is(query, "fail"))
		return TUX_FAIL;
	if (is(query, "big"))
		return (enum tux_result)tux_reply(req, 200, "text/plain", big, BIG);
	if (is(query, "again"))
		return TUX_BLOCKS;
	return show(req);
}

TUX_MODULE(probe, .handle = handle, .blocking = blocking, .load = load, .request_bytes = 64);
