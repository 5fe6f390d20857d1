/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "internal_redirect.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/forward.h"
#include "../../core/target.h"
#include "backends.h"

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

static uint16_t refuse(struct request *req, uint16_t status, enum why why)
{
	req->cause = because(why, 0);
	return status;
}

/* Copies the application's Content-Type to text, TUX_MAX_MEDIA_TYPE bytes. Returns its length; 0 if it is missing or invalid. */
static uint32_t keep_type(const struct request *req, const uint8_t *head, char *text)
{
	const struct tux_field_lines *fields = &req->thread->backends->received.fields;
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

/* Copies fields of the configuration to *text, followed by the lines that the configuration does not remove. Moves *text after them. */
static struct tux_text join(const struct request *req, char **text, struct tux_text before, struct tux_octets lines)
{
	char *const at = *text;

	if (before.len > 0)
		memcpy(at, before.at, before.len);
	if (lines.len > 0)
		memcpy(at + before.len, lines.at, lines.len);
	lines.len = request_lines_kept(req, (uint8_t *)at + before.len, (const uint8_t *)at + before.len, lines.len);
	*text += before.len + lines.len;
	return (struct tux_text){ at, before.len + lines.len };
}

/*
 * Returns the fields of the route followed by lines, and a type, malloc'ed with copies of both. Cache-Control of the configuration stays if the lines have
 * none. Returns NULL if out of memory.
 */
static struct tux_fields *add_fields(const struct request *req, struct tux_octets lines, struct tux_text type)
{
	const struct tux_text before = req->fields->lines, cached = request_lines_cache(lines) ? before : req->fields->cached;
	struct tux_fields *own = malloc(sizeof(*own) + before.len + cached.len + 2 * (size_t)lines.len + type.len);
	char *text;

	if (own == NULL)
		return NULL;
	text = (char *)(own + 1);
	*own = *req->fields;
	own->lines = join(req, &text, before, lines);
	own->cached = join(req, &text, cached, lines);
	if (type.len > 0)
		memcpy(text, type.at, type.len);
	own->type = (struct tux_text){ text, type.len };
	return own;
}

/* Returns the bytes of the longer one of the lists of fields that the configuration adds. */
static uint32_t lines_len(const struct tux_fields *fields)
{
	return fields->lines.len > fields->cached.len ? fields->lines.len : fields->cached.len;
}

/*
 * Returns the fields of the route followed by the kept fields, malloc'ed. Returns NULL if they are too long, or if out of memory.
 */
static struct tux_fields *keep_fields(const struct request *req, const uint8_t *head)
{
	const struct tux_response *res = &req->thread->backends->received;
	const uint32_t before = lines_len(req->fields);
	struct tux_fields *own = NULL;
	uint8_t *const room = before <= MAX_OWN_LINES ? malloc(MAX_OWN_LINES) : NULL;
	char type[TUX_MAX_MEDIA_TYPE];
	uint32_t len;

	if (room != NULL && tux_forward_kept(room, MAX_OWN_LINES - before, head, &res->fields, kept, sizeof(kept) / sizeof(kept[0]), &len))
		own = add_fields(req, (struct tux_octets){ room, len }, (struct tux_text){ type, keep_type(req, head, type) });
	free(room);
	return own;
}

/* Keeps the client's head, the first time that another one replaces it. Returns false if out of memory. */
static bool keep_client(struct request *req)
{
	if (req->client_head != NULL)
		return true;
	req->client_head = malloc(sizeof(*req->client_head));
	if (req->client_head == NULL)
		return false;
	*req->client_head = (struct client_head){ .bytes = req->kept, .head = req->head };
	req->kept = (struct buffer){ NULL, 0, 0 };
	return true;
}

/* Replaces the head by one with another target. Returns false if the new head is invalid, or if out of memory. */
static bool replace_head(struct request *req, const uint8_t *target, uint32_t target_len)
{
	const uint32_t room = req->bytes_len + target_len + REQUEST_LINE_ROOM;
	struct buffer bytes = { NULL, 0, 0 };
	struct tux_request head;
	uint8_t *out = buffer_room(&bytes, room);

	if (out != NULL)
		bytes.len = tux_forward_inside(out, room, req->bytes, &req->head, (struct tux_octets){ target, target_len });
	if (bytes.len == 0 || tux_request_parse(bytes.data, bytes.len, 0, &head) != TUX_PARSED || head.head_len != bytes.len || !keep_client(req)) {
		buffer_forget(&bytes);
		return false;
	}
	buffer_forget(&req->kept);
	req->kept = bytes;
	req->bytes = bytes.data;
	req->bytes_len = bytes.len;
	req->head = head;
	req->parsed++;
	count(&req->thread->counters.heads_parsed, 1);
	return true;
}

static struct tux_span value_of(const struct tux_response *res, enum tux_field_name name)
{
	return res->fields.line[res->fields.first[name] - 1].value;
}

/* Converts the absolute name of a file to a path of the host. Returns false unless the file is beneath the host's root. */
static bool path_of_file(const struct request *req, const uint8_t *file, uint32_t len, struct buffer *path)
{
	const uint32_t root_len = (uint32_t)strlen(req->host->path);
	uint8_t *out = buffer_room(path, 3 * len + 1);

	if (out == NULL || len <= root_len || memcmp(file, req->host->path, root_len) != 0 || file[root_len] != '/')
		return false;
	path->len = tux_target_escape(file + root_len, len - root_len, out, 3 * len);
	return path->len > 0;
}

/* Replaces the fields of the response. */
static void use_fields(struct request *req, struct tux_fields *own)
{
	free(req->own);
	req->own = own;
	req->fields = own;
}

uint16_t internal_redirect_to(struct request *req, struct tux_octets target, struct tux_octets lines)
{
	struct tux_fields *own = NULL;

	if (++req->internal_redirects > MAX_INSIDE)
		return refuse(req, 500, WHY_INTERNAL_COUNT);
	if (lines_len(req->fields) + lines.len > MAX_OWN_LINES)
		return refuse(req, 500, WHY_INTERNAL_FIELDS);
	if (lines.len > 0) {
		own = add_fields(req, lines, req->fields->type);
		if (own == NULL)
			return refuse(req, 503, WHY_MEMORY);
	}
	if (target.len == 0 || target.at[0] != '/' || !replace_head(req, target.at, target.len)) {
		free(own);
		return refuse(req, 500, WHY_INTERNAL_TARGET);
	}
	if (own != NULL)
		use_fields(req, own);
	req->internal = true;
	return 200;
}

uint16_t internal_redirect_begin(struct request *req, const uint8_t *head)
{
	const struct tux_response *res = &req->thread->backends->received;
	const bool accel = res->fields.first[TUX_FIELD_X_ACCEL_REDIRECT] != 0, file = res->fields.first[TUX_FIELD_X_SENDFILE] != 0;
	struct buffer path = { NULL, 0, 0 };
	struct tux_fields *own = NULL;
	struct tux_span target;
	bool good;

	if (!accel && !file && !res->local)
		return 0;
	if (++req->internal_redirects > MAX_INSIDE)
		return refuse(req, 500, WHY_INTERNAL_COUNT);
	target = value_of(res, accel ? TUX_FIELD_X_ACCEL_REDIRECT : file ? TUX_FIELD_X_SENDFILE : TUX_FIELD_LOCATION);
	if (!res->local) {
		own = keep_fields(req, head);
		if (own == NULL)
			return refuse(req, 502, WHY_INTERNAL_FIELDS);
	}
	if (file && !accel)
		good = path_of_file(req, head + target.off, target.len, &path);
	else
		good = buffer_keep(&path, head + target.off, target.len) && path.len > 0 && path.data[0] == '/';
	good = good && replace_head(req, path.data, path.len);
	buffer_forget(&path);
	if (!good) { /* the error response uses the current fields */
		free(own);
		return refuse(req, 502, WHY_INTERNAL_TARGET);
	}
	if (own != NULL)
		use_fields(req, own);
	req->internal = !res->local;
	return 200;
}
