/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tickets.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "../io/sealed_memory.h"

static bool key_make(struct tls_ticket_key *key)
{
	ssize_t n;

	do
		n = getrandom(key, sizeof(*key), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*key);
}

struct tls_tickets *tux_tls_tickets_new(int *fd)
{
	struct tls_tickets *const tickets = sealed_memory_new("tux tickets", sizeof(*tickets), fd);
	int saved;

	if (!tickets)
		return NULL;
	if (madvise(tickets, sizeof(*tickets), MADV_DONTDUMP) == 0 && tux_tls_tickets_share(tickets, false) && key_make(&tickets->key[0]))
		return tickets;
	saved = errno;
	munmap(tickets, sizeof(*tickets));
	close(*fd);
	*fd = -1;
	errno = saved;
	return NULL;
}

bool tux_tls_tickets_rotate(struct tls_tickets *tickets)
{
	struct tls_ticket_key key;
	const uint32_t sequence = tickets->sequence | 1;

	if (!key_make(&key))
		return false;
	__atomic_store_n(&tickets->sequence, sequence, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memmove(&tickets->key[1], &tickets->key[0], sizeof(tickets->key) - sizeof(tickets->key[0]));
	tickets->key[0] = key;
	__atomic_store_n(&tickets->sequence, sequence + 1, __ATOMIC_RELEASE);
	explicit_bzero(&key, sizeof(key));
	return true;
}

bool tux_tls_tickets_share(struct tls_tickets *tickets, bool share)
{
	return madvise(tickets, sizeof(*tickets), share ? MADV_DOFORK : MADV_DONTFORK) == 0;
}

bool tux_tls_tickets_confine(struct tls_tickets *tickets, int fd)
{
	return sealed_memory_confine(tickets, sizeof(*tickets), fd) && madvise(tickets, sizeof(*tickets), MADV_DONTDUMP) == 0 &&
	       tux_tls_tickets_share(tickets, false);
}

/* Copies all keys as they were at one time. The supervisor may end within a write: then the last look counts. */
static void keys_copy(const struct tls_tickets *tickets, struct tls_ticket_key keys[TUX_TLS_TICKET_KEYS])
{
	enum { LOOKS = 1000 };

	for (int look = 0; look < LOOKS; look++) {
		const uint32_t before = __atomic_load_n(&tickets->sequence, __ATOMIC_ACQUIRE);

		memcpy(keys, tickets->key, sizeof(tickets->key));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (before % 2 == 0 && before == __atomic_load_n(&tickets->sequence, __ATOMIC_RELAXED))
			return;
	}
}

void tls_tickets_newest(const struct tls_tickets *tickets, struct tls_ticket_key *key)
{
	struct tls_ticket_key keys[TUX_TLS_TICKET_KEYS];

	keys_copy(tickets, keys);
	*key = keys[0];
	explicit_bzero(keys, sizeof(keys));
}

bool tls_tickets_find(const struct tls_tickets *tickets, const uint8_t name[16], struct tls_ticket_key *key, bool *newest)
{
	static const uint8_t unused[sizeof(key->name)];
	struct tls_ticket_key keys[TUX_TLS_TICKET_KEYS];
	unsigned i = 0;

	keys_copy(tickets, keys);
	while (i < TUX_TLS_TICKET_KEYS && memcmp(keys[i].name, name, sizeof(keys[i].name)) != 0)
		i++;
	*newest = i == 0;
	*key = keys[i < TUX_TLS_TICKET_KEYS ? i : 0];
	explicit_bzero(keys, sizeof(keys));
	return i < TUX_TLS_TICKET_KEYS && memcmp(name, unused, sizeof(unused)) != 0;
}
