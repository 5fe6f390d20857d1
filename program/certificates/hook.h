/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hook of uacme(1): this program, started by uacme, passes a challenge to the process that started uacme. */
#ifndef TUX_PROGRAM_CERTIFICATES_HOOK_H
#define TUX_PROGRAM_CERTIFICATES_HOOK_H

#include "../../engine/challenges.h"
#include "x509.h"

#define TUX_HOOK_VARIABLE "TUX_ACME_HOOK" /* of the environment: the number of the socket */

enum {
	TUX_HOOK_MESSAGE = 1024, /* longest message, in bytes */
	TUX_HOOK_TEXTS = 5,      /* of a message, each ended by NUL: method, type, name, token, key authorization */
};

/* Runs the hook and exits, if uacme has started this process; else returns. */
void tux_hook(int argc, char **argv);

/* The challenges that TUX takes for a certificate. */
struct tux_hook_rules {
	struct challenges *challenges;
	bool by_tls;            /* tls-alpn-01 in place of http-01 */
	struct tux_names names; /* of the certificate: tls-alpn-01 is for no other one */
	const char *thumbprint; /* of the key of the account: key authorizations have no other one */
};

/* Applies a message of the hook, which may contain anything and come from another program. Returns false if the hook should decline the challenge. */
bool tux_hook_apply(const struct tux_hook_rules *rules, const char *message, size_t len);

#endif
