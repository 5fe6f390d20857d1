// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The limits of a verified handler beyond memory safety: maps and the functions of functions.c, and a number of instructions that the verifier has seen. The
 * verifier follows each path of at most a million instructions. These would run longer than it has seen: functions that it checks apart from their
 * callers (global ones), callbacks, iterators, may_goto and tail calls. So they are refused.
 */
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>

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
	case BPF_FUNC_strncmp:
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
			i++; /* its second half is no instruction */
		} else if (insn->code == (BPF_JMP | BPF_JCOND)) {
			return refuse(prog, "it has may_goto", i);
		} else if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_KFUNC_CALL && insn->off == 0) {
			return refuse(prog, "it calls a function of the kernel that is not of tux-bpf.ko", i);
		}
	}
	return 0;
}
