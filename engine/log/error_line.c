/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "error_line.h"

#include <inttypes.h>
#include <string.h>

#include "../../core/escape.h"
#include "../io/address.h"
#include "../io/print.h"
#include "../io/error_log.h"
#include "../request.h"
#include "backend_note.h"
#include "log_queue.h"

enum {
	FRONT_BYTES = 40,
	METHOD_BYTES = 32,  /* bytes of the line, like the next ones: no client's text crowds out the rest */
	TARGET_BYTES = 256,
	HOST_BYTES = 128,
	ROUTE_BYTES = 96,
	NAME_BYTES = 200,
	CUT_BYTES = 3,      /* "..." */
};

/* True if a cause is about a connection, which has no request yet. */
static bool is_of_connection(unsigned why)
{
	return why >= WHY_HANDSHAKE && why <= WHY_HANDSHAKE_ROOM;
}

#define CUT_SHORT "response cut short: "

/* The line being written. */
struct text {
	char at[SAY_BYTES + 1];
	size_t len;
};

uint64_t error_line_id(struct request *req)
{
	if (req->id == 0)
		req->id = request_id_next(&req->thread->log->ids);
	return req->id;
}

static void put(struct text *text, const char *more)
{
	text->len += print(text->at + text->len, sizeof(text->at) - text->len, "%s", more);
}

/* Writes a text that may come from a client, escaped, in at most max bytes. */
static void put_escaped(struct text *text, const uint8_t *more, uint32_t len, uint32_t max)
{
	const size_t room = sizeof(text->at) - 1 - text->len, most = max - CUT_BYTES;
	uint32_t taken;

	text->len += tux_escape(TUX_ESCAPE_LOG, (uint8_t *)text->at + text->len, (uint32_t)(room < most ? room : most), more, len, &taken);
	text->at[text->len] = '\0';
	if (taken < len)
		put(text, "...");
}

static void put_client(struct text *text, const struct client *of)
{
	struct address client = { .port = of->port };
	char numeric[ADDRESS_TEXT];
	struct tux_octets address;

	memcpy(client.octets, of->address, sizeof(client.octets));
	if (of->port == 0) /* not known; after a reset the socket does not know it either */
		client = address_of_peer(of->channel->fd);
	address = address_text(client.octets, numeric);
	if (address.len == 0)
		put(text, "; client unix");
	else
		text->len += print(text->at + text->len, sizeof(text->at) - text->len,
		                   memchr(address.at, ':', address.len) != NULL ? "; client [%s]:%u" : "; client %s:%u", numeric, client.port);
}

static void put_request(struct text *text, const struct request *req)
{
	const struct tux_request *head = request_client_head(req); /* not the one that a backend has put in its place */
	const uint8_t *bytes = request_client_bytes(req);
	struct tux_span host = head->host;

	if (head->method_text.len == 0)
		return;
	put(text, ", \"");
	put_escaped(text, bytes + head->method_text.off, head->method_text.len, METHOD_BYTES);
	if (head->target.len > 0) {
		put(text, " ");
		put_escaped(text, bytes + head->target.off, head->target.len, TARGET_BYTES);
		put(text, head->minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
	}
	put(text, "\"");
	if (head->refusal != TUX_ACCEPTED) {
		const uint32_t line = tux_request_field(head, TUX_FIELD_HOST, 0);

		host = line > 0 ? head->fields.line[line - 1].value : (struct tux_span){ 0, 0 };
	}
	if (host.len == 0)
		return;
	put(text, ", host \"");
	put_escaped(text, bytes + host.off, host.len, HOST_BYTES);
	put(text, "\"");
}

/* Writes the pattern of the route, if the request has one. */
static void put_route(struct text *text, const struct request *req)
{
	const struct tux_route *route = req->matched;
	const uint8_t *pattern;

	if (route == NULL || req->head.refusal != TUX_ACCEPTED || req->head.path.len == 0)
		return;
	pattern = req->host->routes.text + route->text;
	put(text, route->exact ? ", route \"=" : ", route \"");
	put_escaped(text, pattern, route->prefix_len, ROUTE_BYTES);
	if (route->suffix_len > 0) {
		put(text, "*");
		put_escaped(text, pattern + route->prefix_len, route->suffix_len, ROUTE_BYTES);
	}
	put(text, "\"");
}

static void put_backend(struct text *text, struct error_line_backend backend)
{
	if (backend.name.len == 0)
		return;
	put(text, ", ");
	put(text, backend.kind);
	put(text, " ");
	put_escaped(text, backend.name.at, backend.name.len, NAME_BYTES);
}

/* Reports the number of omitted lines of one cause. */
static void tell(struct thread *thread, unsigned why)
{
	const uint32_t left_out = thread->log->error_lines.of[why].left_out;
	char text[CAUSE_TEXT + 64];
	size_t len;

	if (left_out == 0)
		return;
	thread->log->error_lines.of[why].left_out = 0;
	len = print(text, sizeof(text), "%" PRIu32 " more lines left out: %s", left_out, cause_text((enum why)why));
	(void)say(is_of_connection(why) ? "connections:" : "requests:", text, (uint32_t)len);
}

/* True if one more line for this cause is permitted now. Else counts it. */
static bool permits(struct thread *thread, unsigned why)
{
	struct error_lines *lines = &thread->log->error_lines;

	if (thread->now_ms - lines->of[why].since_ms >= ERROR_LINES_SPAN_MS) {
		tell(thread, why);
		lines->of[why].since_ms = thread->now_ms;
		lines->of[why].lines = 0;
	}
	if (lines->of[why].lines < ERROR_LINES_AT_ONCE) {
		lines->of[why].lines++;
		return true;
	}
	lines->of[why].left_out++;
	count(&thread->counters.error_lines_left_out, 1);
	if (lines->due_ms == 0)
		lines->due_ms = lines->of[why].since_ms + ERROR_LINES_SPAN_MS;
	return false;
}

/* Writes a whole line. Counts it if that fails. */
static void say_line(struct thread *thread, uint64_t id, const struct text *text)
{
	char front[FRONT_BYTES];

	print(front, sizeof(front), "request %016" PRIx64 ":", id);
	if (!say(front, text->at, (uint32_t)text->len))
		count(&thread->counters.error_lines_left_out, 1);
}

static void write_line(struct request *req, const char *outcome, struct cause cause, struct error_line_backend backend)
{
	const unsigned why = cause.why < WHYS ? cause.why : WHY_UNKNOWN;
	struct thread *thread = req->thread;
	struct text text = { .len = 0 };
	char because_text[CAUSE_TEXT];

	if (!permits(thread, why))
		return;
	put(&text, outcome);
	cause_print(cause, because_text);
	put(&text, because_text);
	put_client(&text, req->client);
	put_request(&text, req);
	put_route(&text, req);
	put_backend(&text, backend);
	say_line(thread, error_line_id(req), &text);
}

void error_line_answer(struct request *req, uint16_t status)
{
	const struct backend *backend = req->backend;
	struct error_line_backend named = { .kind = "", .name = { NULL, 0 } };
	char outcome[16];

	if (backend != NULL)
		named = (struct error_line_backend){ backend->kind, { backend->name, backend->len } };
	print(outcome, sizeof(outcome), "%u: ", status);
	write_line(req, outcome, req->cause, named);
}

void error_line_cut(struct request *req, struct cause cause, struct error_line_backend backend)
{
	write_line(req, CUT_SHORT, cause, backend);
}

void error_line_cut_file(struct thread *thread, struct request *req, const struct client *client, const struct object *object, struct cause cause)
{
	struct text text = { .len = 0 };
	char because_text[CAUSE_TEXT];

	if (!permits(thread, cause.why))
		return;
	put(&text, CUT_SHORT);
	cause_print(cause, because_text);
	put(&text, because_text);
	put_client(&text, client);
	if (object->file != NULL) {
		put(&text, ", file ");
		put_escaped(&text, (const uint8_t *)object->file, (uint32_t)strlen(object->file), TARGET_BYTES);
	}
	say_line(thread, req != NULL ? error_line_id(req) : request_id_next(&thread->log->ids), &text);
}

void error_line_handshake(struct thread *thread, const struct client *client, struct cause cause, const char *name)
{
	struct text text = { .len = 0 };
	char because_text[CAUSE_TEXT];

	if (!permits(thread, cause.why))
		return;
	cause_print(cause, because_text);
	put(&text, because_text);
	put_client(&text, client);
	if (name != NULL) {
		put(&text, ", name \"");
		put_escaped(&text, (const uint8_t *)name, (uint32_t)strlen(name), HOST_BYTES);
		put(&text, "\"");
	}
	if (!say("connection:", text.at, (uint32_t)text.len))
		count(&thread->counters.error_lines_left_out, 1);
}

void error_line_retry(struct request *req, struct cause cause, struct error_line_backend backend)
{
	write_line(req, "another server gets the request: ", cause, backend);
}

void error_lines_tell(struct thread *thread, bool all)
{
	struct error_lines *lines = &thread->log->error_lines;

	lines->due_ms = 0;
	for (unsigned why = 0; why < WHYS; why++) {
		const uint64_t end_ms = lines->of[why].since_ms + ERROR_LINES_SPAN_MS;

		if (all || thread->now_ms >= end_ms)
			tell(thread, why);
		else if (lines->of[why].left_out > 0 && (lines->due_ms == 0 || end_ms < lines->due_ms))
			lines->due_ms = end_ms;
	}
}
