/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "records.h"

#include <string.h>

#include "../../core/piece.h"

static size_t bytes_left(const struct tls_place *place)
{
	return place->message->msg_iov[place->piece].iov_len - place->off;
}

bool tls_place_find(struct tls_place *place)
{
	while (place->piece < place->message->msg_iovlen && bytes_left(place) == 0)
		*place = (struct tls_place){ place->message, place->piece + 1, 0 };
	return place->piece < place->message->msg_iovlen;
}

const uint8_t *tls_place_record(struct tls_place *place, uint8_t *room, size_t *len)
{
	const uint8_t *first = (const uint8_t *)place->message->msg_iov[place->piece].iov_base + place->off;

	*len = 0;
	if (bytes_left(place) >= TLS_RECORD_BYTES || place->piece + 1 == place->message->msg_iovlen) {
		*len = tux_bytes_min(TLS_RECORD_BYTES, bytes_left(place));
		place->off += *len;
		return first;
	}
	while (*len < TLS_RECORD_BYTES && tls_place_find(place)) {
		const size_t n = tux_bytes_min((uint32_t)(TLS_RECORD_BYTES - *len), bytes_left(place));

		memcpy(room + *len, (const uint8_t *)place->message->msg_iov[place->piece].iov_base + place->off, n);
		*len += n;
		place->off += n;
	}
	return room;
}

uint32_t tls_message_bytes(const struct msghdr *message, uint32_t most)
{
	size_t len = 0;

	for (size_t i = 0; i < message->msg_iovlen && len < most; i++)
		len += tux_bytes_min(most, message->msg_iov[i].iov_len);
	return tux_bytes_min(most, len);
}
