/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server's end of the sockets to the process that holds its keys: one for each thread, so no thread waits for another one. */
#ifndef TUX_ENGINE_TLS_SIGNER_H
#define TUX_ENGINE_TLS_SIGNER_H

#include <stdbool.h>

#include "sign_message.h"

enum {
	TLS_SIGN_MS = 1000,  /* for a signature; a thread that has waited so long waits no more until the late reply has arrived */
	TLS_SIGN_TIMES = 20, /* the CPU time of the slowest key, if that is longer: other threads want the CPU, too */
	TLS_SIGN_LOST = 3,   /* times that limit without the reply; then the process has to be replaced */
};

/*
 * Sets the sockets (SOCK_SEQPACKET), which stay open, and limits their time. slowest_us is the CPU time of a signature by the slowest key. lost_fd,
 * an eventfd, becomes readable when a signature is asked for and the process has not replied for TLS_SIGN_LOST times the limit. Call it once, before
 * threads and the sandbox. Returns false with errno.
 */
bool tux_tls_signer_open(const int *fd, unsigned count, int lost_fd, uint32_t slowest_us);

/*
 * Sends a request, whose id is set here, and waits for the reply. Returns false after raising an error of OpenSSL that says why; so it
 * does if the reply is a refusal. Any thread.
 */
bool tls_signer_ask(struct tls_sign_request *request, struct tls_sign_reply *reply);

/* True if an error of OpenSSL was raised here. */
bool tls_signer_raised(unsigned long error);

#endif
