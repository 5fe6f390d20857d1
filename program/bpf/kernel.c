/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULE_NAME "tux_bpf"
#define OPS_NAME    "tux_bpf_ops"

/* Later than the headers of Linux 6.1. */
enum {
	FLAG_LINK = 1 << 13,          /* BPF_F_LINK */
	FLAG_VALUE_OF_BTF = 1 << 15,  /* BPF_F_VTYPE_BTF_OBJ_FD */
	VALUE_BTF_FD_AT = 72,         /* value_type_btf_obj_fd of BPF_MAP_CREATE, after map_extra */
	ATTACH_STRUCT_OPS = 44,       /* BPF_STRUCT_OPS of enum bpf_attach_type */
	MAX_VALUE = 4096,             /* bytes of the structure of a handler */
};

int bpf_call(enum bpf_cmd command, union bpf_request *request)
{
	return (int)syscall(SYS_bpf, command, request, sizeof(*request));
}

static uint64_t address(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

/* Reads a file of sysfs, whose size it tells. Returns malloc'ed octets; NULL with errno. */
static uint8_t *read_file(const char *path, size_t *len)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	uint8_t *octets = NULL;
	ssize_t got;

	*len = 0;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && status.st_size > 0)
		octets = malloc((size_t)status.st_size);
	while (octets && *len < (size_t)status.st_size && (got = read(fd, octets + *len, (size_t)status.st_size - *len)) > 0)
		*len += (size_t)got;
	close(fd);
	return octets;
}

/* Opens the BTF of a module by its name. Returns -1 with errno: ENOENT if it has none. */
static int btf_open(const char *name)
{
	uint32_t id = 0;

	for (;;) {
		union bpf_request request = { .attr.start_id = id };
		struct bpf_btf_info info = { 0 };
		char found[64] = "";
		int fd;

		if (bpf_call(BPF_BTF_GET_NEXT_ID, &request) < 0)
			return -1;
		id = request.attr.next_id;
		request = (union bpf_request){ .attr.btf_id = id };
		fd = bpf_call(BPF_BTF_GET_FD_BY_ID, &request);
		if (fd < 0 && errno == ENOENT)
			continue; /* it was unloaded meanwhile */
		if (fd < 0)
			return -1;
		info.name = address(found);
		info.name_len = sizeof(found);
		request = (union bpf_request){ .attr.info = { (uint32_t)fd, sizeof(info), address(&info) } };
		if (bpf_call(BPF_OBJ_GET_INFO_BY_FD, &request) == 0 && info.kernel_btf && strcmp(found, name) == 0)
			return fd;
		close(fd);
	}
}

/* Finds the members of a handler's structure. */
static bool ops_find(struct bpf_kernel *kernel)
{
	const struct btf_types *const types = &kernel->types;
	const struct btf_type *type;
	struct btf_part part;
	unsigned found = 0;

	kernel->ops = btf_find(types, BTF_KIND_STRUCT, OPS_NAME);
	kernel->value = btf_find(types, BTF_KIND_STRUCT, "bpf_struct_ops_" OPS_NAME);
	if (kernel->ops == 0 || kernel->value == 0)
		return false;
	type = btf_type_at(types, kernel->value);
	kernel->value_size = type->size;
	for (uint32_t i = 0; btf_part_at(types, type, i, &part); i++)
		if (strcmp(part.name, "data") == 0) {
			kernel->ops_off = part.off / 8;
			found |= 1;
		}
	type = btf_type_at(types, kernel->ops);
	for (uint32_t i = 0; btf_part_at(types, type, i, &part); i++) {
		if (strcmp(part.name, "handle") == 0) {
			kernel->handle_index = i;
			kernel->handle_off = part.off / 8;
			found |= 2;
		} else if (strcmp(part.name, "name") == 0) {
			kernel->name_off = part.off / 8;
			kernel->name_size = btf_size(types, part.type);
			found |= 4;
		}
	}
	return found == 7 && kernel->value_size <= MAX_VALUE && kernel->ops_off < kernel->value_size &&
	       kernel->name_off + kernel->name_size <= kernel->value_size - kernel->ops_off &&
	       kernel->handle_off + sizeof(uint64_t) <= kernel->value_size - kernel->ops_off;
}

bool bpf_kernel_open(struct bpf_kernel *kernel, char *error, size_t error_size)
{
	size_t base_len, len;

	*kernel = (struct bpf_kernel){ .fd = -1 };
	kernel->file = read_file("/sys/kernel/btf/" MODULE_NAME, &len);
	if (!kernel->file && access("/sys/module/" MODULE_NAME, F_OK) == 0) {
		snprintf(error, error_size, "tux-bpf.ko was built without BTF: it needs pahole and the vmlinux of the kernel's headers");
		return false;
	}
	if (!kernel->file) {
		snprintf(error, error_size, "tux-bpf.ko is not loaded: modprobe tux-bpf, for a kernel that gives modules struct_ops (Linux 6.12 and later)");
		return false;
	}
	kernel->base_file = read_file("/sys/kernel/btf/vmlinux", &base_len);
	if (!kernel->base_file) {
		snprintf(error, error_size, "cannot read /sys/kernel/btf/vmlinux: %s", strerror(errno));
		return false;
	}
	if (!btf_types_open(&kernel->base, kernel->base_file, base_len, NULL, error, error_size) ||
	    !btf_types_open(&kernel->types, kernel->file, len, &kernel->base, error, error_size) || !ops_find(kernel)) {
		snprintf(error, error_size, "tux-bpf.ko is of another version of TUX, or its BTF is damaged");
		return false;
	}
	kernel->fd = btf_open(MODULE_NAME);
	if (kernel->fd >= 0)
		return true;
	snprintf(error, error_size, "cannot open the BTF of tux-bpf.ko: %s%s", strerror(errno),
	         errno == EPERM ? "; verified handlers need a start as root, or with CAP_SYS_ADMIN, CAP_BPF and CAP_PERFMON" : "");
	return false;
}

void bpf_kernel_close(struct bpf_kernel *kernel)
{
	btf_types_close(&kernel->types);
	btf_types_close(&kernel->base);
	free(kernel->file);
	free(kernel->base_file);
	if (kernel->fd >= 0)
		close(kernel->fd);
	*kernel = (struct bpf_kernel){ .fd = -1 };
}

uint32_t bpf_kernel_function(const struct bpf_kernel *kernel, const char *name)
{
	return strncmp(name, "tux_bpf_", 8) == 0 ? btf_find(&kernel->types, BTF_KIND_FUNC, name) : 0;
}

int bpf_map_make(uint32_t type, const char *name, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags)
{
	union bpf_request request = { .attr = { .map_type = type, .key_size = key_size, .value_size = value_size, .max_entries = max_entries, .map_flags = flags } };

	memcpy(request.attr.map_name, name, strnlen(name, BPF_OBJ_NAME_LEN - 1));
	return bpf_call(BPF_MAP_CREATE, &request);
}

bool bpf_map_get(int fd, const void *key, void *value)
{
	union bpf_request request = { 0 };

	request.attr.map_fd = (uint32_t)fd;
	request.attr.key = address(key);
	request.attr.value = address(value);
	return bpf_call(BPF_MAP_LOOKUP_ELEM, &request) == 0;
}

bool bpf_map_set(int fd, const void *key, const void *value, uint64_t flags)
{
	union bpf_request request = { 0 };

	request.attr.map_fd = (uint32_t)fd;
	request.attr.key = address(key);
	request.attr.value = address(value);
	request.attr.flags = flags;
	return bpf_call(BPF_MAP_UPDATE_ELEM, &request) == 0;
}

bool bpf_map_remove(int fd, const void *key)
{
	union bpf_request request = { 0 };

	request.attr.map_fd = (uint32_t)fd;
	request.attr.key = address(key);
	return bpf_call(BPF_MAP_DELETE_ELEM, &request) == 0;
}

bool bpf_map_next(int fd, const void *key, void *next)
{
	union bpf_request request = { 0 };

	request.attr.map_fd = (uint32_t)fd;
	request.attr.key = address(key);
	request.attr.next_key = address(next);
	return bpf_call(BPF_MAP_GET_NEXT_KEY, &request) == 0;
}

bool bpf_map_describe(int fd, struct bpf_map_info *info)
{
	union bpf_request request = { .attr.info = { (uint32_t)fd, sizeof(*info), address(info) } };

	memset(info, 0, sizeof(*info));
	return bpf_call(BPF_OBJ_GET_INFO_BY_FD, &request) == 0;
}

/* Opens the BTF that a program was loaded with. Returns -1 with errno. */
static int program_btf(int program_fd)
{
	struct bpf_prog_info info = { 0 };
	union bpf_request request = { .attr.info = { (uint32_t)program_fd, sizeof(info), address(&info) } };

	if (bpf_call(BPF_OBJ_GET_INFO_BY_FD, &request) < 0)
		return -1;
	request = (union bpf_request){ .attr.btf_id = info.btf_id };
	return bpf_call(BPF_BTF_GET_FD_BY_ID, &request);
}

/* Makes the map of a handler, empty. The kernel wants the BTF of the program for it. Returns -1 with errno. */
static int ops_map(const struct bpf_kernel *kernel, int program_fd)
{
	const int32_t kernel_btf = kernel->fd;
	const int btf_fd = program_btf(program_fd);
	union bpf_request request = { 0 };
	int fd, before;

	if (btf_fd < 0)
		return -1;
	request.attr.map_type = BPF_MAP_TYPE_STRUCT_OPS;
	request.attr.key_size = sizeof(uint32_t);
	request.attr.value_size = kernel->value_size;
	request.attr.max_entries = 1;
	request.attr.map_flags = FLAG_LINK | FLAG_VALUE_OF_BTF;
	memcpy(request.attr.map_name, OPS_NAME, sizeof(OPS_NAME));
	request.attr.btf_fd = (uint32_t)btf_fd;
	request.attr.btf_vmlinux_value_type_id = kernel->value;
	memcpy(request.octets + VALUE_BTF_FD_AT, &kernel_btf, sizeof(kernel_btf));
	fd = bpf_call(BPF_MAP_CREATE, &request);
	before = errno;
	close(btf_fd);
	errno = before;
	return fd;
}

int bpf_ops_make(const struct bpf_kernel *kernel, const char *name, int program_fd)
{
	const uint64_t program = (uint64_t)program_fd;
	const uint32_t key = 0;
	uint8_t value[MAX_VALUE] = { 0 };
	uint8_t *const ops = value + kernel->ops_off;
	int fd, before;

	if (strlen(name) >= kernel->name_size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = ops_map(kernel, program_fd);
	if (fd < 0)
		return -1;
	memcpy(ops + kernel->handle_off, &program, sizeof(program));
	memcpy(ops + kernel->name_off, name, strlen(name));
	if (bpf_map_set(fd, &key, value, 0))
		return fd;
	before = errno;
	close(fd);
	errno = before;
	return -1;
}

int bpf_ops_attach(int ops_fd)
{
	union bpf_request request = { .attr.link_create = { .prog_fd = (uint32_t)ops_fd, .attach_type = ATTACH_STRUCT_OPS } };

	return bpf_call(BPF_LINK_CREATE, &request);
}

bool bpf_ops_replace(int link_fd, int ops_fd)
{
	union bpf_request request = { .attr.link_update = { .link_fd = (uint32_t)link_fd, .new_prog_fd = (uint32_t)ops_fd } };

	return bpf_call(BPF_LINK_UPDATE, &request) == 0;
}
