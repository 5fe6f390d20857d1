/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "challenges.h"

#include <string.h>
#include <strings.h>

#include "io/sealed_memory.h"

struct challenges *tux_challenges_new(int *fd)
{
	return sealed_memory_new("tux challenges", sizeof(struct challenges), fd);
}

bool tux_challenges_confine(struct challenges *challenges, int fd)
{
	return sealed_memory_confine(challenges, sizeof(*challenges), fd);
}

/* True for base64url without padding (RFC 4648 5). */
static bool is_base64url(const char *text, size_t len)
{
	static const char inside[] = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return len > 0 && strspn(text, inside) >= len;
}

/* Replaces a challenge; a token of no bytes removes it. */
static void write_one(struct challenge *one, enum challenge_kind kind, const char *token, size_t token_len, const void *text, size_t text_len)
{
	const uint32_t sequence = one->sequence | 1; /* it is odd before if a process was killed while it wrote */

	__atomic_store_n(&one->sequence, sequence, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	one->kind = (uint8_t)kind;
	one->token_len = (uint16_t)token_len;
	one->text_len = (uint16_t)text_len;
	memcpy(one->token, token, token_len);
	memcpy(one->text, text, text_len);
	__atomic_store_n(&one->sequence, sequence + 1, __ATOMIC_RELEASE);
}

/* Adds a challenge whose lengths fit, in place of one with the same token. Returns false if there are too many. */
static bool add(struct challenges *challenges, enum challenge_kind kind, const char *token, const void *text, size_t text_len)
{
	unsigned i = 0;

	tux_challenges_remove(challenges, kind, token);
	while (i < CHALLENGES_MAX && challenges->challenge[i].token_len > 0)
		i++;
	if (i == CHALLENGES_MAX)
		return false;
	write_one(&challenges->challenge[i], kind, token, strlen(token), text, text_len);
	__atomic_add_fetch(&challenges->open, 1, __ATOMIC_RELEASE);
	return true;
}

bool tux_challenges_add(struct challenges *challenges, const char *token, const char *text)
{
	const size_t token_len = strlen(token), text_len = strlen(text);

	if (token_len > CHALLENGE_TOKEN || text_len > CHALLENGE_TEXT || !is_base64url(token, token_len) || text_len < token_len + 2 ||
	    memcmp(text, token, token_len) != 0 || text[token_len] != '.' || !is_base64url(text + token_len + 1, text_len - token_len - 1))
		return false;
	return add(challenges, CHALLENGE_HTTP, token, text, text_len);
}

bool tux_challenges_add_certificate(struct challenges *challenges, const char *name, const void *der, size_t len)
{
	const size_t name_len = strlen(name);

	return name_len > 0 && name_len <= CHALLENGE_TOKEN && len > 0 && len <= CHALLENGE_TEXT && add(challenges, CHALLENGE_TLS, name, der, len);
}

/* Trusts no length in the memory, which may change meanwhile. */
static bool has_token(const struct challenge *one, enum challenge_kind kind, const char *token, size_t len)
{
	return one->kind == kind && len <= CHALLENGE_TOKEN && len == one->token_len &&
	       (kind == CHALLENGE_TLS ? strncasecmp(token, one->token, len) == 0 : memcmp(token, one->token, len) == 0);
}

void tux_challenges_remove(struct challenges *challenges, enum challenge_kind kind, const char *token)
{
	const size_t token_len = token != NULL ? strlen(token) : 0;

	for (unsigned i = 0; i < CHALLENGES_MAX; i++) {
		struct challenge *const one = &challenges->challenge[i];

		if (one->token_len == 0 || (token != NULL && !has_token(one, kind, token, token_len)))
			continue;
		write_one(one, kind, "", 0, "", 0);
		__atomic_sub_fetch(&challenges->open, 1, __ATOMIC_RELEASE);
	}
	if (token == NULL) /* a process that was killed may not have counted its last one */
		__atomic_store_n(&challenges->open, 0, __ATOMIC_RELEASE);
}

/* Copies a challenge as it was at one time. False if it is being written: its client may ask again. */
static bool copy_one(const struct challenge *one, struct challenge *copy)
{
	const uint32_t before = __atomic_load_n(&one->sequence, __ATOMIC_ACQUIRE);

	memcpy(copy, one, sizeof(*copy));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return before % 2 == 0 && __atomic_load_n(&one->sequence, __ATOMIC_RELAXED) == before && copy->token_len <= CHALLENGE_TOKEN &&
	       copy->text_len <= CHALLENGE_TEXT;
}

/* Copies the text of a challenge. Returns its length; 0: no challenge has the token. */
static size_t find(const struct challenges *challenges, enum challenge_kind kind, const char *token, size_t len, char text[CHALLENGE_TEXT])
{
	struct challenge copy;
	size_t copied = 0;

	for (unsigned i = 0; len > 0 && copied == 0 && i < CHALLENGES_MAX; i++) {
		if (!has_token(&challenges->challenge[i], kind, token, len) || !copy_one(&challenges->challenge[i], &copy) ||
		    !has_token(&copy, kind, token, len))
			continue;
		memcpy(text, copy.text, copy.text_len);
		copied = copy.text_len;
	}
	explicit_bzero(&copy, sizeof(copy)); /* it may have the key of a certificate */
	return copied;
}

static bool are_open(const struct challenges *challenges)
{
	return __atomic_load_n(&challenges->open, __ATOMIC_ACQUIRE) > 0;
}

size_t challenges_find(const struct challenges *challenges, const uint8_t *path, uint32_t path_len, char text[CHALLENGE_TEXT])
{
	const uint32_t front = sizeof(CHALLENGE_PATH) - 1;

	if (!are_open(challenges) || path_len <= front || memcmp(path, CHALLENGE_PATH, front) != 0)
		return 0;
	return find(challenges, CHALLENGE_HTTP, (const char *)path + front, path_len - front, text);
}

size_t challenges_certificate(const struct challenges *challenges, const char *name, uint32_t name_len, char der[CHALLENGE_TEXT])
{
	return are_open(challenges) ? find(challenges, CHALLENGE_TLS, name, name_len, der) : 0;
}
