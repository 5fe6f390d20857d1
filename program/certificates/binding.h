/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Credentials that bind an account to one of a customer (external account binding, RFC 8555 7.3.4). */
#ifndef TUX_PROGRAM_CERTIFICATES_BINDING_H
#define TUX_PROGRAM_CERTIFICATES_BINDING_H

#include <stdbool.h>
#include <stddef.h>

enum { TUX_MAX_BINDING = 2048 }; /* bytes of KEYID:KEY */

/* Reads KEYID:KEY from a file; root follows no link that another user can change. Returns false with a sentence in error. */
bool tux_binding_read(const char *path, char binding[TUX_MAX_BINDING + 1], char *error, size_t error_size);

/* True for KEYID:KEY: visible ASCII without a colon, and base64url. Pure. */
bool tux_binding_good(const char *text);

#endif
