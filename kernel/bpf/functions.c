// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The functions of verified handlers. Each one copies, from or to memory whose size the verifier has checked. include/tux/bpf.h documents them under the
 * names of include/tux/module.h. They run in softirq, within handle().
 *
 * The verifier checks that a handler gives them its request. They check it again, with a comparison: whatever a verifier lets through, only the request of
 * the call on this CPU is used.
 */
#include <linux/bpf.h>
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

/* The handler that is called on a CPU, as far as the functions need it. */
struct running {
	struct tux_req *req; /* NULL: none is called */
	u32 calls_left;
	char name[MAX_TEXT + 1];
	char value[MAX_TEXT + 1];
	char type[MAX_TYPE + 1]; /* of the reply that has begun */
};

static struct running __percpu *all_running;
static const struct btf *handlers_btf; /* NULL: no struct_ops is registered */

void ktux_bpf_functions_begin(struct tux_req *req)
{
	struct running *running = this_cpu_ptr(all_running);

	running->req = req;
	running->calls_left = TUX_BPF_CALLS;
}

void ktux_bpf_functions_end(void)
{
	this_cpu_ptr(all_running)->req = NULL;
}

/* Returns the handler that is called on this CPU; NULL: this is not the request that it was called with. */
static struct running *running_with(const void *req)
{
	struct running *running = this_cpu_ptr(all_running);

	return req && running->req == req ? running : NULL;
}

/* Counts a call. Returns false if the handler has called too many functions: it could use much time in few instructions. */
static bool is_permitted(struct running *running)
{
	if (running->calls_left == 0)
		return false;
	running->calls_left--;
	return true;
}

/* Counts a call with a request. Returns 0 or a negative errno. */
static int call_begin(struct running *running)
{
	if (!running)
		return -EPERM;
	return is_permitted(running) ? 0 : -EUSERS;
}

/*
 * Copies at most max bytes to text, of this CPU, and ends them with NUL. Returns 0, or an error if they are too long or have a NUL: no text of a head does.
 * Then text is empty. The copy is checked, because another CPU may change a map's value.
 */
static int terminate(char *text, u32 max, const void *at, u32 len)
{
	text[0] = '\0';
	if (len > max)
		return -E2BIG;
	memcpy(text, at, len);
	text[len] = '\0';
	if (strlen(text) == len)
		return 0;
	text[0] = '\0';
	return -EINVAL;
}

/*
 * Counts a call that copies to size bytes, takes its name (or NULL), which may be in the same memory, and clears that: a handler may read it after a failure,
 * too, and its stack may have bytes of others. Only the stack is cleared for calls that are not permitted. Returns 0 or a negative errno.
 */
static int copy_begin(struct running *running, const void *name, u32 name_len, void *to, u32 size)
{
	int error = call_begin(running);
	bool permitted = error == 0;

	if (size > MAX_COPY)
		return permitted ? -EMSGSIZE : error;
	if (permitted && name)
		error = terminate(running->name, MAX_TEXT, name, name_len);
	memset(to, 0, permitted ? size : min_t(u32, size, MAX_BPF_STACK));
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
	struct running *running = running_with(req);

	return call_begin(running) == 0 ? ktux_call_api.req_method(running->req) : TUX_M_OTHER;
}

__bpf_kfunc int tux_bpf_copy_text(struct tux_bpf_req *req, u32 which, void *to, u32 to__sz)
{
	struct running *running = running_with(req);
	struct tux_str text = { NULL, 0 };
	int error = copy_begin(running, NULL, 0, to, to__sz);

	if (error != 0)
		return error;
	switch (which) {
	case TEXT_METHOD:
		text = ktux_call_api.req_method_text(running->req);
		break;
	case TEXT_PATH:
		text = ktux_call_api.req_path(running->req);
		break;
	case TEXT_QUERY:
		text = ktux_call_api.req_query(running->req);
		break;
	case TEXT_TARGET:
		text = ktux_call_api.req_target(running->req);
		break;
	case TEXT_HOST:
		text = ktux_call_api.req_host(running->req);
		break;
	}
	return copy(text, to, to__sz);
}

__bpf_kfunc int tux_bpf_copy_field(struct tux_bpf_req *req, const void *name, u32 name__sz, void *to, u32 to__sz)
{
	struct running *running = running_with(req);
	int error = copy_begin(running, name, name__sz, to, to__sz);

	return error != 0 ? error : copy(ktux_call_field(running->req, running->name, name__sz), to, to__sz);
}

__bpf_kfunc int tux_bpf_copy_conf(struct tux_bpf_req *req, const void *key, u32 key__sz, void *to, u32 to__sz)
{
	struct running *running = running_with(req);
	int error = copy_begin(running, key, key__sz, to, to__sz);
	const char *value;

	if (error != 0)
		return error;
	value = ktux_call_conf(running->req, running->name);
	return copy((struct tux_str){ value, value ? (u32)strlen(value) : 0 }, to, to__sz);
}

__bpf_kfunc int tux_bpf_add_field(struct tux_bpf_req *req, const void *name, u32 name__sz, const void *value, u32 value__sz)
{
	struct running *running = running_with(req);
	int error = call_begin(running);

	if (error == 0)
		error = terminate(running->name, MAX_TEXT, name, name__sz);
	if (error == 0)
		error = terminate(running->value, MAX_TEXT, value, value__sz);
	return error != 0 ? error : ktux_call_api.add_field(running->req, running->name, running->value);
}

/* Returns the right to reply; NULL: the handler has called too many functions. The functions that reply take it away. */
__bpf_kfunc struct tux_bpf_reply *tux_bpf_reply_begin(struct tux_bpf_req *req)
{
	struct running *running = running_with(req);

	if (call_begin(running) != 0)
		return NULL;
	running->type[0] = '\0';
	return (struct tux_bpf_reply *)req;
}

__bpf_kfunc void tux_bpf_reply_drop(struct tux_bpf_reply *reply)
{
}

/* Sets the type of a reply. */
__bpf_kfunc int tux_bpf_reply_type(struct tux_bpf_reply *reply, const void *type, u32 type__sz)
{
	struct running *running = running_with(reply);
	int error = call_begin(running);

	return error != 0 ? error : terminate(running->type, MAX_TYPE, type, type__sz);
}

__bpf_kfunc int tux_bpf_reply(struct tux_bpf_reply *reply, u32 status, const void *data, u32 data__sz)
{
	struct running *running = running_with(reply);

	if (!running)
		return -EPERM;
	return ktux_call_api.reply(running->req, status, running->type[0] != '\0' ? running->type : NULL, data, data__sz);
}

__bpf_kfunc int tux_bpf_reply_file(struct tux_bpf_reply *reply, const void *path, u32 path__sz)
{
	struct running *running = running_with(reply);

	return running ? ktux_call_api.reply_file(running->req, path, path__sz) : -EPERM;
}

__bpf_kfunc int tux_bpf_redirect(struct tux_bpf_reply *reply, u32 status, const void *location, u32 location__sz)
{
	struct running *running = running_with(reply);
	int error = running ? terminate(running->value, MAX_TEXT, location, location__sz) : -EPERM;

	return error != 0 ? error : ktux_call_api.reply_redirect(running->req, status, running->value);
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
BTF_ID_FLAGS(func, tux_bpf_reply_file, KF_TRUSTED_ARGS | KF_RELEASE)
BTF_ID_FLAGS(func, tux_bpf_redirect, KF_TRUSTED_ARGS | KF_RELEASE)
BTF_KFUNCS_END(functions)

/* All programs of struct_ops may ask for the functions, those of congestion control too. Some of these run where a CPU can change. */
static int filter(const struct bpf_prog *prog, u32 id)
{
	const struct btf *own = READ_ONCE(handlers_btf);

	return own && prog->aux->attach_btf == own ? 0 : -EACCES;
}

static const struct btf_kfunc_id_set function_set = { .owner = THIS_MODULE, .set = &functions, .filter = filter };

void ktux_bpf_functions_permit(const struct btf *btf)
{
	WRITE_ONCE(handlers_btf, btf);
}

int ktux_bpf_functions_init(void)
{
	int error;

	all_running = alloc_percpu(struct running);
	if (!all_running)
		return -ENOMEM;
	error = register_btf_kfunc_id_set(BPF_PROG_TYPE_STRUCT_OPS, &function_set);
	if (error != 0)
		ktux_bpf_functions_exit();
	return error;
}

void ktux_bpf_functions_exit(void)
{
	free_percpu(all_running);
}
