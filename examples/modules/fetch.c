/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetches a text from an upstream, and responds with a page around it.
 *
 *     upstream app { server "127.0.0.1:9000" }
 *     module fetch { file "/usr/lib/tux/fetch.so"; config { upstream = "app"; target = "/text" } }
 *     route "/page" { module fetch }
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <tux/module.h>

static enum tux_result handle(struct tux_req *req)
{
	const struct tux_fetch_request ask = {
		.size = sizeof(ask),
		.upstream = tux_conf("upstream"),
		.target = tux_conf("target"),
		.fields = "Accept: text/plain\r\n",
		.max_answer = 64 * 1024,
	};

	if (tux_req_method(req) != TUX_M_GET && tux_req_method(req) != TUX_M_HEAD)
		return TUX_DECLINE;
	return (enum tux_result)tux_fetch(req, &ask);
}

/* Writes a text as HTML. */
static void put(FILE *out, struct tux_str text)
{
	for (uint32_t i = 0; i < text.len; i++)
		if (text.at[i] == '<' || text.at[i] == '&')
			fprintf(out, "&#%d;", text.at[i]);
		else
			fputc(text.at[i], out);
}

static enum tux_result resumed(struct tux_req *req)
{
	struct tux_str text;
	uint32_t status;
	const int error = tux_fetched(req, &status, &text);
	char *page = NULL;
	size_t len;
	FILE *out;

	if (error == -ETIMEDOUT)
		return (enum tux_result)tux_reply(req, 504, "text/plain", "too late\n", 9);
	if (error != 0 || status != 200)
		return (enum tux_result)tux_reply(req, 502, "text/plain", "no text\n", 8);
	out = open_memstream(&page, &len);
	if (out == NULL)
		return TUX_FAIL;
	fputs("<!doctype html><title>Text</title><pre>", out);
	put(out, text);
	fputs("</pre>\n", out);
	if (fclose(out) != 0)
		return TUX_FAIL;
	if (tux_reply_memory(req, 200, "text/html; charset=utf-8", page, len, free, page) == 0)
		return TUX_DONE;
	free(page);
	return TUX_FAIL;
}

TUX_MODULE(fetch, .handle = handle, .resumed = resumed);
