/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts of a client's connection over TLS as texts, for modules. */
#ifndef TUX_ENGINE_TLS_TEXTS_H
#define TUX_ENGINE_TLS_TEXTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../io/buffer.h"
#include "identity.h"

/* Facts, in the order of enum tux_tls_fact of modules. */
enum tls_text {
	TLS_TEXT_VERSION,
	TLS_TEXT_CIPHER,
	TLS_TEXT_NAME,
	TLS_TEXT_RESUMED,
	TLS_TEXT_VERIFY,
	TLS_TEXT_SUBJECT,
	TLS_TEXT_ISSUER,
	TLS_TEXT_SERIAL,
	TLS_TEXT_FINGERPRINT,
	TLS_TEXTS,
};

enum { TLS_TEXTS_MAX = 4096 }; /* bytes of all */

/*
 * Writes the facts of an established connection, each ending in NUL; a missing one is empty. demands: clients are asked for certificates;
 * identity: of the client, or NULL. Returns false if out of memory.
 */
bool tls_texts_write(struct ssl_st *ssl, bool demands, const struct tls_identity *identity, struct buffer *to);

/* Returns one of the facts in len bytes of tls_texts_write(), which another process may have changed; NULL: the fact is empty or missing. */
const char *tls_texts_find(const uint8_t *texts, uint32_t len, unsigned text, uint32_t *text_len);

#endif
