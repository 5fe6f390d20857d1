// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The functions of verified handlers. Each one copies, from or to memory whose size the verifier has checked. include/tux/bpf.h documents them under the
 * names of include/tux/module.h. They run in softirq, within handle().
 */
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/filter.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "../call_api.h"
#include "functions.h"
#include "handler.h"

#ifndef KF_TRUSTED_ARGS
#define KF_TRUSTED_ARGS 0 /* since 7.0 all functions take trusted arguments alone */
#endif

enum {
	MAX_TEXT = 1024,  /* bytes of a location, and of a name or value of a field */
	MAX_TYPE = 256,   /* bytes of a type; tux.ko permits fewer */
	MAX_COPY = 16384, /* bytes of memory for a copy: a larger one would let few calls write much */
};

enum text {
	TEXT_METHOD,
	TEXT_PATH,
	TEXT_QUERY,
	TEXT_TARGET,
	TEXT_HOST,
};

static DEFINE_PER_CPU(u32, calls_left);
static DEFINE_PER_CPU(char[MAX_TEXT + 1], names);
static DEFINE_PER_CPU(char[MAX_TEXT + 1], values);
static DEFINE_PER_CPU(char[MAX_TYPE + 1], types); /* of the reply that has begun */

void ktux_bpf_functions_begin(void)
{
	this_cpu_write(calls_left, TUX_BPF_CALLS);
}

/* Counts a call. Returns false if the handler has called too many functions: it could use much time in few instructions. */
static bool is_permitted(void)
{
	u32 left = this_cpu_read(calls_left);

	if (left == 0)
		return false;
	this_cpu_write(calls_left, left - 1);
	return true;
}

/* Copies at most max bytes to text, of this CPU, and ends them with NUL. Returns 0, or an error if they are too long or have a NUL: no text of a head does. */
static int terminate(char *text, u32 max, const void *at, u32 len)
{
	text[0] = '\0';
	if (len > max)
		return -E2BIG;
	if (memchr(at, '\0', len))
		return -EINVAL;
	memcpy(text, at, len);
	text[len] = '\0';
	return 0;
}

/*
 * Counts a call that copies to size bytes, takes its name (or NULL), which may be in the same memory, and clears that: a handler may read it after a failure,
 * too, and its stack may have bytes of others. Only the stack is cleared for calls that are not permitted. Returns 0 or a negative errno.
 */
static int copy_begin(const void *name, u32 name_len, void *to, u32 size)
{
	int error = is_permitted() ? 0 : -EUSERS;

	if (size > MAX_COPY)
		return error != 0 ? error : -EMSGSIZE;
	if (error == 0 && name)
		error = terminate(*this_cpu_ptr(&names), MAX_TEXT, name, name_len);
	memset(to, 0, error == -EUSERS ? min_t(u32, size, MAX_BPF_STACK) : size);
	return error;
}

/* Copies a text to memory that is clear. Returns the length, or a negative errno. */
static int copy(struct tux_str text, void *to, u32 size)
{
	if (!text.at)
		return -ENOENT;
	if (text.len > size)
		return -E2BIG;
	memcpy(to, text.at, text.len);
	return (int)text.len;
}

__bpf_kfunc_start_defs();

__bpf_kfunc u32 tux_bpf_method(struct tux_bpf_req *req)
{
	return is_permitted() ? ktux_call_api.req_method(ktux_bpf_req(req)) : TUX_M_OTHER;
}

__bpf_kfunc int tux_bpf_copy_text(struct tux_bpf_req *req, u32 which, void *to, u32 to__sz)
{
	const struct tux_req *call = ktux_bpf_req(req);
	struct tux_str text = { NULL, 0 };
	int error = copy_begin(NULL, 0, to, to__sz);

	if (error != 0)
		return error;
	switch (which) {
	case TEXT_METHOD:
		text = ktux_call_api.req_method_text(call);
		break;
	case TEXT_PATH:
		text = ktux_call_api.req_path(call);
		break;
	case TEXT_QUERY:
		text = ktux_call_api.req_query(call);
		break;
	case TEXT_TARGET:
		text = ktux_call_api.req_target(call);
		break;
	case TEXT_HOST:
		text = ktux_call_api.req_host(call);
		break;
	}
	return copy(text, to, to__sz);
}

__bpf_kfunc int tux_bpf_copy_field(struct tux_bpf_req *req, const void *name, u32 name__sz, void *to, u32 to__sz)
{
	int error = copy_begin(name, name__sz, to, to__sz);

	return error != 0 ? error : copy(ktux_call_api.req_field(ktux_bpf_req(req), *this_cpu_ptr(&names)), to, to__sz);
}

__bpf_kfunc int tux_bpf_copy_conf(struct tux_bpf_req *req, const void *key, u32 key__sz, void *to, u32 to__sz)
{
	const struct tux_api *api = ktux_handler_api(ktux_bpf_req(req));
	int error = copy_begin(key, key__sz, to, to__sz);
	const char *value;

	if (error != 0)
		return error;
	value = api->conf(api->module, *this_cpu_ptr(&names));
	return copy((struct tux_str){ value, value ? (u32)strlen(value) : 0 }, to, to__sz);
}

__bpf_kfunc int tux_bpf_add_field(struct tux_bpf_req *req, const void *name, u32 name__sz, const void *value, u32 value__sz)
{
	int error = is_permitted() ? terminate(*this_cpu_ptr(&names), MAX_TEXT, name, name__sz) : -EUSERS;

	if (error == 0)
		error = terminate(*this_cpu_ptr(&values), MAX_TEXT, value, value__sz);
	return error != 0 ? error : ktux_call_api.add_field(ktux_bpf_req(req), *this_cpu_ptr(&names), *this_cpu_ptr(&values));
}

/* Returns the right to reply; NULL: the handler has called too many functions. The functions that reply take it away. */
__bpf_kfunc struct tux_bpf_reply *tux_bpf_reply_begin(struct tux_bpf_req *req)
{
	if (!is_permitted())
		return NULL;
	(*this_cpu_ptr(&types))[0] = '\0';
	return (struct tux_bpf_reply *)req;
}

__bpf_kfunc void tux_bpf_reply_drop(struct tux_bpf_reply *reply)
{
}

/* Sets the type of a reply. */
__bpf_kfunc int tux_bpf_reply_type(struct tux_bpf_reply *reply, const void *type, u32 type__sz)
{
	return is_permitted() ? terminate(*this_cpu_ptr(&types), MAX_TYPE, type, type__sz) : -EUSERS;
}

__bpf_kfunc int tux_bpf_reply(struct tux_bpf_reply *reply, u32 status, const void *data, u32 data__sz)
{
	const char *type = *this_cpu_ptr(&types);

	return ktux_call_api.reply(ktux_bpf_reply(reply), status, *type ? type : NULL, data, data__sz);
}

__bpf_kfunc int tux_bpf_redirect(struct tux_bpf_reply *reply, u32 status, const void *location, u32 location__sz)
{
	int error = terminate(*this_cpu_ptr(&values), MAX_TEXT, location, location__sz);

	return error != 0 ? error : ktux_call_api.reply_redirect(ktux_bpf_reply(reply), status, *this_cpu_ptr(&values));
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(functions)
BTF_ID_FLAGS(func, tux_bpf_method, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, tux_bpf_copy_text, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, tux_bpf_copy_field, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, tux_bpf_copy_conf, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, tux_bpf_add_field, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, tux_bpf_reply_begin, KF_TRUSTED_ARGS | KF_ACQUIRE | KF_RET_NULL)
BTF_ID_FLAGS(func, tux_bpf_reply_drop, KF_TRUSTED_ARGS | KF_RELEASE)
BTF_ID_FLAGS(func, tux_bpf_reply_type, KF_TRUSTED_ARGS)
BTF_ID_FLAGS(func, tux_bpf_reply, KF_TRUSTED_ARGS | KF_RELEASE)
BTF_ID_FLAGS(func, tux_bpf_redirect, KF_TRUSTED_ARGS | KF_RELEASE)
BTF_KFUNCS_END(functions)

static const struct btf_kfunc_id_set function_set = { .owner = THIS_MODULE, .set = &functions };

int ktux_bpf_functions_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS, &function_set);
}
