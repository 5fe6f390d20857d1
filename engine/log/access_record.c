/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "access_record.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend_note.h"
#include "error_line.h"
#include "log_queue.h"

static int64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void write_record(struct thread *thread, const struct tux_access_record *record, const uint8_t *text, uint32_t text_len)
{
	const uint64_t one = 1;

	if (!record_ring_write(&thread->log->records, record, text, text_len))
		count(&thread->counters.records_lost, 1);
	if (__atomic_exchange_n(thread->log->sleeps, false, __ATOMIC_SEQ_CST))
		(void)!write(thread->log->event_fd, &one, sizeof(one));
}

uint32_t access_record_duration(int64_t began_us)
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

/* Appends the name of the host in the handshake of TLS to the len bytes of text, and sets the other facts of TLS. */
static void put_tls(const struct client *client, struct tux_access_record *record, uint8_t *text, uint32_t len)
{
	const size_t n = client->tls_name != NULL ? strnlen(client->tls_name, TUX_ACCESS_RECORD_TLS_NAME_MAX) : 0;

	record->tls_version = client->tls_version;
	record->tls_cipher = client->tls_cipher;
	record->tls_resumed = client->resumed;
	record->tls_name_len = (uint8_t)n;
	if (n > 0)
		memcpy(text + len, client->tls_name, n);
}

/* Counts a response. Writes its record now; if the response continues, at its end. */
static void begin(struct request *req, uint16_t status, uint64_t bytes, bool goes_on, struct tux_octets backend)
{
	struct thread *thread = req->thread;
	const struct tux_request *head = request_client_head(req);
	struct tux_access_record record = { .status = status, .sent_bytes = bytes, .port = req->client->port };
	uint8_t text[TUX_ACCESS_RECORD_MAX - sizeof(struct tux_access_record)];
	uint32_t len;

	if (req->fetch != NULL) /* no client gets this response */
		return;
	count(&thread->counters.requests, 1);
	count(&thread->counters.status[status - TUX_FIRST_STATUS], 1);
	if (status >= 500)
		count(&thread->counters.errors, 1);
	if (!thread->config->records)
		return;
	tux_access_record_set_host(&record, (uint32_t)(req->host - thread->config->hosts));
	record.time_us = req->began_us;
	record.id = error_line_id(req);
	memcpy(record.address, req->client->address, sizeof(record.address));
	len = tux_access_record_fill(&record, request_client_bytes(req), head, text);
	record.received_bytes = head->head_len + req->body.total;
	record.backend_len = put_backend(backend, text, len);
	len += record.backend_len;
	if (req->client->secure)
		put_tls(req->client, &record, text, len);
	len += record.tls_name_len;
	record.size += record.backend_len + record.tls_name_len;
	if (req->backend != NULL)
		record.backend_us = req->backend->us;
	if (!goes_on) {
		record.duration_us = access_record_duration(req->began_us);
		write_record(thread, &record, text, len);
		return;
	}
	req->record = malloc(sizeof(record) + len);
	if (req->record == NULL) {
		count(&thread->counters.records_lost, 1);
		return;
	}
	*req->record = record;
	memcpy(req->record + 1, text, len);
	record_ring_reserve(&thread->log->records, record.size);
}

void access_record_answer(struct request *req, uint16_t status)
{
	if (status == 403 || status >= 500)
		error_line_answer(req, status);
	begin(req, status, req->sent_bytes, req->by_reference,
	      req->backend != NULL ? (struct tux_octets){ req->backend->name, req->backend->len } : (struct tux_octets){ NULL, 0 });
}

void access_record_stream(struct request *req, uint16_t status, struct tux_octets backend)
{
	begin(req, status, 0, true, backend);
}

void access_record_end(struct request *req, uint64_t left)
{
	struct thread *thread = req->thread;
	struct tux_access_record *record = req->record;

	if (record == NULL)
		return;
	record->duration_us = access_record_duration(record->time_us);
	record->sent_bytes -= left;
	record_ring_unreserve(&thread->log->records, record->size);
	write_record(thread, record, (const uint8_t *)(record + 1), record->size - (uint32_t)sizeof(*record));
	free(record);
	req->record = NULL;
}
