/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal_redirect.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/forward.h"
#include "../../core/target.h"

enum {
	MAX_INSIDE = 5,          /* internal redirects per request; more is 500 */
	MAX_OWN_LINES = 8192,    /* bytes of kept fields; more is 502 */
	REQUEST_LINE_ROOM = 64,  /* upper limit of the growth of a head, besides its target */
};

/* Fields that remain in effect from a response with X-Accel-Redirect or X-Sendfile. */
static const struct tux_text kept[] = {
	TUX_TEXT("set-cookie"), TUX_TEXT("content-disposition"), TUX_TEXT("content-language"), TUX_TEXT("cache-control"),
	TUX_TEXT("expires"),
};

static uint16_t refuse(struct conn *conn, uint16_t status, enum why why)
{
	conn->cause = because(why, 0);
	return status;
}

/* Replaces the fields that the connection owns; conn->fields never points at freed ones. */
static void own_fields(struct conn *conn, struct tux_fields *own)
{
	if (conn->own != NULL && conn->fields == conn->own)
		conn->fields = own != NULL ? own : &conn->site->fields;
	free(conn->own);
	conn->own = own;
}

/* Copies the application's Content-Type to text, TUX_MAX_MEDIA_TYPE bytes. Returns its length; 0 if it is missing or invalid. */
static uint32_t keep_type(const struct conn *conn, const uint8_t *head, char *text)
{
	const struct tux_field_lines *fields = &conn->worker->received.fields;
	const uint32_t line = tux_fields_find(fields, TUX_FIELD_CONTENT_TYPE, 0);
	const struct tux_span value = line > 0 ? fields->line[line - 1].value : (struct tux_span){ 0, 0 };

	if (value.len > TUX_MAX_MEDIA_TYPE)
		return 0;
	for (uint32_t i = 0; i < value.len; i++) {
		const uint8_t octet = head[value.off + i];

		if (octet < 0x20 || octet > 0x7e)
			return 0;
		text[i] = (char)octet;
	}
	return value.len;
}

/*
 * Returns the fields of the route followed by the kept fields, malloc'ed. Returns NULL if they are too long, or if out of memory.
 */
static struct tux_fields *keep_fields(const struct conn *conn, const uint8_t *head)
{
	const struct tux_response *res = &conn->worker->received;
	const struct tux_text before = conn->fields->lines;
	struct tux_fields *own = malloc(sizeof(*own) + MAX_OWN_LINES + TUX_MAX_MEDIA_TYPE);
	uint32_t len;
	char *text, *type;

	if (own == NULL || before.len > MAX_OWN_LINES) {
		free(own);
		return NULL;
	}
	text = (char *)(own + 1);
	if (before.len > 0)
		memcpy(text, before.at, before.len);
	if (!tux_forward_kept((uint8_t *)text + before.len, MAX_OWN_LINES - before.len, head, &res->fields, kept,
	                      sizeof(kept) / sizeof(kept[0]), &len)) {
		free(own);
		return NULL;
	}
	*own = *conn->fields;
	own->lines = own->cached = (struct tux_text){ text, before.len + len };
	type = text + MAX_OWN_LINES;
	own->type = (struct tux_text){ type, keep_type(conn, head, type) };
	return own;
}

/* Rewrites the kept head with another target. Returns false if the new head is invalid, or if out of memory. */
static bool rewrite(struct conn *conn, const uint8_t *target, uint32_t target_len)
{
	const uint32_t room = conn->head.len + target_len + REQUEST_LINE_ROOM;
	struct tux_request *req = &conn->worker->request;
	struct buffer head = { NULL, 0, 0 };
	uint8_t *out = buffer_room(&head, room);

	tux_request_parse(conn->head.data, conn->head.len, 0, req);
	if (out != NULL)
		head.len = tux_forward_inside(out, room, conn->head.data, req, (struct tux_octets){ target, target_len });
	if (head.len == 0 || tux_request_parse(head.data, head.len, 0, req) != TUX_PARSED || req->head_len != head.len) {
		buffer_forget(&head);
		return false;
	}
	if (conn->client_head.len == 0)
		conn->client_head = conn->head;
	else
		buffer_forget(&conn->head);
	conn->head = head;
	return true;
}

static struct tux_span value_of(const struct tux_response *res, enum tux_field_name name)
{
	return res->fields.line[res->fields.first[name] - 1].value;
}

/* Converts the absolute name of a file to a path of the site. Returns false unless the file is beneath the site's root. */
static bool path_of_file(const struct conn *conn, const uint8_t *file, uint32_t len, struct buffer *path)
{
	const uint32_t root_len = (uint32_t)strlen(conn->site->path);
	uint8_t *out = buffer_room(path, 3 * len + 1);

	if (out == NULL || len <= root_len || memcmp(file, conn->site->path, root_len) != 0 || file[root_len] != '/')
		return false;
	path->len = tux_target_escape(file + root_len, len - root_len, out, 3 * len);
	return path->len > 0;
}

uint16_t internal_redirect_begin(struct conn *conn, const uint8_t *head)
{
	const struct tux_response *res = &conn->worker->received;
	const bool accel = res->fields.first[TUX_FIELD_X_ACCEL_REDIRECT] != 0, file = res->fields.first[TUX_FIELD_X_SENDFILE] != 0;
	struct buffer path = { NULL, 0, 0 };
	struct tux_fields *own = NULL;
	struct tux_span target;
	bool good;

	if (!accel && !file && !res->local)
		return 0;
	if (++conn->internal_redirects > MAX_INSIDE)
		return refuse(conn, 500, WHY_INTERNAL_COUNT);
	target = value_of(res, accel ? TUX_FIELD_X_ACCEL_REDIRECT : file ? TUX_FIELD_X_SENDFILE : TUX_FIELD_LOCATION);
	if (!res->local) {
		own = keep_fields(conn, head);
		if (own == NULL)
			return refuse(conn, 502, WHY_INTERNAL_FIELDS);
	}
	if (file && !accel)
		good = path_of_file(conn, head + target.off, target.len, &path);
	else
		good = buffer_keep(&path, head + target.off, target.len) && path.len > 0 && path.data[0] == '/';
	good = good && rewrite(conn, path.data, path.len);
	buffer_forget(&path);
	if (!good) { /* the error response uses the current fields */
		free(own);
		return refuse(conn, 502, WHY_INTERNAL_TARGET);
	}
	if (own != NULL)
		own_fields(conn, own);
	conn->internal = !res->local;
	return 200;
}

void internal_redirect_end(struct conn *conn)
{
	own_fields(conn, NULL);
	buffer_forget(&conn->client_head);
	conn->internal_redirects = 0;
	conn->internal = false;
}
