/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and certificates that TUX makes: its own authority, certificates that this signs, and requests to other authorities. */
#ifndef TUX_PROGRAM_CERTIFICATES_X509_H
#define TUX_PROGRAM_CERTIFICATES_X509_H

#include <stdint.h>

#include "store.h"

enum {
	TUX_LEAF_DAYS = 30,          /* lifetime of a certificate that TUX signs */
	TUX_AUTHORITY_DAYS = 3650,   /* of its authority */
	TUX_AUTHORITY_LEAST_DAYS = 60, /* with less left a new authority is made */
	TUX_CHALLENGE_DIGEST = 32,   /* bytes of the digest (SHA-256) of a challenge */
};

/* Names of a certificate, as those of a host: addresses of IPv6 are in brackets. */
struct tux_names {
	const char *const *name;
	unsigned count;
};

/* The facts of a certificate in a file. */
struct tux_certificate_facts {
	int64_t begin, end; /* seconds since 1970 */
	bool has_key;       /* its key is in the file, too */
	bool has_names;     /* it is for all names that were looked for */
	bool signed_by;     /* the authority that was looked for has signed it */
};

/* Zero-initialize each text before a function makes it, and free it with tux_pem_free() also after a failure. */

/* Makes the key and the certificate of an authority, which may sign for internal names. Returns false with a sentence in error. */
bool tux_authority_make(struct tux_pem *out, char *error, size_t error_size);

/*
 * Makes a key and a certificate. authority has the key and the certificate of the one that signs; with NULL the certificate signs itself,
 * and no client trusts it. Returns false with a sentence in error.
 */
bool tux_leaf_make(const struct tux_pem *authority, const struct tux_names *names, struct tux_pem *out, char *error, size_t error_size);

/* Makes a key, and a request (PKCS#10) with it for a certificate. Returns false with a sentence in error. */
bool tux_request_make(const struct tux_names *names, struct tux_pem *key, struct tux_pem *request, char *error, size_t error_size);

/*
 * Makes a key and a certificate with which a name responds to a challenge (tls-alpn-01, RFC 8737 3). It signs itself. Writes the certificate,
 * followed by its key, in DER. Returns false if the library fails, or there is no room.
 */
bool tux_challenge_make(const char *name, const uint8_t digest[TUX_CHALLENGE_DIGEST], uint8_t *out, size_t out_size, size_t *len);

/* Makes a key (ECDSA, P-256). Returns false with a sentence in error. */
bool tux_key_make(struct tux_pem *key, char *error, size_t error_size);

/* Reads the facts of the first certificate in a text; authority may be NULL. Returns false if there is no valid one. */
bool tux_certificate_examine(const struct tux_pem *pem, const struct tux_names *names, const struct tux_pem *authority, struct tux_certificate_facts *facts);

/* True if a server can use the certificate, its issuers and its key, all of one text. If not, a sentence is in error. */
bool tux_certificate_is_usable(const struct tux_pem *pem, char *error, size_t error_size);

/* Copies the first certificate of a text, without a key. Returns false if there is no valid one, or out of memory. */
bool tux_certificate_copy(const struct tux_pem *pem, struct tux_pem *out);

/* Writes the fingerprint (SHA-256) of the first certificate: "AB:CD:...". Returns false if there is no valid one. */
bool tux_certificate_fingerprint(const struct tux_pem *pem, char out[96]);

/* True if less than a third of the lifetime is left, or if it has not begun. */
bool tux_certificate_is_due(const struct tux_certificate_facts *facts, int64_t now);

#endif
