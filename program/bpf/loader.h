/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads verified handlers in a process of its own, because the verifier may need seconds for one: the supervisor does its work meanwhile. The process gives
 * back the descriptors, one message a handler.
 */
#ifndef TUX_PROGRAM_BPF_LOADER_H
#define TUX_PROGRAM_BPF_LOADER_H

#include <sys/types.h>

#include "program.h"

enum {
	BPF_LOADER_ERROR = 768,       /* bytes of a sentence */
	BPF_LOADER_MAX_MS = 120000,   /* for all handlers of a configuration */
};

/* A handler to load. */
struct bpf_loader_task {
	const char *name, *path;
	const struct bpf_maps *before; /* maps of the former handler of the module; NULL: none */
};

/* A handler that was loaded, or why it was not. */
struct bpf_loader_result {
	int ops_fd;                 /* -1: it was not */
	struct bpf_maps maps;
	char error[BPF_LOADER_ERROR];
};

struct bpf_loader {
	pid_t pid; /* 0: it has ended */
	int fd;    /* -1: no loader */
	uint64_t until_ms;
};

/* Returns false with a sentence in error, without names, if a file is not permitted. of_root: it has to be one that only root can change. */
bool bpf_loader_file_permitted(const char *name, const char *path, bool of_root, char *error, size_t error_size);

/* Loads one handler in this process. kernel: bpf_kernel_open() has opened it. */
void bpf_loader_run(const struct bpf_kernel *kernel, const struct bpf_loader_task *task, struct bpf_loader_result *result);

/* Starts the process. Returns false with errno. */
bool bpf_loader_start(struct bpf_loader *loader, const struct bpf_loader_task *task, unsigned count);

/*
 * Takes the next handler, in the order of the tasks. Returns 1; 0: it is not loaded yet; -1 with a sentence in result: no further one comes, or the time is
 * over.
 */
int bpf_loader_take(struct bpf_loader *loader, struct bpf_loader_result *result);

/* Kills the process, and closes the descriptor. In a child process of the supervisor bpf_loader_leave() only closes. */
void bpf_loader_end(struct bpf_loader *loader);
void bpf_loader_leave(struct bpf_loader *loader);

#endif
