/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log data of an exchange: its backend, and the cause of a missing response. */
#include "exchange_state.h"

#include <errno.h>
#include <string.h>

#include "../log/backend_note.h"
#include "../tls/session.h"
#include "backends.h"

struct error_line_backend exchange_backend(const struct exchange *exchange)
{
	const struct upstream_server *server = exchange->server;
	const struct buffer *program = &exchange->program_name;

	if (server != NULL)
		return (struct error_line_backend){ "upstream", { (const uint8_t *)server->text, server->text_len } };
	return (struct error_line_backend){ "program", { program->data, program->len } };
}

void exchange_leave_to_request(struct exchange *exchange)
{
	struct request *req = exchange->req;
	const struct error_line_backend backend = exchange_backend(exchange);

	req->cause = exchange->cause;
	backend_note(req, backend.kind, backend.name, exchange->asked_us != 0 ? req->thread->now_us - exchange->asked_us : 0);
}

struct cause exchange_head_cause(const struct exchange *exchange, const struct tux_response *res)
{
	const struct buffer *head = &exchange->head;
	const bool program = exchange->upstream == NULL;

	if (res->refusal == TUX_REFUSED_HEAD_LONG)
		return because(WHY_HEAD_LONG, 0);
	if (!program && (res->refusal == TUX_REFUSED_VERSION_SYNTAX || res->refusal == TUX_REFUSED_VERSION))
		return because(WHY_STATUS_LINE, 0);
	if (program && head->len > 5 && memcmp(head->data, "HTTP/", 5) == 0)
		return because(WHY_CGI_STATUS_LINE, 0);
	if (res->refusal == TUX_REFUSED_CGI && tux_response_field(res, TUX_FIELD_CONTENT_TYPE, 0) == 0 &&
	    tux_response_field(res, TUX_FIELD_LOCATION, 0) == 0 && tux_response_field(res, TUX_FIELD_STATUS, 0) == 0)
		return because(WHY_CGI_TYPE, 0);
	return because_of(WHY_HEAD, res->refusal, 0);
}

struct cause exchange_stream_cause(const struct peer_stream *stream, enum why why, int error)
{
	struct tls_failure failure;

	if (stream->channel.tls == NULL || error != EPROTO)
		return because(why, error);
	failure = tls_failure_of(&stream->channel);
	if (failure.refusal != 0)
		return because_of(WHY_TLS_CERTIFICATE, failure.refusal, 0);
	return because_of(failure.established ? WHY_TLS : WHY_TLS_HANDSHAKE, failure.library, failure.reason);
}

struct cause exchange_connect_time_cause(const struct peer_stream *stream)
{
	return because(stream->channel.tls != NULL && !stream->channel.connecting ? WHY_TLS_TIME : WHY_CONNECT_TIME, 0);
}

void exchange_name_program(struct exchange *exchange, const struct tux_route *route)
{
	const struct request *req = exchange->req;
	const struct tux_cgi *rule = &req->thread->config->cgi[route->argument];
	const char *begin = rule->root != NULL ? rule->root : rule->program[0];

	if (!buffer_keep(&exchange->program_name, (const uint8_t *)begin, (uint32_t)strlen(begin)) || rule->root == NULL)
		return;
	if (route->prefix_len < req->path_len && req->path[route->prefix_len] != '/')
		(void)buffer_keep(&exchange->program_name, (const uint8_t *)"/", 1);
	(void)buffer_keep(&exchange->program_name, req->path + route->prefix_len, req->path_len - route->prefix_len);
}

void exchange_record(const struct exchange *exchange)
{
	const struct request *req = exchange->req;
	const int64_t end_us = exchange->ended_us != 0 ? exchange->ended_us : req->thread->now_us;
	const int64_t us = exchange->asked_us != 0 ? end_us - exchange->asked_us : 0;

	if (req->record == NULL)
		return;
	req->record->sent_bytes = req->sent_bytes;
	req->record->received_bytes = request_client_head(req)->head_len + req->body.total + req->tunnel_bytes;
	req->record->backend_us = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}
