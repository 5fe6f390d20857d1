/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lets TUX send static files to clients that have a token. It builds for the program and for the kernel, too: all three respond alike.
 *
 *     module token { bpf "/usr/lib/tux/token.bpf.o"; file "/usr/lib/tux/token.so"; config { token = "s3cret" } }
 *     route "/private/" { module token }
 *
 * A request needs the field "Authorization: Bearer s3cret".
 */
#include <tux/module.h>

enum { TOKEN_BYTES = 64, KIND_BYTES = 7 };

static const char kind[KIND_BYTES + 1] = "Bearer ";

/* Compares in a time that does not depend on the octets. Both texts are followed by zeros. */
static int is_token(const char sent[KIND_BYTES + TOKEN_BYTES], const char token[TOKEN_BYTES])
{
	unsigned different = 0;

	for (unsigned i = 0; i < KIND_BYTES; i++)
		different |= (unsigned char)(sent[i] ^ kind[i]);
	for (unsigned i = 0; i < TOKEN_BYTES; i++)
		different |= (unsigned char)(sent[KIND_BYTES + i] ^ token[i]);
	return different == 0;
}

static enum tux_result handle(struct tux_req *req)
{
	char sent[KIND_BYTES + TOKEN_BYTES], token[TOKEN_BYTES];

	if (tux_copy_conf(req, "token", token, sizeof(token)) <= 0)
		return TUX_FAIL;
	if (tux_copy_field(req, "Authorization", sent, sizeof(sent)) > 0 && is_token(sent, token))
		return TUX_DECLINE; /* TUX sends the file, by reference */
	tux_add_field(req, "WWW-Authenticate", "Bearer");
	return tux_reply(req, 401, "text/plain", "a token is needed\n", 18) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(token, .handle = handle);
