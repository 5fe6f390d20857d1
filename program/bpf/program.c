/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../include/uapi/tux.h"

enum {
	LOG_BYTES = 1 << 22,
	LOG_REASONS = 1,      /* log_level: what is wrong, with the instructions before it */
	KERNEL_FUNCTION = 2,  /* BPF_PSEUDO_KFUNC_CALL */
	REASON_MAX = 240,
	FUNCTION_BTF = 1,     /* position of tux-bpf.ko's BTF in fd_array; 0 is the kernel's own */
};

/* A handler that is being loaded. */
struct loading {
	const struct bpf_kernel *kernel;
	const struct bpf_object *object;
	struct bpf_maps *maps;
	struct bpf_insn *insn; /* malloc'ed */
	int types_fd;          /* of the object's BTF; -1: none */
	char *error;
	size_t error_size;
};

void bpf_maps_close(struct bpf_maps *maps)
{
	while (maps->count > 0)
		close(maps->map[--maps->count].fd);
}

/* Returns a descriptor of the former map of this definition; -1: none. */
static int map_keep(const struct bpf_maps *before, const struct bpf_map_spec *spec)
{
	for (unsigned i = 0; before && i < before->count; i++) {
		const struct bpf_map_open *const map = &before->map[i];
		struct bpf_map_info info;

		if (!map->kept || strcmp(map->name, spec->name) != 0 || !bpf_map_describe(map->fd, &info))
			continue;
		if (info.type == spec->type && info.key_size == spec->key_size && info.value_size == spec->value_size &&
		    info.max_entries == spec->max_entries && info.map_flags == spec->flags)
			return fcntl(map->fd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

/* Sets the variables of a section to their first values. Returns false with errno. */
static bool map_fill(int fd, const struct bpf_map_spec *spec)
{
	const uint32_t key = 0;

	return !spec->data || bpf_map_set(fd, &key, spec->data, 0);
}

static bool maps_make(struct loading *loading, const struct bpf_maps *before)
{
	const struct bpf_object *const object = loading->object;
	struct bpf_maps *const maps = loading->maps;

	for (unsigned i = 0; i < object->map_count; i++) {
		const struct bpf_map_spec *const spec = &object->map[i];
		const bool kept = spec->section == 0;
		int fd = kept ? map_keep(before, spec) : -1;

		if (fd < 0) {
			fd = bpf_map_make(spec->type, spec->name, spec->key_size, spec->value_size, spec->max_entries, spec->flags);
			if (fd >= 0 && !map_fill(fd, spec)) {
				const int cause = errno;

				close(fd);
				errno = cause;
				fd = -1;
			}
		}
		if (fd < 0) {
			snprintf(loading->error, loading->error_size, "cannot make map %s: %s", spec->full_name, strerror(errno));
			return false;
		}
		maps->map[maps->count] = (struct bpf_map_open){ .fd = fd, .kept = kept };
		memcpy(maps->map[maps->count++].name, spec->name, sizeof(spec->name));
	}
	return true;
}

/* Writes "file:line: text: " for an instruction; "" if the object does not tell. */
static void place_write(const struct bpf_object *object, long insn, char *text, size_t size)
{
	const struct bpf_line_info *const line = insn >= 0 ? bpf_object_line(object, (uint32_t)insn) : NULL;
	const char *file, *slash, *source;

	*text = '\0';
	if (!line)
		return;
	file = btf_text(&object->types, line->file_name_off);
	slash = strrchr(file, '/');
	source = btf_text(&object->types, line->line_off);
	source += strspn(source, " \t");
	snprintf(text, size, "%s:%u: \"%.120s\": ", slash ? slash + 1 : file, BPF_LINE_INFO_LINE_NUM(line->line_col), source);
}

/* Fills in descriptors of maps and numbers of functions. */
static bool references_fill(struct loading *loading)
{
	const struct bpf_object *const object = loading->object;

	loading->insn = malloc(object->insn_count * sizeof(*loading->insn));
	if (!loading->insn) {
		snprintf(loading->error, loading->error_size, "out of memory");
		return false;
	}
	memcpy(loading->insn, object->insn, object->insn_count * sizeof(*loading->insn));
	for (uint32_t i = 0; i < object->reference_count; i++) {
		const struct bpf_reference *const reference = &object->reference[i];
		struct bpf_insn *const insn = &loading->insn[reference->insn];
		char place[REASON_MAX];

		if (reference->map >= 0) {
			insn->src_reg = reference->value ? BPF_PSEUDO_MAP_VALUE : BPF_PSEUDO_MAP_FD;
			insn->imm = loading->maps->map[reference->map].fd;
			continue;
		}
		insn->src_reg = KERNEL_FUNCTION;
		insn->off = FUNCTION_BTF;
		insn->imm = (int32_t)bpf_kernel_function(loading->kernel, reference->function);
		if (insn->imm != 0)
			continue;
		place_write(object, reference->insn, place, sizeof(place));
		snprintf(loading->error, loading->error_size, "%s%s() is not a function that handlers have", place, reference->function);
		return false;
	}
	return true;
}

/* True if a function that a handler calls is global: tux-bpf.ko refuses that, because the verifier would check it apart from the callers. */
static bool has_global(struct loading *loading)
{
	const struct bpf_object *const object = loading->object;

	for (uint32_t i = 1; i < object->function_count; i++) {
		const struct btf_type *const type = btf_type_at(&object->types, object->function[i].type_id);

		if (!type || btf_kind_of(type) != BTF_KIND_FUNC || BTF_INFO_VLEN(type->info) == BTF_FUNC_STATIC)
			continue;
		snprintf(loading->error, loading->error_size, "function %s() has to be static", btf_text(&object->types, type->name_off));
		return true;
	}
	return false;
}

static bool types_load(struct loading *loading)
{
	union bpf_request request = { 0 };
	size_t len;
	uint8_t *const types = btf_for_kernel(&loading->object->types, &len);
	char log[4096] = "";

	request.attr.btf = (uint64_t)(uintptr_t)types;
	request.attr.btf_size = (uint32_t)len;
	loading->types_fd = types ? bpf_call(BPF_BTF_LOAD, &request) : -1;
	if (loading->types_fd < 0 && types) {
		const int cause = errno;
		char reason[REASON_MAX];
		long insn;

		request.attr.btf_log_buf = (uint64_t)(uintptr_t)log;
		request.attr.btf_log_size = sizeof(log);
		request.attr.btf_log_level = 1;
		bpf_call(BPF_BTF_LOAD, &request);
		bpf_log_reason(log, reason, sizeof(reason), &insn);
		snprintf(loading->error, loading->error_size, "the kernel refuses its types: %s%s%s", strerror(cause), *reason ? ": " : "", reason);
	} else if (!types) {
		snprintf(loading->error, loading->error_size, "out of memory");
	}
	free(types);
	return loading->types_fd >= 0;
}

/* True if a line of the verifier's log is a number about its work, and no reason. */
static bool is_summary(const char *line)
{
	static const char *const begins[] = { "processed ", "verification time ", "stack depth ", "mark_precise:", "max_states", "peak_states", "func#",
		                              "arg#0 reference type(" };

	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (strncmp(line, begins[i], strlen(begins[i])) == 0)
			return true;
	return *line == '\0' || *line == ';';
}

/* Returns the number of the instruction at the start of a line, "12: (85) call ..."; -1: it is another line. */
static long insn_of(const char *line)
{
	char *end;
	long number;

	if (!isdigit((unsigned char)*line))
		return -1;
	number = strtol(line, &end, 10);
	return strncmp(end, ": (", 3) == 0 || strncmp(end, ": R", 3) == 0 ? number : -1;
}

void bpf_log_reason(const char *log, char *reason, size_t reason_size, long *insn)
{
	static const char explanation[] = "Verification failed:"; /* of Linux 7, in several lines that follow the reason */
	bool explained = false;
	const char *named;

	*insn = -1;
	*reason = '\0';
	while (*log) {
		const size_t len = strcspn(log, "\n");
		char line[REASON_MAX];
		long number;

		snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) - 1 ? len : sizeof(line) - 1), log);
		log += len + (log[len] == '\n');
		number = insn_of(line);
		if (number >= 0) {
			*insn = number;
			*reason = '\0';
			explained = false;
		} else if (!is_summary(line) && strncmp(line, "from ", 5) != 0) {
			const size_t used = strlen(reason);

			explained = explained || (used > 0 && strncmp(line, explanation, sizeof(explanation) - 1) == 0);
			if (explained)
				continue;
			snprintf(reason + used, reason_size - used, "%s%s", used > 0 ? "; " : "", line);
		}
	}
	named = strstr(reason, "insn ");
	if (named && isdigit((unsigned char)named[5]))
		*insn = strtol(named + 5, NULL, 10);
}

/* Says why the kernel refuses a program: loads it once more, for the verifier's log. */
static void refusal_write(struct loading *loading, union bpf_request *request, int cause)
{
	char *const log = calloc(1, LOG_BYTES);
	char reason[REASON_MAX] = "", place[REASON_MAX] = "";
	long insn = -1;

	if (log) {
		request->attr.log_buf = (uint64_t)(uintptr_t)log;
		request->attr.log_size = LOG_BYTES;
		request->attr.log_level = LOG_REASONS;
		bpf_call(BPF_PROG_LOAD, request);
		log[LOG_BYTES - 1] = '\0';
		bpf_log_reason(log, reason, sizeof(reason), &insn);
		place_write(loading->object, insn, place, sizeof(place));
	}
	free(log);
	if (cause == EPERM && !*reason)
		snprintf(loading->error, loading->error_size, "it may not be loaded: this needs root, or CAP_BPF and CAP_PERFMON");
	else
		snprintf(loading->error, loading->error_size, "the kernel's verifier refuses it: %s%s", place, *reason ? reason : strerror(cause));
}

int bpf_program_load(const struct bpf_kernel *kernel, const struct bpf_object *object, const struct bpf_maps *before, struct bpf_maps *maps, char *error,
                     size_t error_size)
{
	struct loading loading = { .kernel = kernel, .object = object, .maps = maps, .types_fd = -1, .error = error, .error_size = error_size };
	const int fds[] = { 0, kernel->fd };
	union bpf_request request = { 0 };
	int fd = -1;

	maps->count = 0;
	if (!has_global(&loading) && maps_make(&loading, before) && references_fill(&loading) && types_load(&loading)) {
		request.attr.prog_type = BPF_PROG_TYPE_STRUCT_OPS;
		request.attr.insn_cnt = object->insn_count;
		request.attr.insns = (uint64_t)(uintptr_t)loading.insn;
		request.attr.license = (uint64_t)(uintptr_t)object->license;
		memcpy(request.attr.prog_name, "tux_handle", sizeof("tux_handle"));
		request.attr.expected_attach_type = kernel->handle_index;
		request.attr.prog_btf_fd = (uint32_t)loading.types_fd;
		request.attr.func_info_rec_size = sizeof(struct bpf_func_info);
		request.attr.func_info = (uint64_t)(uintptr_t)object->function;
		request.attr.func_info_cnt = object->function_count;
		request.attr.line_info_rec_size = sizeof(struct bpf_line_info);
		request.attr.line_info = (uint64_t)(uintptr_t)object->line;
		request.attr.line_info_cnt = object->line_count;
		request.attr.attach_btf_id = kernel->ops;
		request.attr.attach_btf_obj_fd = (uint32_t)kernel->fd;
		request.attr.fd_array = (uint64_t)(uintptr_t)fds;
		fd = bpf_call(BPF_PROG_LOAD, &request);
		if (fd < 0)
			refusal_write(&loading, &request, errno);
	}
	free(loading.insn);
	if (loading.types_fd >= 0)
		close(loading.types_fd);
	if (fd < 0)
		bpf_maps_close(maps);
	return fd;
}

/* Returns the first map of SEC(".maps") that tux-bpf.ko refuses; NULL: none. */
static const struct bpf_map_spec *excessive_map(const struct bpf_object *object)
{
	for (unsigned i = 0; i < object->map_count; i++) {
		const struct bpf_map_spec *const map = &object->map[i];

		if (map->section == 0 && (map->key_size > TUX_MAX_BPF_KEY || map->value_size > TUX_MAX_BPF_VALUE || map->flags & BPF_F_ZERO_SEED))
			return map;
	}
	return NULL;
}

void bpf_program_excess_write(const struct bpf_object *object, int fd, char *error, size_t error_size)
{
	const struct bpf_map_spec *const map = excessive_map(object);
	struct bpf_prog_info info = { 0 };
	union bpf_request request = { .attr.info = { (uint32_t)fd, sizeof(info), (uint64_t)(uintptr_t)&info } };

	bpf_call(BPF_OBJ_GET_INFO_BY_FD, &request);
	if (info.verified_insns > TUX_MAX_BPF_VERIFIED)
		snprintf(error, error_size, "it is too long: the kernel's verifier has followed %u instructions, in all turns of its loops, and the limit is %d",
		         info.verified_insns, TUX_MAX_BPF_VERIFIED);
	else if (map && map->flags & BPF_F_ZERO_SEED)
		snprintf(error, error_size, "map %s has BPF_F_ZERO_SEED: clients could choose keys that are slow", map->full_name);
	else if (map)
		snprintf(error, error_size, "map %s has a key of %u and a value of %u bytes; the limits are %d and %d, because a handler copies them in softirq",
		         map->full_name, map->key_size, map->value_size, TUX_MAX_BPF_KEY, TUX_MAX_BPF_VALUE);
	else
		snprintf(error, error_size, "tux-bpf.ko refuses it: the kernel's log tells why");
}
