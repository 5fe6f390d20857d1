/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_TRAILER = 8192 /* bytes of all lines after the last chunk */ };

/* Fields that concern the connection, or that the server writes itself (RFC 9110 7.6.1). */
static const char *const dropped[] = {
	"Connection", "Date", "Keep-Alive", "Proxy-Connection", "Server", "TE", "Trailer", "Upgrade",
};

void response_start(struct response *response, bool is_head)
{
	char *const head = response->head;
	const uint32_t head_size = response->head_size;

	memset(response, 0, sizeof(*response));
	response->head = head;
	response->head_size = head_size;
	response->no_body = is_head;
	response->length = -1;
}

void response_forget(struct response *response)
{
	free(response->head);
	response->head = NULL;
	response->head_size = 0;
}

static void broken(struct response *response, const char *wrong)
{
	response->state = RESPONSE_BROKEN;
	response->wrong = wrong;
}

/* Appends bytes to the head. Returns false if out of memory. */
static bool head_append(struct response *response, const char *data, size_t len)
{
	if (response->head_size - response->head_len < len + 1) {
		const uint32_t size = (uint32_t)(response->head_len + len + 1024);
		char *head = realloc(response->head, size);

		if (head == NULL)
			return false;
		response->head = head;
		response->head_size = size;
	}
	memcpy(response->head + response->head_len, data, len);
	response->head_len += (uint32_t)len;
	response->head[response->head_len] = '\0';
	return true;
}

/* Returns the bytes of data with which the head ends: an empty line, whose end may lack its CR; 0: it does not end in them. */
static size_t head_end(const char *head, size_t head_len, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const size_t at = head_len + i; /* of this octet in the whole head */
		char before[2];

		if (data[i] != '\n')
			continue;
		for (size_t back = 1; back <= 2; back++) {
			const size_t other = at >= back ? at - back : at;

			before[back - 1] = (char)(at < back ? 0 : other >= head_len ? data[other - head_len] : head[other]);
		}
		if (before[0] == '\n' || (before[0] == '\r' && before[1] == '\n'))
			return i + 1;
	}
	return 0;
}

static bool is_digit(char octet)
{
	return octet >= '0' && octet <= '9';
}

/* Reads "HTTP/1.x NNN reason". */
static bool status_line(struct response *response, const char *line)
{
	if (strncmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) ||
	    !is_digit(line[11]) || (line[12] != ' ' && line[12] != '\0'))
		return false;
	response->status = (uint16_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
	return response->status >= 100 && response->status <= 599;
}

/* Reads a Content-Length. A second one must be the same. */
static bool length_take(struct response *response, const char *value)
{
	int64_t length = 0;

	if (*value == '\0')
		return false;
	for (; *value != '\0'; value++) {
		if (!is_digit(*value) || length > (INT64_MAX - 9) / 10)
			return false;
		length = length * 10 + (*value - '0');
	}
	if (response->length >= 0 && response->length != length)
		return false;
	response->length = length;
	return true;
}

static bool is_dropped(const char *name)
{
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
		if (strcasecmp(name, dropped[i]) == 0)
			return true;
	return false;
}

/* Returns the cause if the line is no field; NULL if it was read. */
static const char *field_take(struct response *response, char *line)
{
	char *value = strchr(line, ':');
	size_t len;

	if (value == NULL || value == line || strcspn(line, " \t") < (size_t)(value - line))
		return "a line of its head is no field";
	*value++ = '\0';
	value += strspn(value, " \t");
	for (len = strlen(value); len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'); len--)
		value[len - 1] = '\0';
	if (strcasecmp(line, "Content-Length") == 0)
		return length_take(response, value) ? NULL : "its Content-Length is invalid";
	if (strcasecmp(line, "Transfer-Encoding") == 0) {
		if (response->chunked || strcasecmp(value, "chunked") != 0)
			return "its Transfer-Encoding is not chunked";
		response->chunked = true;
		return NULL;
	}
	if (strcasecmp(line, "Content-Type") == 0) {
		response->type = response->type != NULL ? response->type : value;
		return NULL;
	}
	if (is_dropped(line))
		return NULL;
	if (response->field_count == RESPONSE_MAX_FIELDS)
		return "its head has too many fields";
	response->field[response->field_count++] = (struct response_field){ (uint16_t)(line - response->head), (uint16_t)(value - response->head) };
	return NULL;
}

/* Reads the complete head. Returns the cause if it is invalid. */
static const char *head_parse(struct response *response)
{
	char *line = response->head, *const end = response->head + response->head_len;
	bool first = true;

	if (memchr(response->head, '\0', response->head_len) != NULL)
		return "its head has a NUL";
	while (line < end) {
		char *const next = (char *)memchr(line, '\n', (size_t)(end - line)) + 1; /* the head ends in LF */
		const char *wrong = NULL;

		next[-1] = '\0';
		if (next - line >= 2 && next[-2] == '\r')
			next[-2] = '\0';
		if (first && !status_line(response, line))
			wrong = "it begins with no status line";
		else if (!first && *line != '\0')
			wrong = field_take(response, line);
		if (wrong != NULL)
			return wrong;
		first = false;
		line = next;
	}
	if (response->chunked && response->length >= 0)
		return "it has a Content-Length and a Transfer-Encoding";
	return NULL;
}

/* Decides how the body is framed (RFC 9112 6.3). */
static void body_begin(struct response *response)
{
	response->has_head = true;
	response->no_body = response->no_body || response->status == 204 || response->status == 304;
	if (response->chunked && !response->no_body) {
		response->state = RESPONSE_CHUNK_SIZE;
	} else if (response->length >= 0 && !response->no_body) {
		response->left = (uint64_t)response->length;
		response->state = response->left > 0 ? RESPONSE_BODY : RESPONSE_WHOLE;
	} else {
		response->state = RESPONSE_BODY;
	}
}

static size_t head_read(struct response *response, const char *data, size_t len)
{
	static const char first[] = "HTTP/1.";
	const size_t end = head_end(response->head, response->head_len, data, len);
	const size_t take = end > 0 ? end : len;
	const char *wrong = NULL;

	for (size_t i = response->head_len; i < sizeof(first) - 1 && i < response->head_len + take; i++)
		if (data[i - response->head_len] != first[i])
			wrong = "it begins with no status line";
	if (wrong == NULL && take > RESPONSE_MAX_HEAD - response->head_len)
		wrong = "its head is too long";
	else if (wrong == NULL && !head_append(response, data, take))
		wrong = "memory for its head is missing";
	if (wrong == NULL && end > 0)
		wrong = head_parse(response);
	if (wrong != NULL) {
		broken(response, wrong);
		return 0;
	}
	if (end == 0)
		return take;
	if (response->status == 101) {
		broken(response, "it switches protocols");
		return 0;
	}
	if (response->status < 200) { /* an interim response: the final one follows */
		response_start(response, response->no_body);
		return take;
	}
	body_begin(response);
	return take;
}

/* Collects a line of a chunk's size. Returns the bytes read. */
static size_t chunk_size_read(struct response *response, const char *data, size_t len)
{
	size_t i = 0;

	while (i < len && data[i] != '\n') {
		if (response->line_len < sizeof(response->line) - 1)
			response->line[response->line_len++] = data[i];
		else if (strpbrk(response->line, ";\r") == NULL) /* the rest of an extension does not matter */
			break;
		i++;
		response->line[response->line_len] = '\0';
	}
	if (i == len)
		return i;
	if (data[i] == '\n') {
		char *end;
		const size_t digits = strspn(response->line, "0123456789abcdefABCDEF");

		response->line[response->line_len] = '\0';
		response->left = strtoull(response->line, &end, 16);
		if (response->line_len > 0 && digits > 0 && digits <= 15 && end == response->line + digits && (*end == '\0' || strchr(" \t;\r", *end))) {
			response->line_len = 0;
			response->state = response->left > 0 ? RESPONSE_CHUNK : RESPONSE_TRAILER;
			return i + 1;
		}
	}
	broken(response, "the size of a chunk is invalid");
	return 0;
}

/* Reads CR LF, or LF, after a chunk. */
static size_t chunk_end_read(struct response *response, const char *data)
{
	if (data[0] == '\n') {
		response->line_len = 0;
		response->state = RESPONSE_CHUNK_SIZE;
		return 1;
	}
	if (data[0] == '\r' && response->line_len == 0) {
		response->line_len = 1;
		return 1;
	}
	broken(response, "a chunk is longer than its size");
	return 0;
}

/* Reads the lines after the last chunk, which are dropped, up to an empty one. */
static size_t trailer_read(struct response *response, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (data[i] == '\n' && response->line_len == 0) {
			response->state = RESPONSE_WHOLE;
			return i + 1;
		}
		response->line_len = data[i] == '\n' ? 0 : response->line_len + (data[i] != '\r');
		if (++response->left > MAX_TRAILER) {
			broken(response, "the fields after its body are too long");
			return 0;
		}
	}
	return i;
}

/* Takes body bytes. Returns how many of them are dropped; *body: how many are not. */
static size_t body_read(struct response *response, size_t len, size_t *body)
{
	const bool counted = response->state == RESPONSE_CHUNK || (response->length >= 0 && !response->no_body);
	const size_t take = counted && response->left < len ? (size_t)response->left : len;

	if (counted) {
		response->left -= take;
		if (response->left == 0)
			response->state = response->state == RESPONSE_CHUNK ? RESPONSE_CHUNK_END : RESPONSE_WHOLE;
	}
	if (response->no_body)
		return take;
	*body = take;
	return 0;
}

int64_t response_take_file(struct response *response, uint64_t len)
{
	size_t body = 0;

	if (response->state == RESPONSE_WHOLE) {
		response->excess = response->excess || len > 0;
		return 0;
	}
	if (response->state != RESPONSE_BODY || len > INT64_MAX)
		return -1;
	body_read(response, (size_t)len, &body);
	response->excess = response->excess || (body < len && !response->no_body);
	return (int64_t)body;
}

size_t response_read(struct response *response, const char *data, size_t len, size_t *body)
{
	*body = 0;
	switch (response->state) {
	case RESPONSE_HEAD:
		return head_read(response, data, len);
	case RESPONSE_BODY:
	case RESPONSE_CHUNK:
		return body_read(response, len, body);
	case RESPONSE_CHUNK_SIZE:
		return chunk_size_read(response, data, len);
	case RESPONSE_CHUNK_END:
		return chunk_end_read(response, data);
	case RESPONSE_TRAILER:
		return trailer_read(response, data, len);
	case RESPONSE_WHOLE:
		response->excess = true;
		return len;
	case RESPONSE_BROKEN:
		break;
	}
	return 0;
}

bool response_finish(struct response *response)
{
	switch (response->state) {
	case RESPONSE_HEAD:
		broken(response, response->head_len == 0 ? "the module wrote nothing" : "its head is not complete");
		return false;
	case RESPONSE_BODY:
		if (response->length < 0 || response->no_body || response->left == 0)
			return true;
		broken(response, "it is shorter than its Content-Length");
		return false;
	case RESPONSE_WHOLE:
		return true;
	case RESPONSE_CHUNK_SIZE:
	case RESPONSE_CHUNK:
	case RESPONSE_CHUNK_END:
	case RESPONSE_TRAILER:
		broken(response, "its last chunk is missing");
		return false;
	case RESPONSE_BROKEN:
		break;
	}
	return false;
}
