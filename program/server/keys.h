/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that holds the keys of TLS, `tux keys`. A server process starts it before it drops its privileges. It reads the files of
 * certificates and their keys as that asks it to, then drops its own privileges, enters a sandbox, and signs. The server never reads a file that
 * may have a key. It signs with keys whose numbers the server knows; see engine/tls/signer.h.
 */
#ifndef TUX_PROGRAM_SERVER_KEYS_H
#define TUX_PROGRAM_SERVER_KEYS_H

#include <sys/types.h>

#include "../../engine/config.h"
#include "../../engine/tls/certificate.h"
#include "../../engine/tls/key_store.h"
#include "../confine/user.h"

struct tux_keys_area;

struct tux_keys {
	unsigned threads;   /* of the server that ask for signatures */
	const struct tux_user *user; /* of the process, after it has read the files */
	bool unconfined;    /* no sandbox, by configuration */
	bool optional;      /* keys that the process cannot have stay in the server process, by configuration */
	bool foreign;       /* the server process has such a key */
	uint32_t slowest_us; /* CPU time of a signature by the slowest key */
	pid_t pid;          /* 0: not started yet */
	int load_fd;        /* socket for its orders to read files; -1: closed */
	int end_fd;         /* readable when the process has ended */
	int lost_fd;        /* readable when the process does not respond any more */
	int pidfd;          /* of the process; -1: the kernel has none (before Linux 5.3) */
	int fd[TUX_MAX_THREADS]; /* sockets for requests, one a thread */
	unsigned count;
	struct tux_keys_area *area; /* shared with the process until it is sealed */
};

/* Sets what the process needs to start. */
void tux_keys_plan(struct tux_keys *keys, unsigned threads, const struct tux_user *user, bool unconfined, bool optional);

/*
 * Lets the process, which is started if it is not there yet, read a certificate and its key, like tux_secret_pair_read(). of_client: the key
 * is for TLS to upstream servers. Sets the certificate and those of its issuers, in PEM, which are valid until the next call; and the number of
 * the key. Returns TLS_KEY_FAULTY with a sentence in error, and TLS_KEY_FOREIGN, after a warning, for a key that the caller has to read itself.
 */
enum tls_key_result tux_keys_read(struct tux_keys *keys, const char *certificate, const char *key, const char *password, bool of_client,
                                  struct tls_pem *pem, uint32_t *number, char *error, size_t error_size);

/* Finds out whether such a process can have a key, for `tux check`. Returns false with a sentence in error. */
bool tux_keys_can_have(const char *certificate, const char *key, const char *password, char *error, size_t error_size);

/*
 * Ends the reading: from now on the process signs. Does nothing if it was not started. Call it before threads and the sandbox. Returns false
 * with a sentence in error.
 */
bool tux_keys_seal(struct tux_keys *keys, char *error, size_t error_size);

/* Ends the process, if it was started. keys may be zero. */
void tux_keys_stop(struct tux_keys *keys);

#endif
