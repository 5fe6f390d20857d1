/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Challenges of certificate authorities (http-01: RFC 8555 8.3, tls-alpn-01: RFC 8737), and the count of failed renewals, in memory that the
 * process that renews certificates shares with the server processes. Only that process writes them.
 */
#ifndef TUX_ENGINE_CHALLENGES_H
#define TUX_ENGINE_CHALLENGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHALLENGE_PATH "/.well-known/acme-challenge/"

enum {
	CHALLENGES_MAX = 32,   /* at a time */
	CHALLENGE_TOKEN = 256, /* longest token or name, in bytes */
	CHALLENGE_TEXT = 2048, /* longest response; or certificate with its key */
};

enum challenge_kind {
	CHALLENGE_HTTP, /* http-01: its token is in the path of a request, its text is the response */
	CHALLENGE_TLS,  /* tls-alpn-01: its token is the name in a handshake, its text the certificate and the key of that, both in DER */
};

struct challenge {
	uint32_t sequence; /* odd during a write; atomic */
	uint8_t kind;      /* enum challenge_kind */
	uint16_t token_len, text_len; /* 0: unused */
	char token[CHALLENGE_TOKEN];
	char text[CHALLENGE_TEXT];
};

struct challenges {
	uint32_t open; /* number of used ones; atomic */
	uint64_t failures; /* attempts to get certificates that have failed, since the start of the supervisor; atomic */
	struct challenge challenge[CHALLENGES_MAX];
};

/* Maps the memory, which processes that start later share. Sets its descriptor. Returns NULL with errno. */
struct challenges *tux_challenges_new(int *fd);

/* Makes the challenges unchangeable for this process, also by mprotect(). Closes the descriptor of the memory. Returns false with errno. */
bool tux_challenges_confine(struct challenges *challenges, int fd);

/*
 * Adds a challenge of http-01. token has letters, digits, '-' and '_', and text begins with it and a dot. Returns false if it is malformed or
 * there are too many.
 */
bool tux_challenges_add(struct challenges *challenges, const char *token, const char *text);

/* Adds a challenge of tls-alpn-01 for a name in lower case. Returns false if it is too long or there are too many. */
bool tux_challenges_add_certificate(struct challenges *challenges, const char *name, const void *der, size_t len);

/* Removes a challenge, if it is there; all of both kinds with token NULL. */
void tux_challenges_remove(struct challenges *challenges, enum challenge_kind kind, const char *token);

/* Copies the response for a path. Returns its length; 0 if the path is not that of a challenge. Any thread. */
size_t challenges_find(const struct challenges *challenges, const uint8_t *path, uint32_t path_len, char text[CHALLENGE_TEXT]);

/* Like challenges_find(), but copies the certificate and the key for a name, in upper or lower case, in a handshake. */
size_t challenges_certificate(const struct challenges *challenges, const char *name, uint32_t name_len, char der[CHALLENGE_TEXT]);

#endif
