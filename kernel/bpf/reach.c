// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The limits of a verified handler beyond memory safety: maps and the functions of functions.c, and a number of instructions that the verifier has followed.
 * No run is longer than all that it has followed. These would be: functions that it checks apart from their callers (global ones), callbacks, iterators,
 * may_goto and tail calls. So they are refused.
 *
 * An instruction may be a call. functions.c counts those of its own functions. Those of the kernel's functions for maps take time by the size of keys and values.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/err.h>
#include <linux/mutex.h>

#include "../../include/uapi/tux.h"
#include "request.h"

#ifndef BPF_JCOND
#define BPF_JCOND 0xe0
#endif

static const struct bpf_func_proto *func_proto(enum bpf_func_id id, const struct bpf_prog *prog)
{
	switch (id) {
	case BPF_FUNC_map_lookup_elem:
	case BPF_FUNC_map_update_elem:
	case BPF_FUNC_map_delete_elem:
	case BPF_FUNC_ktime_get_ns:
	case BPF_FUNC_get_prandom_u32:
		return bpf_base_func_proto(id, prog);
	default:
		return NULL;
	}
}

static bool valid_access(int off, int size, enum bpf_access_type type, const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return bpf_tracing_btf_ctx_access(off, size, type, prog, info);
}

const struct bpf_verifier_ops ktux_bpf_verifier_ops = {
	.get_func_proto = func_proto,
	.is_valid_access = valid_access,
};

static int refuse(const struct bpf_prog *prog, const char *text, u32 at)
{
	pr_info("tux: handler \"%s\" is refused: %s, at instruction %u\n", prog->aux->name, text, at);
	return -EACCES;
}

/* True if a function of the program is global. The first one is the handler, which is not called from the program. */
static bool has_global_function(const struct bpf_prog *prog, u32 *at)
{
	u32 i;

	for (i = 1; prog->aux->func_info_aux && i < prog->aux->func_info_cnt; i++) {
		if (prog->aux->func_info_aux[i].linkage == BTF_FUNC_STATIC)
			continue;
		*at = prog->aux->func_info[i].insn_off;
		return true;
	}
	return false;
}

int ktux_bpf_reach_check(const struct bpf_prog *prog)
{
	u32 i, at;

	if (prog->sleepable) {
		pr_info("tux: handler \"%s\" is refused: it may sleep, and it would run in softirq\n", prog->aux->name);
		return -EACCES;
	}
	if (has_global_function(prog, &at))
		return refuse(prog, "a function is global; the verifier checks it apart from its callers", at);
	for (i = 0; i < prog->len; i++) {
		const struct bpf_insn *insn = &prog->insnsi[i];

		if (insn->code == (BPF_LD | BPF_IMM | BPF_DW)) {
			if (insn->src_reg == BPF_PSEUDO_FUNC)
				return refuse(prog, "it has a callback", i);
			if (insn->src_reg == BPF_PSEUDO_BTF_ID)
				return refuse(prog, "it has the address of something in the kernel", i);
			i++; /* its second half is no instruction */
		} else if (insn->code == (BPF_JMP | BPF_JCOND)) {
			return refuse(prog, "it has may_goto", i);
		} else if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL && insn->off == 0) {
			return refuse(prog, "it calls a function of the kernel that is not of tux-bpf.ko", i);
		}
	}
	return 0;
}

/* True if a program gives a map to functions of the kernel, and does not only use the variables in it. */
static bool gives_map(const struct bpf_prog *prog, const struct bpf_map *map)
{
	u32 i;

	if (prog->blinded)
		return true; /* its instructions do not tell */
	for (i = 0; i + 1 < prog->len; i++) {
		const struct bpf_insn *insn = &prog->insnsi[i];

		if (insn->code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (((u64)(u32)insn[1].imm << 32 | (u32)insn->imm) == (u64)(unsigned long)map)
			return true;
		i++; /* its second half is no instruction */
	}
	return false;
}

/* Returns why a handler may not use a map; NULL if it may. */
static const char *map_fault(const struct bpf_map *map)
{
	if (map->map_type != BPF_MAP_TYPE_HASH && map->map_type != BPF_MAP_TYPE_LRU_HASH && map->map_type != BPF_MAP_TYPE_ARRAY)
		return "is not a hash, an LRU hash or an array";
	if (map->key_size > TUX_MAX_BPF_KEY || map->value_size > TUX_MAX_BPF_VALUE)
		return "has larger keys or values than a handler may copy";
	if (map->map_flags & BPF_F_ZERO_SEED)
		return "has no secret seed, so clients could choose keys that are slow";
	return NULL;
}

int ktux_bpf_time_check(u32 fd)
{
	struct bpf_prog *prog = bpf_prog_get_type_dev(fd, BPF_PROG_TYPE_STRUCT_OPS, false);
	int error = 0;
	u32 i;

	if (IS_ERR(prog))
		return -EBADF;
	if (prog->aux->verified_insns > TUX_MAX_BPF_VERIFIED) {
		pr_info("tux: handler \"%s\" is refused: the verifier has followed %u instructions of it, and the limit is %u\n", prog->aux->name,
			prog->aux->verified_insns, TUX_MAX_BPF_VERIFIED);
		error = -E2BIG;
	}
	mutex_lock(&prog->aux->used_maps_mutex);
	for (i = 0; error == 0 && i < prog->aux->used_map_cnt; i++) {
		const struct bpf_map *map = prog->aux->used_maps[i];
		const char *fault = gives_map(prog, map) ? map_fault(map) : NULL;

		if (!fault)
			continue;
		pr_info("tux: handler \"%s\" is refused: its map %s %s\n", prog->aux->name, map->name, fault);
		error = -E2BIG;
	}
	mutex_unlock(&prog->aux->used_maps_mutex);
	bpf_prog_put(prog);
	return error;
}
