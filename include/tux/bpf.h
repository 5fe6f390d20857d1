/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verified handlers: modules of TUX in BPF, which the kernel checks before it runs them. <tux/module.h> includes this header for the target bpf:
 *
 *     clang -target bpf -mcpu=v3 -O2 -g -ftrivial-auto-var-init=pattern -I include -c hello.c -o hello.bpf.o
 *
 * A handler has handle() alone. It runs in softirq, like that of a module in the kernel. It reaches its own stack, its maps and the functions below, and
 * nothing else: the request is a pointer that it can only give to a function. tux-bpf.ko has the functions.
 *
 * The verifier follows each path of a handler. So each loop needs a bound, each map value a check for NULL, and each size a value that fits its memory.
 * Functions other than handle() are static. A size that is not constant has to be limited before it is used: "if (len > sizeof(text)) ...".
 *
 * Where a function has a name without a length, it is a literal. The functions with a length take any memory of the handler. All functions that return int
 * return 0 or more, or a negative errno. A handler may call 256 functions for a request; the next returns -EUSERS. Memory for a copy has at most 16384 bytes;
 * more is -EMSGSIZE. A key of a map has at most 256 bytes, and a value 1024. A handler has an end after at most 65536 instructions that the verifier follows,
 * on all paths and in all turns of loops together: a longer one is refused.
 */
#ifndef TUX_BPF_H
#define TUX_BPF_H

#ifndef TUX_MODULE_H
#error "include <tux/module.h>, which includes this header for the target bpf"
#endif

#define SEC(name) __attribute__((section(name), used))

/* Members of a map: __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 100); __type(key, uint32_t); __type(value, struct value); */
#define __uint(name, value) int(*name)[value]
#define __type(name, type) typeof(type) *name

enum tux_bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
};

/*
 * Functions of the kernel. bpf_map_lookup_elem() returns the value of a key, which other calls of the handler use at the same time; NULL: no such key. The
 * flags of bpf_map_update_elem(): 0 sets the value, 1 only if the key is new, 2 only if it is there.
 */
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, uint64_t flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static uint64_t (*const bpf_ktime_get_ns)(void) = (void *)5;        /* since the machine has started */
static uint32_t (*const bpf_get_prandom_u32)(void) = (void *)7;     /* for choices; a client may guess it */

/* As in tux-bpf.ko: kernel/bpf/request.h. */
struct tux_bpf_req {
	void *none[0];
};
struct tux_bpf_reply {
	void *none[0];
};
struct tux_bpf_ops {
	int (*handle)(struct tux_bpf_req *req);
	char name[65];
};

extern uint32_t tux_bpf_method(struct tux_bpf_req *req) __attribute__((section(".ksyms")));
extern int tux_bpf_copy_text(struct tux_bpf_req *req, uint32_t which, void *to, uint32_t size) __attribute__((section(".ksyms")));
extern int tux_bpf_copy_field(struct tux_bpf_req *req, const void *name, uint32_t name_len, void *to, uint32_t size) __attribute__((section(".ksyms")));
extern int tux_bpf_copy_conf(struct tux_bpf_req *req, const void *key, uint32_t key_len, void *to, uint32_t size) __attribute__((section(".ksyms")));
extern int tux_bpf_add_field(struct tux_bpf_req *req, const void *name, uint32_t name_len, const void *value, uint32_t len) __attribute__((section(".ksyms")));
extern struct tux_bpf_reply *tux_bpf_reply_begin(struct tux_bpf_req *req) __attribute__((section(".ksyms")));
extern void tux_bpf_reply_drop(struct tux_bpf_reply *reply) __attribute__((section(".ksyms")));
extern int tux_bpf_reply_type(struct tux_bpf_reply *reply, const void *type, uint32_t len) __attribute__((section(".ksyms")));
extern int tux_bpf_reply(struct tux_bpf_reply *reply, uint32_t status, const void *data, uint32_t len) __attribute__((section(".ksyms")));
extern int tux_bpf_reply_file(struct tux_bpf_reply *reply, const void *path, uint32_t len) __attribute__((section(".ksyms")));
extern int tux_bpf_redirect(struct tux_bpf_reply *reply, uint32_t status, const void *location, uint32_t len) __attribute__((section(".ksyms")));

/* Values of which, for tux_bpf_copy_text(). */
enum {
	TUX_BPF_METHOD,
	TUX_BPF_PATH,
	TUX_BPF_QUERY,
	TUX_BPF_TARGET,
	TUX_BPF_HOST,
};

enum { TUX_BPF_NO_REPLY = -87 }; /* -EUSERS */

#define TUX_BPF_INLINE static inline __attribute__((always_inline, unused))

TUX_BPF_INLINE struct tux_bpf_req *tux_bpf_req(const struct tux_req *req)
{
	return (struct tux_bpf_req *)req;
}

/* The functions of <tux/module.h> that a handler has. */

TUX_BPF_INLINE enum tux_request_method tux_req_method(const struct tux_req *req)
{
	return (enum tux_request_method)tux_bpf_method(tux_bpf_req(req));
}

TUX_BPF_INLINE int tux_copy_method(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_bpf_copy_text(tux_bpf_req(req), TUX_BPF_METHOD, to, size);
}

TUX_BPF_INLINE int tux_copy_path(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_bpf_copy_text(tux_bpf_req(req), TUX_BPF_PATH, to, size);
}

TUX_BPF_INLINE int tux_copy_query(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_bpf_copy_text(tux_bpf_req(req), TUX_BPF_QUERY, to, size);
}

TUX_BPF_INLINE int tux_copy_target(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_bpf_copy_text(tux_bpf_req(req), TUX_BPF_TARGET, to, size);
}

TUX_BPF_INLINE int tux_copy_host(const struct tux_req *req, void *to, uint32_t size)
{
	return tux_bpf_copy_text(tux_bpf_req(req), TUX_BPF_HOST, to, size);
}

TUX_BPF_INLINE int tux_copy_field(const struct tux_req *req, const char *name, void *to, uint32_t size)
{
	return tux_bpf_copy_field(tux_bpf_req(req), name, __builtin_strlen(name), to, size);
}

TUX_BPF_INLINE int tux_copy_conf(const struct tux_req *req, const char *key, void *to, uint32_t size)
{
	return tux_bpf_copy_conf(tux_bpf_req(req), key, __builtin_strlen(key), to, size);
}

/* name and value are literals. tux_bpf_add_field() takes any memory. */
TUX_BPF_INLINE int tux_add_field(struct tux_req *req, const char *name, const char *value)
{
	return tux_bpf_add_field(tux_bpf_req(req), name, __builtin_strlen(name), value, __builtin_strlen(value));
}

TUX_BPF_INLINE int tux_reply(struct tux_req *req, uint32_t status, const char *type, const void *data, uint32_t len)
{
	struct tux_bpf_reply *reply = tux_bpf_reply_begin(tux_bpf_req(req));

	if (!reply)
		return TUX_BPF_NO_REPLY;
	if (type)
		tux_bpf_reply_type(reply, type, __builtin_strlen(type)); /* it fails for a type that is too long: then the reply has none */
	return tux_bpf_reply(reply, status, data ? data : "", len);
}

/* path is any memory. */
TUX_BPF_INLINE int tux_reply_file(struct tux_req *req, const char *path, uint32_t len)
{
	struct tux_bpf_reply *reply = tux_bpf_reply_begin(tux_bpf_req(req));

	if (!reply)
		return TUX_BPF_NO_REPLY;
	return tux_bpf_reply_file(reply, path, len);
}

/* Redirects to len bytes at location, which is any memory. */
TUX_BPF_INLINE int tux_redirect_to(struct tux_req *req, uint32_t status, const void *location, uint32_t len)
{
	struct tux_bpf_reply *reply = tux_bpf_reply_begin(tux_bpf_req(req));

	if (!reply)
		return TUX_BPF_NO_REPLY;
	return tux_bpf_redirect(reply, status, location, len);
}

/* location is a literal. */
TUX_BPF_INLINE int tux_reply_redirect(struct tux_req *req, uint32_t status, const char *location)
{
	return tux_redirect_to(req, status, location, __builtin_strlen(location));
}

/* The only member of a module that a handler has. */
struct tux_module {
	enum tux_result (*handle)(struct tux_req *req);
};

/* The program and the struct_ops that tux-bpf.ko knows. `tux serve` gives the module the name that it has in the configuration. */
#define TUX_MODULE(ident, ...)                                                                                                \
	static const struct tux_module tux_module_here = { __VA_ARGS__ };                                                     \
	SEC("struct_ops/handle") int tux_bpf_handle(unsigned long long *context)                                              \
	{                                                                                                                     \
		return tux_module_here.handle((struct tux_req *)context[0]);                                                  \
	}                                                                                                                     \
	SEC(".struct_ops.link") struct tux_bpf_ops tux_bpf_ops_here = { .handle = (void *)tux_bpf_handle, .name = #ident };   \
	SEC("license") char tux_bpf_license[] = "GPL" /* tux-bpf.ko permits its functions to such programs alone */

#endif
