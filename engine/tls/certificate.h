/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates and keys in PEM or PKCS#12: parsed with sentences for people, and judged for `tux check`. */
#ifndef TUX_ENGINE_TLS_CERTIFICATE_H
#define TUX_ENGINE_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evp_pkey_st;
struct stack_st_X509;
struct x509_st;

/* The bytes of a file in PEM, or in PKCS#12. */
struct tls_pem {
	const char *name; /* of the file, for messages */
	const void *text;
	size_t len;       /* bytes */
	const char *password; /* passphrase of keys in it; NULL: no passphrase */
};

/* A certificate and its key. Zero-initialize before use. */
struct tls_certificate {
	struct x509_st *leaf;
	struct stack_st_X509 *chain; /* the certificates after it in its file; NULL: none */
	struct evp_pkey_st *key;
};

/* The faults of a certificate that is not usable for every client. */
enum tls_fault {
	TLS_FAULT_NONE,
	TLS_FAULT_NOT_YET,    /* its time has not begun */
	TLS_FAULT_EXPIRED,
	TLS_FAULT_INCOMPLETE, /* an issuer is neither in the file nor among the system's authorities */
};

/* Parses a certificate and its key, which may be in the same file, and in PKCS#12 are. Returns false with a sentence in error; free it also then. */
bool tls_certificate_read(struct tls_certificate *certificate, const struct tls_pem *pem, const struct tls_pem *key, char *error,
                          size_t error_size);

/*
 * Lets OpenSSL compute now what it keeps of an RSA key for all signatures, such as tables of its primes: they are then in the memory that has the
 * key, which may be locked. A first signature does that, too.
 */
void tls_key_complete(struct evp_pkey_st *key);

/*
 * Like tls_certificate_read(), but for a certificate whose key another process holds, with that number: see remote_key.h. Its file has been
 * read before, by that process.
 */
bool tls_certificate_read_remote(struct tls_certificate *certificate, const struct tls_pem *pem, uint32_t number, char *error, size_t error_size);

void tls_certificate_free(struct tls_certificate *certificate);

/*
 * Returns the first fault of a certificate that does not depend on the names of a host, with a sentence about it in text. A malformed one has no
 * fault here, because tls_certificate_read() reports it.
 */
enum tls_fault tux_tls_certificate_judge(const struct tls_pem *pem, char *text, size_t text_size);

/*
 * Like tux_tls_certificate_judge(), for the time of validity alone: it reads no file, so the start of a server can afford it. *end is the time at which
 * the certificate expires, seconds since 1970; 0 if the text has no valid certificate.
 */
enum tls_fault tux_tls_certificate_validity(const struct tls_pem *pem, int64_t *end, char *text, size_t text_size);

/* True if a certificate has expired. */
bool tls_certificate_has_expired(const struct x509_st *certificate);

/* True if a certificate is for a name or an address of a host. A name such as "*.example.org" needs a certificate for all names that end so. */
bool tux_tls_certificate_is_for(const struct tls_pem *pem, const char *name);

/* Refuses to give OpenSSL a passphrase (pem_password_cb). Otherwise OpenSSL would ask at the terminal, even for a certificate. */
int tux_tls_refuse_passphrase(char *buf, int size, int writing, void *owner);

/* Writes the reason of the calling thread's last failure in OpenSSL to out, and clears the thread's queue of errors. */
void tls_reason(char *out, size_t out_size);

#endif
