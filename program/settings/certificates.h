/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of certificates and keys, as they are configured for a host or for all hosts. */
#ifndef TUX_PROGRAM_SETTINGS_CERTIFICATES_H
#define TUX_PROGRAM_SETTINGS_CERTIFICATES_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TUX_MAX_CERTIFICATES = 8, /* per host, each with another kind of key */
	TUX_MAX_DIRECTORY = 1000, /* bytes of a URL */
	TUX_MAX_EMAIL = 254,      /* bytes of an address */
};

/* Values of the options challenge and acme-challenge, in their order. */
enum tux_challenge {
	TUX_CHALLENGE_AUTO, /* of a host: as for all; of all: as the addresses permit */
	TUX_CHALLENGE_HTTP,
	TUX_CHALLENGE_TLS,
};

/* A certificate and its key. The texts are the caller's. */
struct tux_certificate_files {
	const char *certificate; /* NULL: automatic, and not chosen yet */
	const char *key; /* NULL: in the file of the certificate */
	const char *password; /* file with the passphrase of the key; NULL: none */
	const char *staple; /* file with an OCSP response for the certificate; NULL: none */
	bool automatic;  /* TUX gets the certificate itself; the host has no other ones */
	bool temporary;  /* the chosen certificate signs itself, until an authority has signed another one */
	const char *email, *directory, *binding; /* of automatic ones, see struct tux_acme; NULL: those of all hosts */
	uint8_t challenge; /* like them; enum tux_challenge */
	unsigned line;   /* in the configuration file; 0: the command line */
};

/* The certificate authority for public names (ACME, RFC 8555). A text of NULL is the default. */
struct tux_acme {
	const char *email;       /* contact of the account; NULL: no contact */
	const char *directory;   /* URL of the directory, or "production" or "staging": those of Let's Encrypt */
	const char *binding;     /* file with the credentials that bind the account to one of a customer (RFC 8555 7.3.4); NULL: no binding */
	uint8_t challenge;       /* enum tux_challenge */
};

/* Zero-initialize before use. */
struct tux_certificates {
	struct tux_certificate_files *files; /* malloc'ed */
	unsigned count;
};

/* Values of the option verify of clients, in its order. */
enum tux_client_verify {
	TUX_CLIENT_REQUIRED,
	TUX_CLIENT_OPTIONAL,
	TUX_CLIENT_OFF, /* although the top wants certificates */
};

/* The certificates that a host wants of its clients. Zero-initialize before use. */
struct tux_client_demand {
	const char *ca; /* file of authorities; NULL: none are wanted */
	uint8_t verify; /* enum tux_client_verify */
	unsigned line;  /* in the configuration file; 0: not set, so that the top's are wanted */
};

/* Adds a certificate. Returns false if there are too many, or if out of memory. */
bool tux_certificates_add(struct tux_certificates *certificates, struct tux_certificate_files files);

/* Sets the key of the last certificate. Returns false if there is no certificate, or if it has a key already. */
bool tux_certificates_key(struct tux_certificates *certificates, const char *key);

void tux_certificates_free(struct tux_certificates *certificates);

#endif
