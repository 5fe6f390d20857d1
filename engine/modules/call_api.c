/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that modules call, but for their configuration and lines: what a request is, and its reply. */
#include "call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/field_line.h"
#include "../../core/module_reply.h"
#include "../tls/texts.h"
#include "body_api.h"
#include "fetch_api.h"
#include "file_api.h"
#include "module_log.h"
#include "reply_head.h"
#include "stream_api.h"

enum {
	MAX_MEMORY = 4096,     /* bytes of request_bytes */
	MAX_TARGET = 8192,     /* bytes */
};

static struct tux_str text_of(const uint8_t *at, uint32_t len)
{
	return (struct tux_str){ (const char *)at, len };
}

static struct tux_str nothing(void)
{
	return (struct tux_str){ NULL, 0 };
}

static struct tux_str span_of(const struct tux_req *call, struct tux_span span)
{
	return text_of(call->bytes + span.off, span.len);
}

static enum tux_request_method req_method(const struct tux_req *call)
{
	static const uint8_t methods[] = {
		[TUX_GET] = TUX_M_GET, [TUX_HEAD] = TUX_M_HEAD, [TUX_OPTIONS] = TUX_M_OPTIONS, [TUX_POST] = TUX_M_POST,
		[TUX_PUT] = TUX_M_PUT, [TUX_DELETE] = TUX_M_DELETE, [TUX_PATCH] = TUX_M_PATCH,
	};

	if (!call_is_owned(call, "tux_req_method") || call->head->method >= sizeof(methods))
		return TUX_M_OTHER;
	return (enum tux_request_method)methods[call->head->method];
}

static struct tux_str req_method_text(const struct tux_req *call)
{
	return call_is_owned(call, "tux_req_method_text") ? span_of(call, call->head->method_text) : nothing();
}

static struct tux_str req_path(const struct tux_req *call)
{
	return call_is_owned(call, "tux_req_path") ? text_of(call->path, call->path_len) : nothing();
}

static struct tux_str req_query(const struct tux_req *call)
{
	return call_is_owned(call, "tux_req_query") ? span_of(call, call->head->query) : nothing();
}

static struct tux_str req_target(const struct tux_req *call)
{
	return call_is_owned(call, "tux_req_target") ? span_of(call, call->head->target) : nothing();
}

static struct tux_str req_host(const struct tux_req *call)
{
	return call_is_owned(call, "tux_req_host") ? span_of(call, call->head->host) : nothing();
}

static struct tux_str req_field(const struct tux_req *call, const char *name)
{
	const struct tux_field_lines *fields;
	uint32_t line;

	if (!call_is_owned(call, "tux_req_field"))
		return nothing();
	fields = &call->head->fields;
	line = tux_module_field(call->bytes, fields, octets_of(name));
	return line < fields->count ? span_of(call, fields->line[line].value) : nothing();
}

static bool req_each_field(const struct tux_req *call, uint32_t *at, struct tux_str *name, struct tux_str *value)
{
	if (!call_is_owned(call, "tux_req_each_field") || *at >= call->head->fields.count)
		return false;
	*name = span_of(call, call->head->fields.line[*at].name);
	*value = span_of(call, call->head->fields.line[*at].value);
	(*at)++;
	return true;
}

static int req_client(const struct tux_req *call, uint8_t address[16], uint16_t *port)
{
	if (!call_is_owned(call, "tux_req_client"))
		return -EPERM;
	memcpy(address, call->client_address, 16);
	*port = call->client_port;
	return call->client_port != 0 ? 0 : -ENOENT;
}

_Static_assert((int)TLS_TEXT_VERSION == (int)TUX_TLS_VERSION && (int)TLS_TEXT_CIPHER == (int)TUX_TLS_CIPHER && (int)TLS_TEXT_NAME == (int)TUX_TLS_NAME &&
               (int)TLS_TEXT_RESUMED == (int)TUX_TLS_RESUMED && (int)TLS_TEXT_VERIFY == (int)TUX_TLS_CLIENT_VERIFY &&
               (int)TLS_TEXT_SUBJECT == (int)TUX_TLS_CLIENT_SUBJECT && (int)TLS_TEXT_ISSUER == (int)TUX_TLS_CLIENT_ISSUER &&
               (int)TLS_TEXT_SERIAL == (int)TUX_TLS_CLIENT_SERIAL && (int)TLS_TEXT_FINGERPRINT == (int)TUX_TLS_CLIENT_FINGERPRINT,
               "the numbers of facts are those of modules");

static struct tux_str req_tls(const struct tux_req *call, enum tux_tls_fact fact)
{
	struct tux_str text = nothing();

	if (call_is_owned(call, "tux_req_tls"))
		text.at = tls_texts_find(call->tls, call->tls_len, (unsigned)fact, &text.len);
	return text;
}

static struct tux_str req_body(const struct tux_req *call)
{
	return call_is_owned(call, "tux_req_body") ? text_of(call->body.data, call->body.len) : nothing();
}

static void *req_memory(struct tux_req *call)
{
	const uint32_t bytes = call->loaded->module->request_bytes;

	if (!call_has_memory(call, "tux_req_memory") || bytes == 0 || bytes > MAX_MEMORY)
		return NULL;
	if (call->memory == NULL)
		call->memory = calloc(1, bytes);
	return call->memory;
}

static int add_field(struct tux_req *call, const char *name, const char *value)
{
	const struct tux_octets one = octets_of(name), other = octets_of(value);
	enum tux_reply_check check;
	uint8_t kind, *room;
	uint32_t len;

	if (!call_is_owned(call, "tux_add_field"))
		return -EPERM;
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	check = tux_reply_field_check(one, other.len, call->fields.len, call->added, &kind);
	if (check != TUX_REPLY_VALID)
		return check == TUX_REPLY_LONG ? -E2BIG : -EINVAL;
	room = buffer_room(&call->fields, one.len + other.len + 4);
	if (room == NULL)
		return -ENOMEM;
	len = tux_field_line(room, one.len + other.len + 4, one, other);
	call->fields.len += len;
	call->added |= (uint8_t)(len > 0 ? kind : 0);
	return len > 0 ? 0 : -EINVAL;
}

static int remove_fields(struct tux_req *call)
{
	if (!call_is_owned(call, "tux_remove_fields"))
		return -EPERM;
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	call->fields.len = 0;
	call->added = 0;
	return 0;
}

/* Like reply_head_begin(), but for a reply of len bytes at data, which it keeps. */
static int begin_bytes(struct tux_req *call, const char *function, uint32_t status, const char *type, const void *data, uint64_t len)
{
	const int error = reply_head_begin(call, function, status, type);

	if (error != 0)
		return error;
	if (data == NULL && len > 0)
		return -EINVAL;
	call->data = data;
	call->len = len;
	return 0;
}

/* Gives a reply to the sink at once if handle() runs in the thread of the request and there is room. */
static int finish(struct tux_req *call, enum call_reply reply)
{
	call->reply = (uint8_t)reply;
	if (call->direct && call->calls->ops->send(call))
		call->reply = REPLY_SENT;
	return 0;
}

static int reply(struct tux_req *call, uint32_t status, const char *type, const void *data, uint32_t len)
{
	const int error = begin_bytes(call, "tux_reply", status, type, data, len);
	uint8_t *copy;

	if (error != 0)
		return error;
	if (call->direct && len <= CALL_COPY_BYTES) { /* the sink copies it, if it has room */
		call->reply = REPLY_BORROWED;
		if (call->calls->ops->send(call)) {
			call->reply = REPLY_SENT;
			return 0;
		}
		call->reply = REPLY_NONE;
		call->direct = false;
	}
	copy = malloc(len > 0 ? len : 1);
	if (copy == NULL)
		return -ENOMEM;
	if (len > 0)
		memcpy(copy, data, len);
	call->data = copy;
	return finish(call, REPLY_COPY);
}

static int reply_memory(struct tux_req *call, uint32_t status, const char *type, const void *data, uint64_t len, void (*drop)(void *argument),
                        void *argument)
{
	const int error = begin_bytes(call, "tux_reply_memory", status, type, data, len);

	if (error != 0)
		return error;
	call->drop = drop;
	call->argument = argument;
	return finish(call, REPLY_MEMORY);
}

static int reply_target(struct tux_req *call, const char *path, uint32_t len)
{
	const int error = reply_head_begin(call, "tux_reply_file", 200, NULL);

	if (error != 0)
		return error;
	if (len == 0 || len > MAX_TARGET || path[0] != '/' || call->added != 0)
		return -EINVAL;
	call->text.len = 0;
	if (!buffer_keep(&call->text, (const uint8_t *)path, len))
		return -ENOMEM;
	return finish(call, REPLY_TARGET);
}

static int reply_fd(struct tux_req *call, uint32_t status, const char *type, int fd, uint64_t off, uint64_t len)
{
	const int error = reply_head_begin(call, "tux_reply_fd", status, type);

	if (error != 0)
		return error;
	if (fd < 0 || off > INT64_MAX || len > INT64_MAX - off)
		return -EINVAL;
	call->fd = fd;
	call->off = off;
	call->len = len;
	return finish(call, REPLY_FD);
}

static int reply_redirect(struct tux_req *call, uint32_t status, const char *location)
{
	const struct tux_octets text = octets_of(location);
	const int error = reply_head_begin(call, "tux_reply_redirect", status, NULL);

	if (error != 0)
		return error;
	if (!tux_reply_redirect_valid(status, text) || (call->added & TUX_REPLY_FIELD_LOCATION) != 0)
		return -EINVAL;
	call->text.len = 0;
	if (!buffer_keep(&call->text, text.at, text.len))
		return -ENOMEM;
	return finish(call, REPLY_REDIRECT);
}

static int suspend(struct tux_req *call)
{
	return call_is_owned(call, "tux_suspend") ? call_suspend(call) : -EPERM;
}

static const char *conf(const struct tux_loaded *loaded, const char *key)
{
	for (unsigned i = 0; i < loaded->config->value_count; i++)
		if (strcmp(loaded->config->value[i].key, key) == 0)
			return loaded->config->value[i].text;
	return NULL;
}

static bool conf_each(const struct tux_loaded *loaded, uint32_t *at, const char **key, const char **value)
{
	if (*at >= loaded->config->value_count)
		return false;
	*key = loaded->config->value[*at].key;
	*value = loaded->config->value[*at].text;
	(*at)++;
	return true;
}

static void log_line(struct tux_loaded *loaded, enum tux_log_level level, const char *text, uint32_t len)
{
	static const char *const names[] = { [TUX_LOG_ERROR] = " error:", [TUX_LOG_WARNING] = " warning:", [TUX_LOG_INFO] = "" };

	module_log(loaded, (unsigned)level < sizeof(names) / sizeof(names[0]) ? names[level] : "", text, len);
}

const struct tux_api calls_api = {
	.bytes = sizeof(struct tux_api),
	.abi = TUX_MODULE_ABI,
	.req_method = req_method,
	.req_method_text = req_method_text,
	.req_path = req_path,
	.req_query = req_query,
	.req_target = req_target,
	.req_host = req_host,
	.req_field = req_field,
	.req_each_field = req_each_field,
	.req_client = req_client,
	.req_body = req_body,
	.req_memory = req_memory,
	.add_field = add_field,
	.reply = reply,
	.reply_memory = reply_memory,
	.reply_file = reply_target,
	.reply_fd = reply_fd,
	.reply_redirect = reply_redirect,
	.suspend = suspend,
	.resume = call_resume,
	.conf = conf,
	.conf_each = conf_each,
	.log = log_line,
	.resume_after = api_resume_after,
	.resume_on_room = api_resume_on_room,
	.stream_begin = api_stream_begin,
	.stream_write = api_stream_write,
	.stream_end = api_stream_end,
	.stream_cut = api_stream_cut,
	.resume_with_file = api_resume_with_file,
	.file = api_file,
	.file_read = api_file_read,
	.stream_file = api_stream_file,
	.resume_on = api_resume_on,
	.resume_on_body = api_resume_on_body,
	.req_body_length = api_req_body_length,
	.req_body_read = api_req_body_read,
	.fetch = api_fetch,
	.fetched = api_fetched,
	.fetched_field = api_fetched_field,
	.remove_fields = remove_fields,
	.upgrade = api_upgrade,
	.req_tls = req_tls,
};
