/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dlopen() finds an object again by the name of its file, so each module has a copy with a name of its own, /proc/self/fd/N, whose
 * descriptor stays open. The copy is sealed: a file that is overwritten in place would change the code that runs.
 */
#include "loaded.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../io/place.h"
#include "../io/print.h"
#include "call.h"
#include "module_log.h"
#include "pool.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* Linux 6.3 */
#endif

enum { MAX_REQUEST_MEMORY = 4096 };

/* Where a failure is reported. */
struct failure {
	const char *name; /* of the module */
	bool of_root;     /* others than root must not be able to change the file */
	char *error;
	size_t size;
};

static bool __attribute__((format(printf, 2, 3))) fail(const struct failure *failure, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	print(failure->error, failure->size, "module %s: %s", failure->name, text);
	return false;
}

/* Opens the file of a module. Returns -1 after reporting the failure. */
static int file_open(const char *path, const struct failure *failure)
{
	struct tux_place place;
	struct stat st;
	int fd;

	if (!tux_place_open(path, true, &place)) {
		if (failure->of_root && errno == ELOOP)
			fail(failure, "%s has a link on its path that others than root can change, so a server that root starts does not load it", path);
		else
			fail(failure, "%s: %s", path, strerror(errno));
		return -1;
	}
	fd = openat(place.directory_fd, place.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		fail(failure, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		fail(failure, "%s is not a regular file", path);
	else if (failure->of_root && (place.shared || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0))
		fail(failure, "%s can be changed by others than root, so a server that root starts does not load it", path);
	else {
		tux_place_close(&place);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	tux_place_close(&place);
	return -1;
}

/* Returns a new file in memory that may be executed; -1 with errno. Kernels before 6.3 have no flag for it. */
static int memory_open(const char *name)
{
	const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	return fd >= 0 || errno != EINVAL ? fd : memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* Copies a whole file to another one. Returns false with errno. */
static bool copy(int to, int from)
{
	for (;;) {
		const ssize_t n = sendfile(to, from, NULL, 1 << 20);

		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* Returns a sealed copy of a module's file. Returns -1 after reporting the failure. */
static int copy_open(const char *path, const struct failure *failure)
{
	const int file = file_open(path, failure);
	int fd;

	if (file < 0)
		return -1;
	fd = memory_open(failure->name);
	if (fd >= 0 && copy(fd, file) && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0) {
		close(file);
		return fd;
	}
	fail(failure, "%s cannot be copied: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	close(file);
	return -1;
}

/* Checks what the module says of itself. */
static bool check(const struct tux_module *module, const struct failure *failure)
{
	if (module == NULL)
		return fail(failure, "tux_module_entry() returned NULL");
	if (module->abi != TUX_MODULE_ABI)
		return fail(failure, "it was built for version %u of the module interface, and this TUX has %u", module->abi, TUX_MODULE_ABI);
	if (module->api_bytes > sizeof(struct tux_api))
		return fail(failure, "it needs functions that this TUX lacks: %u bytes of struct tux_api, and this TUX has %zu; build it with an "
		                     "older header, or use a newer TUX",
		            module->api_bytes, sizeof(struct tux_api));
	if (module->size < offsetof(struct tux_module, request_bytes) + sizeof(module->request_bytes))
		return fail(failure, "its struct tux_module is too short: %u bytes", module->size);
	if ((module->flags & ~(uint32_t)TUX_MODULE_BODY_STREAMED) != 0)
		return fail(failure, "it has flags that this TUX lacks: 0x%x", module->flags);
	if (module->handle == NULL)
		return fail(failure, "it has no handle()");
	if (module->request_bytes > MAX_REQUEST_MEMORY)
		return fail(failure, "request_bytes is %u, and at most %u is permitted", module->request_bytes, MAX_REQUEST_MEMORY);
	return true;
}

/* Copies the members that a module of an older header lacks. */
static void find_newer(struct tux_loaded *loaded)
{
	const struct tux_module *module = loaded->module;

	if (module->size >= offsetof(struct tux_module, resumed) + sizeof(module->resumed))
		loaded->resumed = module->resumed;
	if (module->size >= offsetof(struct tux_module, writable) + sizeof(module->writable))
		loaded->writable = module->writable;
	if (module->size >= offsetof(struct tux_module, blocking) + sizeof(module->blocking))
		loaded->blocking = module->blocking;
	if (module->size >= offsetof(struct tux_module, readable) + sizeof(module->readable))
		loaded->readable = module->readable;
	loaded->reads = (module->flags & TUX_MODULE_BODY_STREAMED) != 0;
}

/* Returns the threads of this process; 0 if unknown. */
static unsigned thread_count(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned threads = 0;
	char line[128];

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "Threads: %u", &threads) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return threads;
}

/* Loads a module from a sealed copy of its file, which stays open, or another module could get its name. */
static bool load_copy(struct tux_loaded *loaded, int fd, const struct failure *failure)
{
	const char *const path = loaded->config->file;
	const struct tux_module *(*entry)(const struct tux_api *api);
	const unsigned threads = thread_count();
	char name[32];
	void *object, *symbol;
	int result;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (object == NULL)
		return fail(failure, "%s cannot be loaded: %s", path, dlerror());
	symbol = dlsym(object, "tux_module_entry");
	if (symbol == NULL)
		return fail(failure, "%s is no module of TUX: it lacks TUX_MODULE()", path);
	memcpy(&entry, &symbol, sizeof(entry));
	loaded->api = calls_api;
	loaded->api.module = loaded;
	loaded->module = entry(&loaded->api);
	if (!check(loaded->module, failure))
		return false;
	find_newer(loaded);
	result = loaded->module->load != NULL ? loaded->module->load() : 0;
	if (result < 0)
		return fail(failure, "load() failed: %s", strerror(-result));
	if (thread_count() > threads)
		return fail(failure, "load() has started a thread, which no sandbox would hold; start() is the place for it");
	return true;
}

static bool load(struct tux_loaded *loaded, const struct failure *failure)
{
	const int fd = copy_open(loaded->config->file, failure);

	if (fd < 0 || !load_copy(loaded, fd, failure))
		return false;
	if (loaded->blocking != NULL && loaded->config->threads == 0)
		return fail(failure, "its blocking() may wait, so it needs threads, or isolate on");
	return true;
}

int module_copy_open(const struct tux_module_config *module, bool of_root, char *error, size_t error_size)
{
	const struct failure failure = { module->name, of_root, error, error_size };

	return copy_open(module->file, &failure);
}

bool module_file_permitted(const char *name, const char *path, bool of_root, char *error, size_t error_size)
{
	const struct failure failure = { name, of_root, error, error_size };
	const int fd = file_open(path, &failure);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool modules_permitted(const struct tux_engine_config *config, char *error, size_t error_size)
{
	for (unsigned i = 0; i < config->module_count; i++) {
		const struct tux_module_config *module = &config->modules[i];

		if (module->file != NULL && !module->isolate && !module_file_permitted(module->name, module->file, true, error, error_size))
			return false;
	}
	return true;
}

struct tux_loaded *modules_load_copy(const struct tux_module_config *module, int fd, char *error, size_t error_size)
{
	const struct failure failure = { module->name, false, error, error_size };
	struct tux_loaded *loaded = calloc(1, sizeof(*loaded));

	if (loaded == NULL) {
		print(error, error_size, "no memory for the module");
		return NULL;
	}
	loaded->config = module;
	return load_copy(loaded, fd, &failure) ? loaded : NULL; /* a thread of the module may use what stays */
}

struct tux_loaded *modules_load(const struct tux_engine_config *config, bool of_root, char *error, size_t error_size)
{
	struct tux_loaded *loaded = calloc(config->module_count > 0 ? config->module_count : 1, sizeof(*loaded));

	if (loaded == NULL) {
		snprintf(error, error_size, "no memory for the modules");
		return NULL;
	}
	for (unsigned i = 0; i < config->module_count; i++) {
		const struct failure failure = { config->modules[i].name, of_root, error, error_size };

		loaded[i].config = &config->modules[i];
		if (loaded[i].config->file != NULL && !loaded[i].config->isolate && !load(&loaded[i], &failure)) {
			loaded[i].module = NULL;
			modules_unload(loaded, i);
			return NULL;
		}
	}
	return loaded;
}

bool modules_describe(const struct tux_engine_config *config, unsigned number, uint32_t *abi, uint32_t *functions)
{
	const struct tux_module *module = config->loaded != NULL ? config->loaded[number].module : NULL;
	const size_t first = offsetof(struct tux_api, req_method);

	*abi = module != NULL ? module->abi : 0;
	*functions = module != NULL && module->api_bytes > first ? (uint32_t)((module->api_bytes - first) / sizeof(void (*)(void))) : 0;
	return module != NULL;
}

bool modules_start(struct tux_loaded *loaded, const struct tux_engine_config *config, char *error, size_t error_size)
{
	for (unsigned i = 0; i < config->module_count; i++) {
		const struct tux_module *module = loaded[i].module;
		const struct failure failure = { config->modules[i].name, false, error, error_size };

		if (module == NULL)
			continue;
		for (unsigned thread = 0; module->start != NULL && thread < config->threads; thread++) {
			const int result = module->start(thread);

			if (result < 0)
				return fail(&failure, "start() failed: %s", strerror(-result));
		}
		if (config->modules[i].threads == 0 || config->modules[i].isolate)
			continue;
		loaded[i].pool = pool_start(config->modules[i].threads, config->modules[i].name, call_run_in_pool, call_return_unrun);
		if (loaded[i].pool == NULL)
			return fail(&failure, "its %u threads cannot be started: %s", config->modules[i].threads, strerror(errno));
	}
	return true;
}

bool modules_stop(struct tux_loaded *loaded, unsigned count)
{
	bool all = true;

	for (unsigned i = 0; i < count; i++) {
		if (loaded[i].pool == NULL)
			continue;
		if (pool_stop(loaded[i].pool)) {
			loaded[i].pool = NULL;
		} else {
			static const char text[] = "a thread does not return from handle(), so the module is not unloaded";

			module_log(&loaded[i], "", text, sizeof(text) - 1);
			all = false;
		}
	}
	return all;
}

bool modules_unload(struct tux_loaded *loaded, unsigned count)
{
	bool all = true;

	for (unsigned i = 0; loaded != NULL && i < count; i++) {
		all = all && loaded[i].pool == NULL;
		if (loaded[i].pool == NULL && loaded[i].module != NULL && loaded[i].module->unload != NULL)
			loaded[i].module->unload();
	}
	return all;
}
