/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "access_record.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend_note.h"
#include "error_line.h"

static int64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void write_record(struct worker *worker, const struct tux_access_record *record, const uint8_t *text, uint32_t text_len)
{
	const uint64_t one = 1;

	if (!record_ring_write(&worker->records, record, text, text_len))
		count(&worker->counters.records_lost, 1);
	if (__atomic_exchange_n(worker->log_sleeps, false, __ATOMIC_SEQ_CST))
		(void)!write(worker->log_event_fd, &one, sizeof(one));
}

static uint32_t duration_since(int64_t began_us)
{
	int64_t us = microseconds() - began_us;

	return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* Appends the name of the backend to the len bytes of text. Returns its bytes. */
static uint16_t put_backend(struct tux_octets name, uint8_t *text, uint32_t len)
{
	const uint32_t n = name.len < TUX_ACCESS_RECORD_BACKEND_MAX ? name.len : TUX_ACCESS_RECORD_BACKEND_MAX;

	if (n > 0)
		memcpy(text + len, name.at, n);
	return (uint16_t)n;
}

/* Counts a response. Writes its record now; if the response continues, at its end. */
static void begin(struct request *req, uint16_t status, uint64_t bytes, bool goes_on, struct tux_octets backend)
{
	struct worker *worker = req->conn->worker;
	const struct tux_request *head = request_client_head(req);
	struct tux_access_record record = { .status = status, .sent_bytes = bytes, .port = req->conn->port };
	uint8_t text[TUX_ACCESS_RECORD_MAX - sizeof(struct tux_access_record)];
	uint32_t len;

	count(&worker->counters.requests, 1);
	count(&worker->counters.status[status - TUX_FIRST_STATUS], 1);
	if (status >= 500)
		count(&worker->counters.errors, 1);
	if (req->conn->unsent++ == 0)
		req->conn->unsent_us = req->began_us;
	if (!worker->config->records)
		return;
	tux_access_record_set_site(&record, (uint32_t)(req->site - worker->config->sites));
	record.time_us = req->began_us;
	record.id = error_line_id(req);
	memcpy(record.address, req->conn->address, sizeof(record.address));
	len = tux_access_record_fill(&record, request_client_bytes(req), head, text);
	record.received_bytes = head->head_len + req->body.total;
	record.backend_len = put_backend(backend, text, len);
	record.size += record.backend_len;
	len += record.backend_len;
	if (req->backend != NULL)
		record.backend_us = req->backend->us;
	if (!goes_on) {
		record.duration_us = duration_since(req->began_us);
		write_record(worker, &record, text, len);
		return;
	}
	req->record = malloc(sizeof(record) + len);
	if (req->record == NULL) {
		count(&worker->counters.records_lost, 1);
		return;
	}
	*req->record = record;
	memcpy(req->record + 1, text, len);
	record_ring_reserve(&worker->records, record.size);
}

void access_record_answer(struct request *req, uint16_t status, uint64_t bytes)
{
	if (status == 403 || status >= 500)
		error_line_answer(req, status);
	begin(req, status, bytes, req->conn->source.count > 0,
	      req->backend != NULL ? (struct tux_octets){ req->backend->name, req->backend->len } : (struct tux_octets){ NULL, 0 });
}

void access_record_stream(struct request *req, uint16_t status, struct tux_octets backend)
{
	begin(req, status, 0, true, backend);
}

void access_record_end(struct conn *conn, uint64_t left)
{
	struct worker *worker = conn->worker;
	struct tux_access_record *record = conn->request != NULL ? conn->request->record : NULL;

	if (left > 0)
		count(&worker->counters.errors, 1);
	if (conn->unsent > 0) /* pipelined responses are sent together, so they also started together */
		histogram_add(&worker->counters.latency, duration_since(conn->unsent_us), conn->unsent);
	conn->unsent = 0;
	if (record == NULL)
		return;
	record->duration_us = duration_since(record->time_us);
	record->sent_bytes -= left;
	record_ring_unreserve(&worker->records, record->size);
	write_record(worker, record, (const uint8_t *)(record + 1), record->size - (uint32_t)sizeof(*record));
	free(record);
	conn->request->record = NULL;
}
