/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Key authorizations of ACME: only the holder of an account can make those of its key (RFC 8555 8.1). */
#ifndef TUX_PROGRAM_CERTIFICATES_THUMBPRINT_H
#define TUX_PROGRAM_CERTIFICATES_THUMBPRINT_H

#include <stdint.h>

#include "x509.h"

enum { TUX_THUMBPRINT = 43 }; /* characters of a digest (SHA-256) in base64url without padding */

/* Writes the thumbprint (RFC 7638) of an RSA key, or of one of P-256, P-384 or P-521. Returns false for another one, or if the library fails. */
bool tux_thumbprint(const struct tux_pem *key, char out[TUX_THUMBPRINT + 1]);

/*
 * Writes the digest of a key authorization, token.thumbprint, as bytes and in base64url. Returns false if the token is too long, or the library
 * fails.
 */
bool tux_authorization_digest(const char *token, const char *thumbprint, uint8_t digest[TUX_CHALLENGE_DIGEST], char text[TUX_THUMBPRINT + 1]);

#endif
