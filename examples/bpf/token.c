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

enum { TOKEN_BYTES = 65, WORDS = 9 };

static const char kind[] = { 'B', 'e', 'a', 'r', 'e', 'r', ' ' };

/* A kind and a token, followed by zeros: words, because octets would take eight times the instructions. */
union credentials {
	char text[sizeof(kind) + TOKEN_BYTES];
	uint64_t word[WORDS];
};

/* Compares in a time that does not depend on the octets. */
static int is_same(const union credentials *one, const union credentials *other)
{
	uint64_t different = 0;

	for (unsigned i = 0; i < WORDS; i++)
		different |= one->word[i] ^ other->word[i];
	return different == 0;
}

static enum tux_result handle(struct tux_req *req)
{
	union credentials sent, wanted;

	if (tux_copy_conf(req, "token", wanted.text + sizeof(kind), TOKEN_BYTES) <= 0)
		return TUX_FAIL;
	__builtin_memcpy(wanted.text, kind, sizeof(kind));
	if (tux_copy_field(req, "Authorization", sent.text, sizeof(sent.text)) > 0 && is_same(&sent, &wanted))
		return TUX_DECLINE; /* TUX sends the file, by reference */
	tux_add_field(req, "WWW-Authenticate", "Bearer");
	return tux_reply(req, 401, "text/plain", "a token is needed\n", 18) == 0 ? TUX_DONE : TUX_FAIL;
}

TUX_MODULE(token, .handle = handle);
