/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys that another process holds, as keys of OpenSSL: a provider of TUX has their public part and number, and lets that process sign. It
 * is in a library context of its own, so all other keys and calls have the providers that they had before. It has no function that gives
 * out a private part, because it knows none.
 */
#ifndef TUX_ENGINE_TLS_REMOTE_KEY_H
#define TUX_ENGINE_TLS_REMOTE_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct evp_pkey_st;

/*
 * True if the other process can hold a key: RSA, RSASSA-PSS, EC, Ed25519 or Ed448 of OpenSSL's own providers. Others have keys in devices, which
 * the sandbox does not reach.
 */
bool tls_remote_key_is_possible(const struct evp_pkey_st *key);

/* Returns a key with the public part of another one; NULL after an error of OpenSSL. Call it before threads. Free it like any key. */
struct evp_pkey_st *tls_remote_key_new(const struct evp_pkey_st *public, uint32_t number);

#endif
