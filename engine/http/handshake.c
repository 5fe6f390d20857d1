/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "handshake.h"

#include <string.h>
#include <sys/random.h>

#include "../../core/etag.h"
#include "../log/error_line.h"
#include "../tls/session.h"
#include "conn.h"

enum {
	HANDSHAKES_SHARE = 2, /* handshakes have 1/2 of max-connections */
	NETWORK_BYTES = 8,    /* of an address of IPv6: a client has a whole network of them */
};

void handshakes_open(struct handshakes *handshakes)
{
	(void)!getrandom(handshakes->key, sizeof(handshakes->key), GRND_NONBLOCK);
}

struct conn *handshake_surplus(const struct conns *conns)
{
	const struct tux_engine_config *config = conns->thread->config;
	const unsigned most = config->max_connections / (HANDSHAKES_SHARE * config->threads);

	if (conns->handshakes < 2 || conns->handshakes <= most) /* the newest one has no time limit yet */
		return NULL;
	return conn_of_timer(conns->thread->timers.list[TIMER_HANDSHAKE].next);
}

static bool is_ipv4(const uint8_t octets[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(octets, mapped, sizeof(mapped)) == 0;
}

/* Finds the two places of a client. Returns false for one of a Unix socket, which has no address. */
static bool find_places(const struct handshakes *handshakes, const uint8_t octets[16], uint16_t place[2])
{
	static const uint8_t none[16];
	uint64_t hash;

	if (memcmp(octets, none, sizeof(none)) == 0)
		return false;
	hash = tux_etag_content(handshakes->key, octets, is_ipv4(octets) ? sizeof(none) : NETWORK_BYTES);
	place[0] = (uint16_t)(hash % HANDSHAKE_PLACES);
	place[1] = (uint16_t)(hash / HANDSHAKE_PLACES % HANDSHAKE_PLACES);
	return true;
}

bool handshake_begin(struct conn *conn)
{
	const uint32_t most = conn->thread->config->handshakes_per_client;
	struct handshakes *handshakes = conn->conns->table;
	uint32_t under_way[2];

	conn->conns->handshakes++;
	conn->handshake = WHY_HANDSHAKE_CLOSED;
	conn->limited = most > 0 && find_places(handshakes, conn->client.address, conn->place);
	if (!conn->limited)
		return true;
	for (unsigned row = 0; row < 2; row++)
		under_way[row] = __atomic_add_fetch(&handshakes->under_way[row][conn->place[row]], 1, __ATOMIC_RELAXED);
	if (under_way[0] <= most || under_way[1] <= most)
		return true;
	conn->handshake = WHY_HANDSHAKE_CLIENT;
	return false;
}

/* Ends the wait, and counts it. Returns false if the connection does not wait. */
static bool over(struct conn *conn, uint64_t *counter)
{
	if (conn->handshake == 0)
		return false;
	conn->handshake = 0;
	conn->conns->handshakes--;
	count(counter, 1);
	for (unsigned row = 0; conn->limited && row < 2; row++)
		__atomic_sub_fetch(&conn->conns->table->under_way[row][conn->place[row]], 1, __ATOMIC_RELAXED);
	return true;
}

void handshake_done(struct conn *conn)
{
	(void)over(conn, &conn->thread->counters.handshakes);
}

void handshake_plain(struct conn *conn)
{
	(void)over(conn, &conn->thread->counters.handshakes_failed);
}

void handshake_failed(struct conn *conn)
{
	struct cause cause = because((enum why)conn->handshake, 0);
	struct tls_failure failure;

	if (!over(conn, &conn->thread->counters.handshakes_failed))
		return;
	failure = tls_failure_of(&conn->channel);
	if (cause.why == WHY_HANDSHAKE_CLIENT)
		count(&conn->thread->counters.handshakes_limited, 1);
	if (failure.refusal != 0)
		cause = because_of(WHY_HANDSHAKE_CERTIFICATE, failure.refusal, 0);
	else if (failure.library != 0)
		cause = because_of(failure.alerted ? WHY_HANDSHAKE_ALERT : WHY_HANDSHAKE, failure.library, failure.reason);
	if (failure.heard || cause.why != WHY_HANDSHAKE_CLOSED) /* else it is one of a load balancer that checks the port */
		error_line_handshake(conn->thread, &conn->client, cause, failure.name);
}
