/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "hook.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "thumbprint.h"

/* Exit statuses that uacme knows. */
enum { HOOK_ACCEPTS, HOOK_DECLINES };

static bool is_method(const char *text)
{
	return strcmp(text, "begin") == 0 || strcmp(text, "done") == 0 || strcmp(text, "failed") == 0;
}

void tux_hook(int argc, char **argv)
{
	const char *const number = getenv(TUX_HOOK_VARIABLE);
	char message[TUX_HOOK_MESSAGE], answer = 'n';
	size_t len = 0;
	int fd;

	if (!number || argc != 1 + TUX_HOOK_TEXTS || !is_method(argv[1]))
		return;
	fd = (int)strtol(number, NULL, 10);
	for (int i = 1; i < argc; i++) {
		const size_t text_len = strlen(argv[i]) + 1;

		if (text_len > sizeof(message) - len)
			_exit(HOOK_DECLINES);
		memcpy(message + len, argv[i], text_len);
		len += text_len;
	}
	if (send(fd, message, len, MSG_NOSIGNAL) != (ssize_t)len || recv(fd, &answer, 1, 0) != 1 || answer != 'y')
		_exit(HOOK_DECLINES);
	_exit(HOOK_ACCEPTS);
}

/* Returns the name of the certificate that a challenge is for; NULL: it is for none of them. */
static const char *name_find(const struct tux_hook_rules *rules, const char *name)
{
	for (unsigned i = 0; i < rules->names.count; i++)
		if (strcasecmp(rules->names.name[i], name) == 0)
			return rules->names.name[i];
	return NULL;
}

/* Adds a challenge of tls-alpn-01, with a certificate that has the digest of the key authorization (RFC 8737 3). */
static bool certificate_add(const struct tux_hook_rules *rules, const char *text, const char *token, const char *digest_text)
{
	const char *const name = name_find(rules, text);
	uint8_t digest[TUX_CHALLENGE_DIGEST], der[CHALLENGE_TEXT];
	char own_text[TUX_THUMBPRINT + 1];
	size_t len;
	bool added;

	if (!name || !tux_authorization_digest(token, rules->thumbprint, digest, own_text) || strcmp(digest_text, own_text) != 0 ||
	    !tux_challenge_make(name, digest, der, sizeof(der), &len))
		return false;
	added = tux_challenges_add_certificate(rules->challenges, name, der, len);
	explicit_bzero(der, sizeof(der));
	return added;
}

/* Adds a challenge of http-01, whose response is the key authorization (RFC 8555 8.3). */
static bool authorization_add(const struct tux_hook_rules *rules, const char *token, const char *authorization)
{
	const size_t len = strlen(token);

	return strncmp(authorization, token, len) == 0 && authorization[len] == '.' && strcmp(authorization + len + 1, rules->thumbprint) == 0 &&
	       tux_challenges_add(rules->challenges, token, authorization);
}

bool tux_hook_apply(const struct tux_hook_rules *rules, const char *message, size_t len)
{
	const char *text[TUX_HOOK_TEXTS];
	unsigned count = 0;
	size_t at = 0;

	while (count < TUX_HOOK_TEXTS && at < len && memchr(message + at, '\0', len - at)) {
		text[count++] = message + at;
		at += strlen(message + at) + 1;
	}
	if (count != TUX_HOOK_TEXTS || at != len || !is_method(text[0]) || strcmp(text[1], rules->by_tls ? "tls-alpn-01" : "http-01") != 0)
		return false;
	if (strcmp(text[0], "begin") == 0)
		return rules->by_tls ? certificate_add(rules, text[2], text[3], text[4]) : authorization_add(rules, text[3], text[4]);
	tux_challenges_remove(rules->challenges, rules->by_tls ? CHALLENGE_TLS : CHALLENGE_HTTP, text[rules->by_tls ? 2 : 3]);
	return true;
}
