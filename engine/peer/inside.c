/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/target.h"
#include "../say.h"

enum {
	MAX_INSIDE = 5,          /* times that one request is sent elsewhere; more is 500 */
	MAX_OWN_LINES = 8192,    /* bytes of the fields that are kept; more is 502 */
};

/* What a response that names a file still says of it. */
static const struct tux_text kept[] = {
	TUX_TEXT("set-cookie"), TUX_TEXT("content-disposition"), TUX_TEXT("content-language"), TUX_TEXT("cache-control"),
	TUX_TEXT("expires"),
};

/* Says why, and of which request. */
static uint16_t refuse(const struct conn *conn, uint16_t status, const char *why)
{
	const struct bytes *head = conn->asked.len > 0 ? &conn->asked : &conn->held;
	uint32_t len = 0;

	while (len < head->len && head->data[len] != '\r' && head->data[len] != '\n')
		len++;
	say(why, (const char *)head->data, len);
	return status;
}

static bool is_kept(const uint8_t *head, const struct tux_field *field)
{
	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (tux_field_equals(head, field->name, kept[i].at, kept[i].len))
			return true;
	return false;
}

/* Replaces the fields that the connection owns; conn->fields never points at freed ones. */
static void own_fields(struct conn *conn, struct tux_fields *own)
{
	if (conn->own != NULL && conn->fields == conn->own)
		conn->fields = own != NULL ? own : &conn->site->fields;
	free(conn->own);
	conn->own = own;
}

/* Gathers the kept fields, behind those of the route. NULL if they are too many or memory is missing. */
static struct tux_fields *keep_fields(const struct conn *conn, const uint8_t *head)
{
	const struct tux_field_lines *fields = &conn->worker->received.fields;
	const struct tux_text before = conn->fields->lines;
	struct bytes lines = { NULL, 0, 0 };
	bool good = bytes_keep(&lines, (const uint8_t *)before.at, before.len);
	struct tux_fields *own;

	for (uint32_t i = 0; i < fields->count && good; i++) {
		const struct tux_field *field = &fields->line[i];

		if (!is_kept(head, field))
			continue;
		good = bytes_keep(&lines, head + field->name.off, field->name.len) && bytes_keep(&lines, (const uint8_t *)": ", 2) &&
		       bytes_keep(&lines, head + field->value.off, field->value.len) && bytes_keep(&lines, (const uint8_t *)"\r\n", 2);
	}
	own = good && lines.len <= MAX_OWN_LINES ? malloc(sizeof(*own) + lines.len) : NULL;
	if (own != NULL) {
		char *text = (char *)(own + 1);

		if (lines.len > 0)
			memcpy(text, lines.data, lines.len);
		*own = *conn->fields;
		own->lines = own->cached = (struct tux_text){ text, lines.len };
	}
	bytes_forget(&lines);
	return own;
}

/* Whether a field of the request is about what the client sent, not about what it wants. */
static bool is_of_body(uint8_t known)
{
	return known == TUX_FIELD_CONTENT_LENGTH || known == TUX_FIELD_TRANSFER_ENCODING || known == TUX_FIELD_EXPECT;
}

/* Writes the held head anew, for another target. False if that is no request. */
static bool rewrite(struct conn *conn, const uint8_t *target, uint32_t target_len)
{
	struct tux_request *req = &conn->worker->request;
	const uint8_t *buf = conn->held.data;
	struct bytes head = { NULL, 0, 0 };
	const char *method;
	bool good;

	tux_request_parse(buf, conn->held.len, 0, req);
	method = req->method == TUX_HEAD ? "HEAD " : "GET ";
	good = bytes_keep(&head, (const uint8_t *)method, (uint32_t)strlen(method)) && bytes_keep(&head, target, target_len) &&
	       bytes_keep(&head, (const uint8_t *)(req->minor > 0 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n"), 11);
	for (uint32_t i = 0; i < req->fields.count && good; i++) {
		const struct tux_field *field = &req->fields.line[i];

		if (is_of_body(field->known))
			continue;
		good = bytes_keep(&head, buf + field->name.off, field->name.len) && bytes_keep(&head, (const uint8_t *)": ", 2) &&
		       bytes_keep(&head, buf + field->value.off, field->value.len) && bytes_keep(&head, (const uint8_t *)"\r\n", 2);
	}
	good = good && bytes_keep(&head, (const uint8_t *)"\r\n", 2) &&
	       tux_request_parse(head.data, head.len, 0, req) == TUX_PARSED && req->head_len == head.len;
	if (good) {
		if (conn->asked.len == 0)
			conn->asked = conn->held;
		else
			bytes_forget(&conn->held);
		conn->held = head;
	} else {
		bytes_forget(&head);
	}
	return good;
}

static struct tux_span value_of(const struct tux_received *res, enum tux_field_name name)
{
	return res->fields.line[res->fields.first[name] - 1].value;
}

/* A file's absolute name, which has to lie beneath the site's root, as a path of the site. False if it does not. */
static bool path_of_file(const struct conn *conn, const uint8_t *file, uint32_t len, struct bytes *path)
{
	const uint32_t root_len = (uint32_t)strlen(conn->site->path);
	uint8_t *out = bytes_room(path, 3 * len + 1);

	if (out == NULL || len <= root_len || memcmp(file, conn->site->path, root_len) != 0 || file[root_len] != '/')
		return false;
	path->len = tux_target_escape(file + root_len, len - root_len, out, 3 * len);
	return path->len > 0;
}

uint16_t inside_begin(struct conn *conn, const uint8_t *head)
{
	const struct tux_received *res = &conn->worker->received;
	const bool accel = res->fields.first[TUX_FIELD_X_ACCEL_REDIRECT] != 0, file = res->fields.first[TUX_FIELD_X_SENDFILE] != 0;
	struct bytes path = { NULL, 0, 0 };
	struct tux_fields *own = NULL;
	struct tux_span target;
	bool good;

	if (!accel && !file && !res->local)
		return 0;
	if (++conn->inside > MAX_INSIDE)
		return refuse(conn, 500, "the answer was left to somebody else too often:");
	target = value_of(res, accel ? TUX_FIELD_X_ACCEL_REDIRECT : file ? TUX_FIELD_X_SENDFILE : TUX_FIELD_LOCATION);
	if (!res->local) {
		own = keep_fields(conn, head);
		if (own == NULL)
			return refuse(conn, 502, "the fields of a response that names a file are too many:");
	}
	if (file && !accel)
		good = path_of_file(conn, head + target.off, target.len, &path);
	else
		good = bytes_keep(&path, head + target.off, target.len) && path.len > 0 && path.data[0] == '/';
	good = good && rewrite(conn, path.data, path.len);
	bytes_forget(&path);
	if (!good) { /* the refusal has the fields that hold already */
		free(own);
		return refuse(conn, 502, "a response names a file or a path that is none of the site's:");
	}
	if (own != NULL)
		own_fields(conn, own);
	conn->hidden = !res->local;
	return 200;
}

void inside_end(struct conn *conn)
{
	own_fields(conn, NULL);
	bytes_forget(&conn->asked);
	conn->inside = 0;
	conn->hidden = false;
}
