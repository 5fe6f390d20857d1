// SPDX-License-Identifier: GPL-2.0-or-later
#include "call_api.h"

#include <linux/slab.h>
#include <linux/string.h>

#include "../core/field_line.h"
#include "../core/module_reply.h"
#include "call.h"
#include "chosen.h"
#include "compat/compat.h"
#include "memcg.h"
#include "module_send.h"
#include "own_body.h"

enum {
	MAX_MEMORY = 4096,   /* bytes of request_bytes */
	MAX_LINE = 512,      /* bytes of a line of tux_log() */
};

static_assert((int)CALL_MAX_TYPE == (int)TUX_MAX_REPLY_TYPE);

static struct tux_str text_of(const u8 *at, u32 len)
{
	return (struct tux_str){ (const char *)at, len };
}

static struct tux_str nothing(void)
{
	return (struct tux_str){ NULL, 0 };
}

static struct tux_str span_of(const struct tux_req *call, struct tux_span span)
{
	return text_of(call->buf + span.off, span.len);
}

/* True if the module has the request; else writes a line. */
static bool is_owned(const struct tux_req *call, const char *function)
{
	const u8 owner = READ_ONCE(call->owner);

	if (owner == CALL_RUNNING || owner == CALL_SUSPENDED || owner == CALL_TAKEN)
		return true;
	ktux_call_complain(call->loaded, "%s() was called for a request that the module does not have", function);
	return false;
}

static enum tux_request_method req_method(const struct tux_req *call)
{
	static const u8 methods[] = {
		[TUX_GET] = TUX_M_GET, [TUX_HEAD] = TUX_M_HEAD, [TUX_OPTIONS] = TUX_M_OPTIONS, [TUX_POST] = TUX_M_POST,
		[TUX_PUT] = TUX_M_PUT, [TUX_DELETE] = TUX_M_DELETE, [TUX_PATCH] = TUX_M_PATCH,
	};

	if (!is_owned(call, "tux_req_method") || call->head->method >= sizeof(methods))
		return TUX_M_OTHER;
	return (enum tux_request_method)methods[call->head->method];
}

static struct tux_str req_method_text(const struct tux_req *call)
{
	return is_owned(call, "tux_req_method_text") ? span_of(call, call->head->method_text) : nothing();
}

static struct tux_str req_path(const struct tux_req *call)
{
	return is_owned(call, "tux_req_path") ? text_of(call->path, call->path_len) : nothing();
}

static struct tux_str req_query(const struct tux_req *call)
{
	return is_owned(call, "tux_req_query") ? span_of(call, call->head->query) : nothing();
}

static struct tux_str req_target(const struct tux_req *call)
{
	return is_owned(call, "tux_req_target") ? span_of(call, call->head->target) : nothing();
}

static struct tux_str req_host(const struct tux_req *call)
{
	return is_owned(call, "tux_req_host") ? span_of(call, call->head->host) : nothing();
}

/* A length above 4 GB is that. */
static struct tux_octets octets_of(const char *text)
{
	return (struct tux_octets){ (const u8 *)text, text ? (u32)min_t(size_t, strlen(text), U32_MAX) : 0 };
}

static struct tux_str field_of(const struct tux_req *call, struct tux_octets name)
{
	const struct tux_field_lines *fields = &call->head->fields;
	u32 line;

	if (!is_owned(call, "tux_req_field"))
		return nothing();
	line = tux_module_field(call->buf, fields, name);
	return line < fields->count ? span_of(call, fields->line[line].value) : nothing();
}

static struct tux_str req_field(const struct tux_req *call, const char *name)
{
	return field_of(call, octets_of(name));
}

static bool req_each_field(const struct tux_req *call, u32 *at, struct tux_str *name, struct tux_str *value)
{
	if (!is_owned(call, "tux_req_each_field") || *at >= call->head->fields.count)
		return false;
	*name = span_of(call, call->head->fields.line[*at].name);
	*value = span_of(call, call->head->fields.line[*at].value);
	++*at;
	return true;
}

static int req_client(const struct tux_req *call, u8 address[16], u16 *port)
{
	if (!is_owned(call, "tux_req_client"))
		return -EPERM;
	memcpy(address, call->address, 16);
	*port = call->port;
	return 0;
}

/* Connections over TLS are the program's. */
static struct tux_str req_tls(const struct tux_req *call, enum tux_tls_fact fact)
{
	(void)fact;
	(void)is_owned(call, "tux_req_tls");
	return nothing();
}

/* A request with a body is the program's. */
static struct tux_str req_body(const struct tux_req *call)
{
	return is_owned(call, "tux_req_body") ? text_of(call->buf, 0) : nothing();
}

static int64_t req_body_length(const struct tux_req *call)
{
	return is_owned(call, "tux_req_body_length") ? 0 : -EPERM;
}

static void *req_memory(struct tux_req *call)
{
	const u32 bytes = call->loaded->module->request_bytes;

	if (!is_owned(call, "tux_req_memory") || bytes == 0 || bytes > MAX_MEMORY)
		return NULL;
	if (!call->memory)
		call->memory = ktux_charged_zeroed(call->memcg, bytes);
	return call->memory;
}

static int add_field(struct tux_req *call, const char *name, const char *value)
{
	const struct tux_octets one = octets_of(name), other = octets_of(value);
	enum tux_reply_check check;
	u32 len;
	u8 kind;

	if (!is_owned(call, "tux_add_field"))
		return -EPERM;
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	check = tux_reply_field_check(one, other.len, call->fields_len, call->added, &kind);
	if (check != TUX_REPLY_VALID)
		return check == TUX_REPLY_LONG ? -E2BIG : -EINVAL;
	if (!call->fields)
		call->fields = ktux_charged_zeroed(call->memcg, TUX_MAX_FIELD_LINES);
	if (!call->fields)
		return -ENOMEM;
	len = tux_field_line(call->fields + call->fields_len, TUX_MAX_FIELD_LINES - call->fields_len, one, other);
	call->fields_len += len;
	call->added |= len > 0 ? kind : 0;
	return len > 0 ? 0 : -EINVAL;
}

static int remove_fields(struct tux_req *call)
{
	if (!is_owned(call, "tux_remove_fields"))
		return -EPERM;
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	call->fields_len = 0;
	call->added = 0;
	return 0;
}

/* Checks that a function may reply, and keeps the status and the type of the reply. Returns 0 or a negative errno. */
static int reply_begin(struct tux_req *call, const char *function, u32 status, const char *type)
{
	const struct tux_octets octets = octets_of(type);

	if (!is_owned(call, function))
		return -EPERM;
	if (call->reply != REPLY_NONE)
		return -EALREADY;
	if (!tux_reply_head_valid(status, octets))
		return -EINVAL;
	call->status = (u16)status;
	memcpy(call->type, type ? type : "", octets.len);
	call->type_len = octets.len;
	return 0;
}

/* Replies with a copy of len bytes at data. */
static int reply_bytes(struct tux_req *call, const void *data, u64 len)
{
	if (!data && len > 0)
		return -EINVAL;
	if (len > OWN_BODY_MAX)
		return -EFBIG;
	if (call->direct)
		return ktux_module_send(call, data, (u32)len, NULL);
	call->body = ktux_own_body_new(call->memcg, data, (u32)len);
	if (!call->body)
		return -ENOMEM;
	call->reply = REPLY_BODY;
	return 0;
}

static int reply(struct tux_req *call, u32 status, const char *type, const void *data, u32 len)
{
	int error = reply_begin(call, "tux_reply", status, type);

	return error != 0 ? error : reply_bytes(call, data, len);
}

/* The bytes are copied, because the module may be unloaded while a socket still sends them. */
static int reply_memory(struct tux_req *call, u32 status, const char *type, const void *data, u64 len, void (*drop)(void *argument),
			void *argument)
{
	int error = reply_begin(call, "tux_reply_memory", status, type);

	if (error == 0)
		error = reply_bytes(call, data, len);
	if (error == 0 && drop)
		drop(argument);
	return error;
}

/* Its limits are those of the program: engine/modules/call_api.c. */
static int reply_file(struct tux_req *call, const char *path, u32 len)
{
	int error = reply_begin(call, "tux_reply_file", 200, NULL);

	if (error != 0)
		return error;
	if (len == 0 || len > TUX_MAX_TARGET || call->added != 0)
		return -EINVAL;
	return ktux_chosen_take(call, path, len);
}

static int reply_redirect(struct tux_req *call, u32 status, const char *location)
{
	const struct tux_octets text = octets_of(location);
	int error = reply_begin(call, "tux_reply_redirect", status, NULL);

	if (error != 0)
		return error;
	if (!tux_reply_redirect_valid(status, text) || call->added & TUX_REPLY_FIELD_LOCATION)
		return -EINVAL;
	if (call->direct)
		return ktux_module_send(call, NULL, 0, location);
	call->location = ktux_charged_zeroed(call->memcg, text.len + 1);
	if (!call->location)
		return -ENOMEM;
	memcpy(call->location, location, text.len);
	call->reply = REPLY_REDIRECT;
	return 0;
}

static const char *conf(const struct tux_loaded *loaded, const char *key)
{
	const struct module_conf *values = READ_ONCE(loaded->conf);

	return values ? ktux_module_conf_find(values, key) : NULL;
}

static bool conf_each(const struct tux_loaded *loaded, u32 *at, const char **key, const char **value)
{
	const struct module_conf *values = READ_ONCE(loaded->conf);

	return values && ktux_module_conf_each(values, at, key, value);
}

static void log_line(struct tux_loaded *loaded, enum tux_log_level level, const char *text, u32 len)
{
	const char *words = level == TUX_LOG_ERROR ? " error:" : level == TUX_LOG_WARNING ? " warning:" : "";

	len = min_t(u32, len, MAX_LINE);
	if (!___ratelimit(&loaded->lines, loaded->label))
		return;
	if (level == TUX_LOG_ERROR)
		pr_err("%s:%s %*pE\n", loaded->label, words, (int)len, text);
	else
		pr_info("%s:%s %*pE\n", loaded->label, words, (int)len, text);
}

const struct tux_api ktux_call_api = {
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
	.reply_file = reply_file,
	.reply_redirect = reply_redirect,
	.suspend = ktux_call_suspend,
	.resume = ktux_call_resume,
	.conf = conf,
	.conf_each = conf_each,
	.log = log_line,
	.req_body_length = req_body_length,
	.remove_fields = remove_fields,
	.req_tls = req_tls,
};
KTUX_EXPORT(ktux_call_api);

struct tux_str ktux_call_field(const struct tux_req *call, const char *name, u32 len)
{
	return field_of(call, (struct tux_octets){ (const u8 *)name, len });
}
KTUX_EXPORT(ktux_call_field);

const char *ktux_call_conf(const struct tux_req *call, const char *key)
{
	return ktux_module_conf_find(call->conf, key);
}
KTUX_EXPORT(ktux_call_conf);

const struct tux_module *ktux_call_module(const struct tux_req *call)
{
	return call->loaded->module;
}
KTUX_EXPORT(ktux_call_module);
