/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's side: bpf(2), and the types and functions of tux-bpf.ko. Descriptors are closed on exec. */
#ifndef TUX_PROGRAM_BPF_KERNEL_H
#define TUX_PROGRAM_BPF_KERNEL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "btf.h"

/* A union bpf_attr of a kernel that is newer than the headers. */
union bpf_request {
	union bpf_attr attr;
	uint8_t octets[256];
};

/* Calls bpf(2). Returns -1 with errno. */
int bpf_call(enum bpf_cmd command, union bpf_request *request);

/* The types of tux-bpf.ko, and where a handler's structure has its members. */
struct bpf_kernel {
	int fd;                  /* of its BTF; -1: none */
	uint8_t *base_file, *file; /* malloc'ed */
	struct btf_types base, types;
	uint32_t ops, value;     /* numbers of struct tux_bpf_ops, and of the one that the kernel has it in */
	uint32_t value_size, ops_off; /* bytes of that one, and from its start to the handler's structure */
	uint32_t handle_index, handle_off, name_off, name_size;
};

/* Finds tux-bpf.ko. Returns false with a sentence in error that says why this machine has no verified handlers; the caller calls bpf_kernel_close(), also then. */
bool bpf_kernel_open(struct bpf_kernel *kernel, char *error, size_t error_size);
void bpf_kernel_close(struct bpf_kernel *kernel);

/* Returns the number of a function that handlers may call; 0: tux-bpf.ko does not have it. */
uint32_t bpf_kernel_function(const struct bpf_kernel *kernel, const char *name);

/* Maps. Functions return -1 or false with errno. */
int bpf_map_make(uint32_t type, const char *name, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags);
bool bpf_map_get(int fd, const void *key, void *value);
bool bpf_map_set(int fd, const void *key, const void *value, uint64_t flags);
bool bpf_map_remove(int fd, const void *key);
bool bpf_map_next(int fd, const void *key, void *next); /* key NULL: the first */
bool bpf_map_describe(int fd, struct bpf_map_info *info);

/* Makes the map that holds a handler, attaches it, and attaches another one in its place. Return -1 or false with errno. */
int bpf_ops_make(const struct bpf_kernel *kernel, const char *name, int program_fd);
int bpf_ops_attach(int ops_fd);
bool bpf_ops_replace(int link_fd, int ops_fd);

#endif
