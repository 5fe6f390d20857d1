/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys of session tickets (RFC 5077, RFC 8446 4.6.1), in memory that the supervisor shares with its server processes. So a ticket of one
 * process is good for the next one, and for every thread. The keys are never on disk.
 */
#ifndef TUX_ENGINE_TLS_TICKETS_H
#define TUX_ENGINE_TLS_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TUX_TLS_TICKET_KEYS = 3,         /* the newest one encrypts, all decrypt */
	TUX_TLS_TICKET_MS = 3600 * 1000, /* age at which a newer key takes over; a key ends after TUX_TLS_TICKET_KEYS times this */
};

struct tls_ticket_key {
	uint8_t name[16];
	uint8_t cipher[32]; /* AES-256 */
	uint8_t mac[32];    /* HMAC-SHA256 */
};

struct tls_tickets {
	uint32_t sequence; /* odd during a write; atomic */
	struct tls_ticket_key key[TUX_TLS_TICKET_KEYS]; /* newest first; a key of zeros is unused */
};

/* Maps memory for the keys, and makes the first key. No child process has the mapping. Sets its descriptor. Returns NULL with errno. */
struct tls_tickets *tux_tls_tickets_new(int *fd);

/* Makes a new key, which encrypts from now on, in place of the oldest one. Only the supervisor calls it. Returns false with errno. */
bool tux_tls_tickets_rotate(struct tls_tickets *tickets);

/* Lets child processes that start from now on share the memory, or not. Returns false with errno. */
bool tux_tls_tickets_share(struct tls_tickets *tickets, bool share);

/*
 * Makes the keys unchangeable for this process, also by mprotect(), and absent from its children. Closes the descriptor of the memory. Returns
 * false with errno.
 */
bool tux_tls_tickets_confine(struct tls_tickets *tickets, int fd);

/* Copies the newest key. Any thread. */
void tls_tickets_newest(const struct tls_tickets *tickets, struct tls_ticket_key *key);

/* Copies the key with a name. Sets *newest if it is the newest one. Returns false if the key has ended. Any thread. */
bool tls_tickets_find(const struct tls_tickets *tickets, const uint8_t name[16], struct tls_ticket_key *key, bool *newest);

#endif
