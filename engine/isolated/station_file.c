/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes of files, which the server reads for the module. The thread of the station waits in the function of the module then, so it puts
 * other records aside.
 */
#include "station.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local const struct station *here; /* whose thread this is */

void station_file_here(const struct station *station)
{
	here = station;
}

/* Ends a reading, which is the thread's that waits from then on. */
static void end_reading(struct station *station, struct reading *reading, int result)
{
	pthread_mutex_lock(&station->lock);
	reading->result = result;
	reading->done = true;
	pthread_cond_broadcast(&station->changed);
	pthread_mutex_unlock(&station->lock);
}

void station_file_end(struct station *station, struct seat *seat, int result)
{
	struct reading *const reading = seat->reading;

	seat->reading = NULL;
	if (reading != NULL)
		end_reading(station, reading, result);
}

void station_file_content(struct station *station, struct seat *seat, const struct wire_record *record, const uint8_t *buf)
{
	if (seat->reading == NULL)
		return;
	if (record->len > seat->reading->len)
		station_die(station, "the server has sent nonsense");
	memcpy(seat->reading->to, buf, record->len);
	station_file_end(station, seat, record->len > 0 ? (int)record->len : -EIO);
}

/* Puts a record aside, unless a thread waits for it. */
static void put_aside(struct station *station, const struct wire_record *record)
{
	struct seat *seat = record->slot < WIRE_SLOTS ? &station->seat[record->slot] : NULL;
	struct aside *aside;

	if (seat != NULL && seat->generation == record->generation && record->kind == WIRE_CONTENT) {
		station_file_content(station, seat, record, station->buf);
		return;
	}
	if (seat != NULL && seat->generation == record->generation && record->kind == WIRE_GONE)
		station_file_end(station, seat, -ESTALE);
	aside = malloc(sizeof(*aside) + record->len);
	if (aside == NULL)
		station_die(station, "out of memory");
	aside->next = NULL;
	aside->record = *record;
	memcpy(aside->bytes, station->buf, record->len);
	*station->aside_last = aside;
	station->aside_last = &aside->next;
}

/* True if the end of a request is among the records that were put aside. */
static bool is_gone_aside(const struct station *station, uint32_t slot)
{
	for (const struct aside *aside = station->aside; aside != NULL; aside = aside->next)
		if (aside->record.kind == WIRE_GONE && aside->record.slot == slot && aside->record.generation == station->seat[slot].generation)
			return true;
	return false;
}

/* Waits until the server has done something. */
static void wait_for_server(struct station *station)
{
	struct pollfd wake = { .fd = station->wake_fd, .events = POLLIN };
	struct wire_record record;
	enum wire_read result;
	char bytes[64];

	if (station->wrote && wire_wakes_reader(&station->out))
		station_wake_server(station);
	station->wrote = false;
	wire_sleep(&station->in, true);
	if (!wire_waits(&station->in))
		poll(&wake, 1, -1);
	wire_sleep(&station->in, false);
	if (wake.revents != 0)
		(void)!read(station->wake_fd, bytes, sizeof(bytes));
	while ((result = wire_read(&station->in, &record, station->buf)) == WIRE_READ)
		put_aside(station, &record);
	if (result == WIRE_BROKEN)
		station_die(station, "the server has sent nonsense");
	if (wire_wakes_writer(&station->in))
		station_wake_server(station);
}

/* Asks the server for the bytes of a reading. */
static void start_reading(struct station *station, struct reading *reading)
{
	const struct wire_part_of_file part = { .off = reading->off, .len = reading->len };
	struct tux_req *call = reading->call;

	if (call->slot == NO_SLOT || is_gone_aside(station, call->slot) || station->seat[call->slot].reading != NULL) {
		end_reading(station, reading, -ESTALE);
		return;
	}
	station->seat[call->slot].reading = reading;
	while (!station_write(station, call, WIRE_READ_FILE, 0, &part, sizeof(part))) {
		wire_want_room(&station->out);
		if (station_write(station, call, WIRE_READ_FILE, 0, &part, sizeof(part)))
			break;
		wait_for_server(station);
		if (station->seat[call->slot].reading != reading) /* the request has ended meanwhile */
			return;
	}
}

/* Waits for the bytes of a reading. */
static void await_reading(struct station *station, struct reading *reading)
{
	static const uint64_t one = 1;

	if (here == station) {
		start_reading(station, reading);
		while (!reading->done)
			wait_for_server(station);
		return;
	}
	pthread_mutex_lock(&station->lock);
	reading->next = station->asked;
	station->asked = reading;
	(void)!write(station->calls.inbox.event_fd, &one, sizeof(one));
	while (!reading->done)
		pthread_cond_wait(&station->changed, &station->lock);
	pthread_mutex_unlock(&station->lock);
}

void station_file_take_asked(struct station *station)
{
	struct reading *reading;

	pthread_mutex_lock(&station->lock);
	reading = station->asked;
	station->asked = NULL;
	pthread_mutex_unlock(&station->lock);
	while (reading != NULL) {
		struct reading *const next = reading->next;

		start_reading(station, reading);
		reading = next;
	}
}

int station_file_read(const struct tux_req *call, uint64_t off, void *to, uint32_t len)
{
	struct station *const station = station_of((struct tux_req *)(uintptr_t)call);
	const struct buffer *first = &call->file.first;
	uint32_t done = 0;

	__atomic_store_n(&station->reads_files, true, __ATOMIC_RELAXED);
	if (off < first->len) {
		done = len < first->len - off ? len : (uint32_t)(first->len - off);
		memcpy(to, first->data + off, done);
	}
	while (done < len) {
		struct reading reading = { .call = (struct tux_req *)(uintptr_t)call, .off = off + done, .to = (uint8_t *)to + done, .len = WIRE_INLINE };

		if (reading.len > len - done)
			reading.len = len - done;
		await_reading(station, &reading);
		if (reading.result <= 0)
			return done > 0 ? (int)done : reading.result;
		done += (uint32_t)reading.result;
	}
	return (int)done;
}
