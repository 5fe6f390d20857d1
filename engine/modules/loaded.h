/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modules of this process: shared objects that are loaded once, before the sandbox, and never unloaded. */
#ifndef TUX_ENGINE_MODULES_LOADED_H
#define TUX_ENGINE_MODULES_LOADED_H

#include "../../include/tux/module.h"
#include "../config.h"

struct isolated;
struct pool;

struct tux_loaded {
	const struct tux_module_config *config;
	const struct tux_module *module; /* NULL: the configuration names the module, but no file of it */
	enum tux_result (*resumed)(struct tux_req *req); /* the module's; NULL: it has none */
	void (*writable)(struct tux_req *req);           /* like resumed */
	enum tux_result (*blocking)(struct tux_req *req); /* like resumed */
	void (*readable)(struct tux_req *req);           /* like resumed */
	bool reads;                      /* atomic: the module reads bodies in pieces. Of an isolated one, as its last process has said */
	struct tux_api api;              /* the functions that the module has */
	struct pool *pool;               /* of config->threads threads; NULL: the engine's threads call the module */
	struct isolated *isolated;       /* its processes; NULL: it is loaded here */
	uint64_t lines_since_ms;         /* atomic: start of the second in which lines were written */
	uint32_t lines;                  /* atomic: lines written in it */
};

/*
 * Loads the modules of the configuration that are not isolated from private copies of their files, so that a file may be overwritten later, and calls their
 * load(). Returns config->module_count entries, malloc'ed; NULL with a sentence in error. Call it without privileges, because a module
 * and its libraries are not the server's code, and before the sandbox. of_root: refuses a file that others than root can change; who can
 * change its folders is for modules_permitted(), because only root looks at that.
 */
struct tux_loaded *modules_load(const struct tux_engine_config *config, bool of_root, char *error, size_t error_size);

/*
 * Loads an isolated module in its process, from a sealed copy of its file that module_copy_open() has made elsewhere. The entry is malloc'ed.
 * Returns NULL with a sentence in error. module_copy_open() returns a descriptor; -1 with a sentence in error.
 */
struct tux_loaded *modules_load_copy(const struct tux_module_config *module, int fd, char *error, size_t error_size);
int module_copy_open(const struct tux_module_config *module, bool of_root, char *error, size_t error_size);

/* Returns false with a sentence in error if others than root can change the files of modules that are not isolated. Call it as root. */
bool modules_permitted(const struct tux_engine_config *config, char *error, size_t error_size);

/* True if the module reads bodies in pieces. */
static inline bool module_reads_bodies(const struct tux_loaded *loaded)
{
	return __atomic_load_n(&loaded->reads, __ATOMIC_RELAXED);
}

/* Returns false with a sentence in error if a file that the module loads itself is not what modules_load() permits. Call it as root, if of_root. */
bool module_file_permitted(const char *name, const char *path, bool of_root, char *error, size_t error_size);

/* Returns the ABI of a module, and the functions that its interface had when it was built. Returns false if the module is not loaded. */
bool modules_describe(const struct tux_engine_config *config, unsigned number, uint32_t *abi, uint32_t *functions);

/*
 * Starts the modules for the threads of the engine: start() of each, and the threads of pools. Returns false with a sentence in error.
 * Call it before the filter of system calls.
 */
bool modules_start(struct tux_loaded *loaded, const struct tux_engine_config *config, char *error, size_t error_size);

/* Ends the threads of pools. Returns false if one is still in a module: then nothing that the module may use can be freed. */
bool modules_stop(struct tux_loaded *loaded, unsigned count);

/*
 * Calls unload() of the modules. The entries stay, because a thread of a module may still use them. loaded may be NULL. Returns false if
 * modules_stop() has left a module: then the process ends by _exit(2), without freeing anything.
 */
bool modules_unload(struct tux_loaded *loaded, unsigned count);

#endif
