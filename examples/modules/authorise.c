/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks a token, and lets TUX send the file: with ranges, conditions and codings, from its cache.
 *
 *     module authorise { file "/usr/lib/tux/authorise.so"; config { token = "s3cret"; folder = "/private" } }
 *     route "/download/" { module authorise }
 *     route "/private/" { hidden on }
 *
 * /download/a.pdf with the field "Authorization: Bearer s3cret" is the file private/download/a.pdf.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tux/module.h>

static const char *token, *folder;

static int load(void)
{
	token = tux_conf("token");
	folder = tux_conf("folder");
	return token != NULL && folder != NULL ? 0 : -EINVAL;
}

/* Compares in a time that does not depend on the octets. */
static bool is_token(struct tux_str text)
{
	static const char kind[] = "Bearer ";
	const size_t kind_len = sizeof(kind) - 1, len = strlen(token);
	unsigned different = 0;

	if (text.len != kind_len + len || memcmp(text.at, kind, kind_len) != 0)
		return false;
	for (size_t i = 0; i < len; i++)
		different |= (unsigned char)text.at[kind_len + i] ^ (unsigned char)token[i];
	return different == 0;
}

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_str target = tux_req_target(req); /* as sent, so its escapes stay */
	char path[4096];
	int len;

	if (!is_token(tux_req_field(req, "Authorization"))) {
		tux_add_field(req, "WWW-Authenticate", "Bearer");
		return tux_reply(req, 401, "text/plain", "a token is needed\n", 18);
	}
	len = snprintf(path, sizeof(path), "%s%.*s", folder, (int)target.len, target.at);
	if (len >= (int)sizeof(path))
		return tux_reply(req, 414, NULL, NULL, 0);
	tux_add_field(req, "Cache-Control", "private");
	return tux_reply_file(req, path, (uint32_t)len);
}

TUX_MODULE(authorise, .handle = handle, .load = load);
