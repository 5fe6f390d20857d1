/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sends one of two files, by a cookie: an A/B test. It builds for the program and for the kernel, too: all three respond alike.
 *
 *     module variant { bpf "/usr/lib/tux/variant.bpf.o"; file "/usr/lib/tux/variant.so"; config { a = "/start.a.html"; b = "/start.b.html" } }
 *     route "=/start" { module variant }
 *     route "=/start.a.html" { hidden on }
 *     route "=/start.b.html" { hidden on }
 *
 * A client with the cookie variant=b gets file b, and every other one file a: also one whose field Cookie is longer than 255 bytes.
 */
#include <tux/module.h>

enum { COOKIE_BYTES = 256, PATH_BYTES = 64, WORD_BYTES = 9 };

static const char word[WORD_BYTES + 1] = "variant=b";

/*
 * True if the cookies, followed by zeros, have the word. RFC 6265 4.2.1: "NAME=VALUE; NAME=VALUE". The verifier follows each branch for each octet, so few
 * of them make a handler load fast.
 */
static int has_word(const char cookies[COOKIE_BYTES])
{
	for (unsigned i = 0; i < COOKIE_BYTES - WORD_BYTES && cookies[i]; i++) {
		const int before = i > 0 ? cookies[i - 1] : ';', after = cookies[i + WORD_BYTES];
		int different = (before ^ ';') * (before ^ ' ') | after * (after ^ ';');

		if (cookies[i] != word[0])
			continue;
		for (unsigned k = 1; k < WORD_BYTES; k++)
			different |= cookies[i + k] ^ word[k];
		if (different == 0)
			return 1;
	}
	return 0;
}

static enum tux_result handle(struct tux_req *req)
{
	char cookies[COOKIE_BYTES], path[PATH_BYTES];
	int len = tux_copy_field(req, "Cookie", cookies, sizeof(cookies));

	if (len > 0 && len < COOKIE_BYTES && has_word(cookies))
		len = tux_copy_conf(req, "b", path, sizeof(path));
	else
		len = tux_copy_conf(req, "a", path, sizeof(path));
	if (len <= 0 || len > PATH_BYTES)
		return TUX_FAIL;
	tux_add_field(req, "Vary", "Cookie");
	return tux_reply_file(req, path, (uint32_t)len) == 0 ? TUX_DONE : TUX_FAIL; /* TUX sends it by reference */
}

TUX_MODULE(variant, .handle = handle);
