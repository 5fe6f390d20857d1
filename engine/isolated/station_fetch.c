/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests of the module to upstreams, which the server sends. */
#include "station.h"

#include <errno.h>
#include <string.h>

#include "../modules/call_fetch.h"

static const char nonsense[] = "the server has sent nonsense";

int station_find_upstream(const struct tux_req *call, const char *name)
{
	const struct buffer *names = ((const struct station *)call->calls)->upstreams;
	int number = 0;

	for (uint32_t at = 0; at < names->len; number++) {
		const char *const one = (const char *)names->data + at;

		if (strcmp(one, name) == 0)
			return number;
		at += (uint32_t)strlen(one) + 1;
	}
	return -ENOENT;
}

/* Writes the head of a request. Returns false without room for it. */
static bool send_head(struct station *station, const struct tux_req *call)
{
	struct wire_record record = { .kind = WIRE_FETCH, .slot = call->slot, .generation = station->seat[call->slot].generation };
	const struct call_fetch *fetch = call->fetch;
	const struct wire_fetch fixed = { .body_len = fetch->body.len, .upstream = fetch->upstream, .max_bytes = fetch->max_bytes };
	const struct wire_part part[] = { { &fixed, sizeof(fixed) }, { fetch->octets.data, fetch->octets.len } };

	if (!wire_write(&station->out, &record, part, 2))
		return false;
	station->wrote = true;
	return true;
}

bool station_fetch_send(struct station *station, const struct tux_req *call)
{
	struct seat *seat = &station->seat[call->slot];
	struct buffer *body = &call->fetch->body;

	seat->fetch_begun = seat->fetch_begun || send_head(station, call);
	while (seat->fetch_begun && seat->fetch_sent < body->len) {
		const uint32_t left = body->len - seat->fetch_sent, len = left < WIRE_PIECE ? left : WIRE_PIECE;

		if (!station_write(station, call, WIRE_FETCH_BODY, 0, body->data + seat->fetch_sent, len))
			return false;
		seat->fetch_sent += len;
	}
	if (!seat->fetch_begun)
		return false;
	buffer_forget(body);
	seat->fetch_due = seat->fetch_begun = false;
	seat->fetch_sent = 0;
	seat->fetches = true;
	seat->answer = seat->answer_len = seat->answer_told = 0;
	return true;
}

/* Handles the result. Returns true if no answer follows. */
static bool on_fetched(struct station *station, struct seat *seat, const uint8_t *buf, uint32_t len)
{
	struct call_fetch *fetch = seat->call->fetch;
	struct wire_fetched fetched = { .error = -1 };

	if (len == sizeof(fetched))
		memcpy(&fetched, buf, sizeof(fetched));
	if (fetched.error < 0 || seat->answer_len > 0 || (fetched.error == 0 && fetched.head_len == 0) || fetched.head_len > TUX_MAX_RECEIVED_HEAD ||
	    fetched.content_len > fetch->max_bytes)
		station_die(station, nonsense);
	fetch->error = fetched.error;
	seat->answer_head = fetched.head_len;
	seat->answer_len = fetched.head_len + fetched.content_len;
	return fetched.error != 0;
}

/* Keeps bytes of the answer: of its head, or of its content. */
static void keep(const struct seat *seat, struct buffer *to, const uint8_t *buf, uint32_t len)
{
	if (len > 0 && !buffer_keep(to, buf, len))
		seat->call->fetch->error = ENOMEM;
}

/* Handles bytes of the answer. Returns true if it is whole. */
static bool on_answer(struct station *station, struct seat *seat, const uint8_t *buf, uint32_t len)
{
	struct call_fetch *fetch = seat->call->fetch;
	const uint64_t head_left = seat->answer < seat->answer_head ? seat->answer_head - seat->answer : 0;
	const uint32_t of_head = head_left < len ? (uint32_t)head_left : len;

	if (len == 0 || len > seat->answer_len - seat->answer)
		station_die(station, nonsense);
	keep(seat, &fetch->answer_octets, buf, of_head);
	keep(seat, &fetch->content, buf + of_head, len - of_head);
	seat->answer += len;
	if (seat->answer < seat->answer_len)
		return false;
	if (fetch->error == 0 && tux_response_parse(fetch->answer_octets.data, fetch->answer_octets.len, 0, TUX_MAX_RECEIVED_HEAD,
	                                            fetch->head.method == TUX_HEAD, &fetch->answer) != TUX_PARSED)
		fetch->error = EBADMSG;
	return true;
}

bool station_fetch_take(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	bool over;

	if (seat->call == NULL || !seat->fetches)
		station_die(station, nonsense);
	over = record->kind == WIRE_FETCHED ? on_fetched(station, seat, buf, record->len) : on_answer(station, seat, buf, record->len);
	seat->fetches = !over;
	return over;
}

bool station_fetch_tell(struct station *station, const struct tux_req *call)
{
	struct seat *seat = &station->seat[call->slot];
	const struct wire_room room = { .taken = seat->answer };

	if (seat->answer == seat->answer_told || (seat->answer < seat->answer_len && seat->answer - seat->answer_told < WIRE_WINDOW / 2))
		return true;
	if (!station_write(station, call, WIRE_RECEIVED, 0, &room, sizeof(room)))
		return false;
	seat->answer_told = seat->answer;
	return true;
}
