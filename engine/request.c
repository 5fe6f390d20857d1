/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/field_name.h"
#include "small_tables.h"

enum { SPARE_REQUESTS = TUX_SMALL_TABLES ? 0 : 256 };

struct request *request_get(struct thread *thread)
{
	struct requests *requests = thread->requests;
	struct request *req = requests->spare;

	if (req != NULL) {
		requests->spare = req->next;
		requests->spare_count--;
	} else {
		req = malloc(sizeof(*req));
		if (req == NULL)
			return NULL;
	}
	memset(req, 0, offsetof(struct request, head));
	req->thread = thread;
	req->path = req->short_path;
	return req;
}

void request_release(struct request *req)
{
	buffer_forget(&req->kept);
	buffer_forget(&req->ready);
	req->bytes = NULL;
	load_waiter_release(&req->load);
	free(req->own);
	req->own = NULL;
	free(req->chosen);
	req->chosen = NULL;
	req->fields = NULL;
	if (req->client_head != NULL)
		buffer_forget(&req->client_head->bytes);
	free(req->client_head);
	req->client_head = NULL;
	free(req->backend);
	req->backend = NULL;
	if (req->path != req->short_path)
		free(req->path);
	req->path = req->short_path;
}

#ifdef TUX_CHECK_REQUESTS
#define BIT(state) (1u << (state))

/* The states that can follow each state. test/model/test_models.py compares the table with test/model/request.pml. */
static const unsigned followers[] = {
	[REQUEST_HEAD] = BIT(REQUEST_BODY) | BIT(REQUEST_LOADING) | BIT(REQUEST_HELD) | BIT(REQUEST_HANDLER) | BIT(REQUEST_RESPONDED),
	[REQUEST_BODY] = BIT(REQUEST_LOADING) | BIT(REQUEST_HELD) | BIT(REQUEST_RESPONDED),
	[REQUEST_LOADING] = BIT(REQUEST_HELD),
	[REQUEST_HELD] = BIT(REQUEST_LOADING) | BIT(REQUEST_HELD) | BIT(REQUEST_HANDLER) | BIT(REQUEST_RESPONDED),
	[REQUEST_HANDLER] = BIT(REQUEST_HELD),
	[REQUEST_RESPONDED] = 0,
};

void request_check_state(const struct request *req, enum request_state state)
{
	if (followers[req->state] & BIT(state))
		return;
	fprintf(stderr, "tux: request: state %u cannot follow %u; see followers[] in engine/request.c\n", state, req->state);
	abort();
}

/* Ends the program if a request was parsed or routed more often than it has to be. */
static void check(const struct request *req)
{
	if (req->parsed > 1 + req->internal_redirects || req->routed > 1 + req->internal_redirects)
		abort();
}
#endif

void request_put(struct request *req)
{
	struct requests *requests = req->thread->requests;

#ifdef TUX_CHECK_REQUESTS
	check(req);
#endif
	request_release(req);
	free(req->record);
	if (requests->spare_count >= SPARE_REQUESTS) {
		free(req);
		return;
	}
	req->next = requests->spare;
	requests->spare = req;
	requests->spare_count++;
}

void request_without_head(struct request *req)
{
	static const uint8_t nothing[1];

	req->bytes = nothing;
	req->bytes_len = 0;
	memset(&req->head, 0, offsetof(struct tux_request, fields));
	tux_fields_clear(&req->head.fields);
	req->head.minor = 1;
}

bool request_keep(struct request *req)
{
	if (req->kept.len > 0 || req->bytes_len == 0)
		return true;
	if (!buffer_keep(&req->kept, req->bytes, req->bytes_len))
		return false;
	req->bytes = req->kept.data;
	return true;
}

bool request_path_room(struct request *req, uint32_t len)
{
	uint8_t *room = len <= REQUEST_PATH_BYTES ? req->short_path : malloc(len);

	if (room == NULL)
		return false;
	if (req->path != req->short_path)
		free(req->path);
	req->path = room;
	return true;
}

void requests_free(struct requests *requests)
{
	while (requests->spare != NULL) {
		struct request *req = requests->spare;

		requests->spare = req->next;
		free(req);
	}
	requests->spare_count = 0;
}

/* True if the configuration sets or removes the field of a line. */
static bool is_removed(const struct tux_fields *fields, const uint8_t *line, uint32_t len)
{
	const uint8_t *const colon = memchr(line, ':', len);
	const struct tux_span name = { 0, colon != NULL ? (uint32_t)(colon - line) : len };

	for (uint32_t i = 0; i < fields->removed_count; i++)
		if (tux_field_equals(line, name, fields->removed[i].at, fields->removed[i].len))
			return true;
	return false;
}

bool request_lines_cache(struct tux_octets lines)
{
	static const char name[] = "cache-control";
	const struct tux_span span = { 0, sizeof(name) - 1 };
	const uint8_t *line = lines.at;
	uint32_t left = lines.len;

	while (left > 0) {
		const uint8_t *const end = memchr(line, '\n', left);
		const uint32_t len = end != NULL ? (uint32_t)(end - line) + 1 : left;

		if (len > span.len && line[span.len] == ':' && tux_field_equals(line, span, name, span.len))
			return true;
		line += len;
		left -= len;
	}
	return false;
}

uint32_t request_lines_kept(const struct request *req, uint8_t *out, const uint8_t *lines, uint32_t len)
{
	uint32_t kept = 0;

	while (len > 0) {
		const uint8_t *const end = memchr(lines, '\n', len);
		const uint32_t line = end != NULL ? (uint32_t)(end - lines) + 1 : len;

		if (!is_removed(req->fields, lines, line)) {
			memmove(out + kept, lines, line);
			kept += line;
		}
		lines += line;
		len -= line;
	}
	return kept;
}
