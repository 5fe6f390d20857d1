/* SPDX-License-Identifier: GPL-2.0-or-later */
/* OCSP responses that clients get with a certificate (RFC 6066 8): "stapled" ones. */
#ifndef TUX_ENGINE_TLS_STAPLE_H
#define TUX_ENGINE_TLS_STAPLE_H

#include "context.h"

/*
 * Staples an OCSP response in DER to the certificate that was added to the context last: one that says that the certificate is good, and has not
 * expired. If the issuer is in the file of the certificate, its signature is verified, too. An expired one is not sent. Returns false with a
 * sentence in error.
 */
bool tux_tls_context_staple(struct tls_context *context, const struct tls_pem *response, char *error, size_t error_size);

/* Frees the responses of a context. */
void tls_staples_free(struct tls_context *context);

#endif
