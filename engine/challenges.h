/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Challenges of certificate authorities (RFC 8555 8.3, http-01), and the count of failed renewals, in memory that the process that renews
 * certificates shares with the server processes. Only that process writes them.
 */
#ifndef TUX_ENGINE_CHALLENGES_H
#define TUX_ENGINE_CHALLENGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHALLENGE_PATH "/.well-known/acme-challenge/"

enum {
	CHALLENGES_MAX = 32,   /* at a time */
	CHALLENGE_TOKEN = 128, /* longest token, in bytes */
	CHALLENGE_TEXT = 256,  /* longest response */
};

struct challenge {
	uint32_t sequence; /* odd during a write; atomic */
	uint16_t token_len, text_len; /* 0: unused */
	char token[CHALLENGE_TOKEN];
	char text[CHALLENGE_TEXT];
};

struct challenges {
	uint32_t open; /* number of used ones; atomic */
	uint64_t failures; /* attempts to get certificates that have failed, since the start of the supervisor; atomic */
	struct challenge challenge[CHALLENGES_MAX];
};

/* Maps the memory, which processes that start later share. Returns NULL with errno. */
struct challenges *tux_challenges_new(void);

/* Makes the challenges unchangeable for this process. Returns false with errno. */
bool tux_challenges_confine(struct challenges *challenges);

/*
 * Adds a challenge. token has letters, digits, '-' and '_', and text begins with it and a dot. Returns false if it is malformed or there are too
 * many.
 */
bool tux_challenges_add(struct challenges *challenges, const char *token, const char *text);

/* Removes a challenge, if it is there; all with token NULL. */
void tux_challenges_remove(struct challenges *challenges, const char *token);

/* Copies the response for a path. Returns its length; 0 if the path is not that of a challenge. Any thread. */
size_t challenges_find(const struct challenges *challenges, const uint8_t *path, uint32_t path_len, char text[CHALLENGE_TEXT]);

#endif
