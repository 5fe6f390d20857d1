// SPDX-License-Identifier: GPL-2.0-or-later
#include "answer.h"

#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "memcg.h"
#include "log_ring.h"
#include "trace.h"

s64 ktux_answer_now_us(void)
{
	return ktime_get_real_ns() / NSEC_PER_USEC;
}

const u8 *ktux_answer_date(struct scratch *scratch, s64 now_s)
{
	if (scratch->date_s != now_s) {
		tux_date_format(now_s, scratch->date);
		scratch->date_s = now_s;
	}
	return scratch->date;
}

/* Begins the current request's access record, in scratch. */
static void record_begin(struct conn *conn, struct scratch *scratch, const u8 *buf, s64 began_us, u16 status, u64 bytes)
{
	struct tux_access_record *record = &scratch->record.fixed;

	*record = (struct tux_access_record){ .status = status, .sent_bytes = bytes, .port = conn->port, .time_us = began_us,
		.received_bytes = scratch->request.head_len };
	tux_access_record_set_host(record, (u32)(conn->host - conn->instance->hosts.host));
	memcpy(record->address, conn->address, sizeof(record->address));
	tux_access_record_fill(record, buf, &scratch->request, scratch->record.text);
}

/* Writes the record of a response with `left` unsent bytes. Returns false if the ring has no room. */
static bool record_end(struct conn *conn, struct tux_access_record *record, u64 left)
{
	u64 bytes = record->sent_bytes;

	record->duration_us = (u32)clamp_t(s64, ktux_answer_now_us() - record->time_us, 0, U32_MAX);
	record->sent_bytes = bytes - left;
	if (ktux_records_write(conn->instance, record))
		return true;
	record->sent_bytes = bytes;
	return false;
}

bool ktux_answer_finish(struct conn *conn)
{
	u64 left = ktux_send_left(conn);

	if (conn->record) {
		if (!record_end(conn, conn->record, left))
			return false;
		kfree(conn->record);
		conn->record = NULL;
	}
	if (left > 0) {
		ktux_counters(conn->instance)->errors++;
		ktux_counters(conn->instance)->sent_bytes -= left;
	}
	return true;
}

void ktux_answer_begin(struct conn *conn, struct scratch *scratch, const u8 *buf, s64 began_us, u16 status, u64 bytes)
{
	struct tux_cpu_counters *sums = ktux_counters(conn->instance);

	if (conn->instance->records)
		record_begin(conn, scratch, buf, began_us, status, bytes);
	trace_tux_reply(conn, conn->port, status);
	sums->requests++;
	sums->sent_bytes += bytes;
}

void ktux_answer_note(struct conn *conn, struct scratch *scratch, const char *name)
{
	struct tux_access_record *record = &scratch->record.fixed;

	if (!conn->instance->records)
		return;
	record->backend_len = (u16)min_t(size_t, strlen(name), TUX_ACCESS_RECORD_BACKEND_MAX);
	memcpy(scratch->record.text + (record->size - sizeof(*record)), name, record->backend_len);
	record->size += record->backend_len;
}

void ktux_answer_sent(struct conn *conn, struct scratch *scratch, enum send_result result)
{
	struct tux_access_record *record = &scratch->record.fixed;

	if (!conn->instance->records)
		return;
	if (result == SEND_DONE && record_end(conn, record, 0))
		return;
	conn->record = ktux_charged_copy(conn->instance, record, record->size);
	if (!conn->record)
		record_end(conn, record, 0);
}
