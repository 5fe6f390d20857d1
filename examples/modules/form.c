/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A form: GET shows it, POST greets the name that was entered. */
#include <stdio.h>
#include <string.h>

#include <tux/module.h>

static const char page[] =
	"<!doctype html><title>Form</title>\n"
	"<form method=\"post\"><label>Name <input name=\"name\"></label> <button>Greet</button></form>\n";

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes the next octet of a form (application/x-www-form-urlencoded). */
static char decode(const char *text, uint32_t len, uint32_t *at)
{
	const char c = text[(*at)++];

	if (c == '%' && len - *at >= 2 && digit(text[*at]) >= 0 && digit(text[*at + 1]) >= 0) {
		*at += 2;
		return (char)(digit(text[*at - 2]) * 16 + digit(text[*at - 1]));
	}
	return c == '+' ? ' ' : c;
}

/* Writes the value of a field as HTML: what the client has sent must not become markup. Returns false if it is missing or too long. */
static bool value_put(FILE *out, struct tux_str form, const char *name)
{
	const uint32_t name_len = (uint32_t)strlen(name);

	for (uint32_t at = 0; at < form.len;) {
		const char *end = memchr(form.at + at, '&', form.len - at);
		const uint32_t stop = end != NULL ? (uint32_t)(end - form.at) : form.len;

		if (stop - at > name_len && memcmp(form.at + at, name, name_len) == 0 && form.at[at + name_len] == '=') {
			for (at += name_len + 1; at < stop;) {
				const char c = decode(form.at, stop, &at);

				if (strchr("<>&\"'", c) != NULL)
					fprintf(out, "&#%d;", c);
				else
					fputc(c, out);
			}
			return true;
		}
		at = stop + 1;
	}
	return false;
}

static enum tux_result handle(struct tux_req *req)
{
	char text[4096];
	FILE *out;
	long len;

	if (tux_req_method(req) == TUX_M_GET || tux_req_method(req) == TUX_M_HEAD)
		return tux_reply(req, 200, "text/html", page, sizeof(page) - 1);
	if (tux_req_method(req) != TUX_M_POST) {
		tux_add_field(req, "Allow", "GET, HEAD, POST");
		return tux_reply(req, 405, NULL, NULL, 0);
	}
	out = fmemopen(text, sizeof(text), "w");
	if (out == NULL)
		return TUX_FAIL;
	fputs("<!doctype html><title>Form</title><p>Hello, ", out);
	if (!value_put(out, tux_req_body(req), "name"))
		fputs("stranger", out);
	len = fputs(".</p>\n", out) < 0 ? -1 : ftell(out);
	return fclose(out) == 0 && len > 0 ? tux_reply(req, 200, "text/html; charset=utf-8", text, (uint32_t)len) : tux_reply(req, 413, NULL, NULL, 0);
}

TUX_MODULE(form, .handle = handle);
