/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "challenges.h"

#include <string.h>
#include <sys/mman.h>

struct challenges *tux_challenges_new(void)
{
	void *const memory = mmap(NULL, sizeof(struct challenges), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED ? memory : NULL;
}

bool tux_challenges_confine(struct challenges *challenges)
{
	return mprotect(challenges, sizeof(*challenges), PROT_READ) == 0;
}

/* True for base64url without padding (RFC 4648 5). */
static bool is_base64url(const char *text, size_t len)
{
	static const char inside[] = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return len > 0 && strspn(text, inside) >= len;
}

/* Replaces a challenge; a token of no bytes removes it. */
static void write_one(struct challenge *one, const char *token, size_t token_len, const char *text, size_t text_len)
{
	const uint32_t sequence = one->sequence | 1; /* it is odd before if a process was killed while it wrote */

	__atomic_store_n(&one->sequence, sequence, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	one->token_len = (uint16_t)token_len;
	one->text_len = (uint16_t)text_len;
	memcpy(one->token, token, token_len);
	memcpy(one->text, text, text_len);
	__atomic_store_n(&one->sequence, sequence + 1, __ATOMIC_RELEASE);
}

bool tux_challenges_add(struct challenges *challenges, const char *token, const char *text)
{
	const size_t token_len = strlen(token), text_len = strlen(text);
	unsigned i = 0;

	if (token_len > CHALLENGE_TOKEN || text_len > CHALLENGE_TEXT || !is_base64url(token, token_len) || text_len < token_len + 2 ||
	    memcmp(text, token, token_len) != 0 || text[token_len] != '.' || !is_base64url(text + token_len + 1, text_len - token_len - 1))
		return false;
	tux_challenges_remove(challenges, token);
	while (i < CHALLENGES_MAX && challenges->challenge[i].token_len > 0)
		i++;
	if (i == CHALLENGES_MAX)
		return false;
	write_one(&challenges->challenge[i], token, token_len, text, text_len);
	__atomic_add_fetch(&challenges->open, 1, __ATOMIC_RELEASE);
	return true;
}

/* Trusts no length in the memory, which may change meanwhile. */
static bool has_token(const struct challenge *one, const char *token, size_t len)
{
	return len <= CHALLENGE_TOKEN && len == one->token_len && memcmp(token, one->token, len) == 0;
}

void tux_challenges_remove(struct challenges *challenges, const char *token)
{
	const size_t token_len = token != NULL ? strlen(token) : 0;

	for (unsigned i = 0; i < CHALLENGES_MAX; i++) {
		struct challenge *const one = &challenges->challenge[i];

		if (one->token_len == 0 || (token != NULL && !has_token(one, token, token_len)))
			continue;
		write_one(one, "", 0, "", 0);
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

size_t challenges_find(const struct challenges *challenges, const uint8_t *path, uint32_t path_len, char text[CHALLENGE_TEXT])
{
	const uint32_t front = sizeof(CHALLENGE_PATH) - 1;
	struct challenge copy;

	if (__atomic_load_n(&challenges->open, __ATOMIC_ACQUIRE) == 0 || path_len <= front || memcmp(path, CHALLENGE_PATH, front) != 0)
		return 0;
	for (unsigned i = 0; i < CHALLENGES_MAX; i++) {
		if (!copy_one(&challenges->challenge[i], &copy) || copy.token_len != path_len - front || memcmp(copy.token, path + front, copy.token_len) != 0)
			continue;
		memcpy(text, copy.text, copy.text_len);
		return copy.text_len;
	}
	return 0;
}
