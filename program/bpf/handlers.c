/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/escape.h"
#include "../../engine/io/print.h"

static struct tux_verified *find(const struct tux_handlers *handlers, const char *name)
{
	for (unsigned i = 0; handlers && i < handlers->count; i++)
		if (strcmp(handlers->handler[i].name, name) == 0)
			return &handlers->handler[i];
	return NULL;
}

/* True if a handler responds that a later one would replace. */
static bool is_attached(const struct tux_verified *handler)
{
	return handler && handler->link_fd >= 0;
}

/* Keeps the maps of a former handler for a later one. */
static void keep_maps(struct tux_verified *handler, const struct tux_verified *before)
{
	for (unsigned i = 0; before && i < before->maps.count; i++) {
		struct bpf_map_open *const map = &handler->maps.map[handler->maps.count];

		*map = before->maps.map[i];
		map->fd = map->kept ? fcntl(map->fd, F_DUPFD_CLOEXEC, 0) : -1;
		handler->maps.count += map->fd >= 0;
	}
}

static bool add(struct tux_handlers *handlers, const char *name)
{
	struct tux_verified *const all = realloc(handlers->handler, (handlers->count + 1) * sizeof(*all));
	struct tux_verified one = { .ops_fd = -1, .link_fd = -1 };

	if (!all)
		return false;
	handlers->handler = all;
	one.name = strdup(name);
	if (!one.name)
		return false;
	all[handlers->count++] = one;
	return true;
}

/* Adds a handler for each module that has one. Returns malloc'ed tasks for them; NULL if there are none or out of memory. */
static struct bpf_loader_task *tasks_make(struct tux_handlers *handlers, const struct tux_modules *modules, const struct tux_handlers *before)
{
	struct bpf_loader_task *const task = calloc(modules->count + 1, sizeof(*task));

	for (unsigned i = 0; task && i < modules->count; i++) {
		const struct tux_module_config *const module = &modules->module[i];
		const struct tux_verified *const former = find(before, module->name);

		if (module->bpf && add(handlers, module->name))
			task[handlers->count - 1] = (struct bpf_loader_task){ module->name, module->bpf, former ? &former->maps : NULL };
	}
	return task;
}

void tux_handlers_load(struct tux_handlers *handlers, struct tux_settings *settings, const struct tux_handlers *before)
{
	struct tux_modules *const modules = &settings->modules;
	struct bpf_loader_task *task;

	*handlers = (struct tux_handlers){ 0 };
	for (unsigned i = 0; i < modules->count; i++)
		modules->module[i].verified = false;
	if (settings->engine != TUX_ENGINE_AUTO && settings->engine != TUX_ENGINE_KERNEL)
		return;
	task = tasks_make(handlers, modules, before);
	handlers->loading = handlers->count > 0;
	if (handlers->loading)
		bpf_loader_start(&handlers->loader, task, handlers->count); /* a failure is seen by bpf_loader_take() */
	free(task);
}

static const struct tux_module_config *module_of(const struct tux_settings *settings, const char *name)
{
	for (unsigned i = 0; i < settings->modules.count; i++)
		if (strcmp(settings->modules.module[i].name, name) == 0)
			return &settings->modules.module[i];
	return NULL;
}

/* Writes a message about a handler that was not loaded. */
static void complain(const struct tux_module_config *module, const struct tux_verified *former, const char *error, FILE *errors)
{
	const char *const instead = is_attached(former) ? "the handler before it stays" : module->file ? "its file responds" : "requests for it get 503";

	fprintf(errors, "tux: module %s: %s: ", module->name, module->bpf);
	file_put_escaped(errors, TUX_ESCAPE_MESSAGE, error, strlen(error));
	fprintf(errors, "; %s\n", instead);
}

bool tux_handlers_loaded(struct tux_handlers *handlers, const struct tux_settings *settings, const struct tux_handlers *before, FILE *errors)
{
	static struct bpf_loader_result result; /* the supervisor has one thread */

	while (handlers->loading && handlers->taken < handlers->count) {
		struct tux_verified *const handler = &handlers->handler[handlers->taken];
		const struct tux_verified *const former = find(before, handler->name);
		const struct tux_module_config *const module = module_of(settings, handler->name);

		if (bpf_loader_take(&handlers->loader, &result) == 0)
			return false;
		handlers->taken++;
		handler->ops_fd = result.ops_fd;
		handler->maps = result.maps;
		if (handler->ops_fd >= 0)
			continue;
		keep_maps(handler, former);
		if (module)
			complain(module, former, result.error, errors);
	}
	if (handlers->loading)
		bpf_loader_end(&handlers->loader);
	handlers->loading = false;
	return true;
}

int tux_handlers_fd(const struct tux_handlers *handlers)
{
	return handlers->loading ? handlers->loader.fd : -1;
}

bool tux_handlers_ended(struct tux_handlers *handlers, pid_t pid)
{
	if (!handlers->loading || handlers->loader.pid != pid)
		return false;
	handlers->loader.pid = 0;
	return true;
}

/* Checks one handler. Returns false with a sentence in error. */
static bool check(const struct tux_module_config *module, const struct bpf_kernel *kernel, char error[BPF_LOADER_ERROR])
{
	static struct bpf_loader_result result;
	struct bpf_object object;
	bool good;

	memset(&object, 0, sizeof(object));
	if (!kernel) {
		good = bpf_loader_file_permitted(module->name, module->bpf, geteuid() == 0, error, BPF_LOADER_ERROR) &&
		       bpf_object_open(&object, module->bpf, error, BPF_LOADER_ERROR);
		bpf_object_close(&object);
		return good;
	}
	bpf_loader_run(kernel, &(struct bpf_loader_task){ module->name, module->bpf, NULL }, &result);
	memcpy(error, result.error, BPF_LOADER_ERROR);
	if (result.ops_fd < 0)
		return false;
	close(result.ops_fd);
	bpf_maps_close(&result.maps);
	return true;
}

unsigned tux_handlers_check(const struct tux_settings *settings, const char *path, FILE *errors)
{
	const struct tux_modules *const modules = &settings->modules;
	struct bpf_kernel kernel = { .fd = -1 };
	char error[BPF_LOADER_ERROR];
	bool wanted = false, opened;
	unsigned failures = 0;

	for (unsigned i = 0; i < modules->count; i++)
		wanted = wanted || modules->module[i].bpf;
	opened = wanted && bpf_kernel_open(&kernel, error, sizeof(error));
	for (unsigned i = 0; i < modules->count; i++) {
		const struct tux_module_config *const module = &modules->module[i];

		if (!module->bpf || check(module, opened ? &kernel : NULL, error))
			continue;
		fprintf(errors, "%s:%u: module %s: %s: ", path, modules->line[i], module->name, module->bpf);
		file_put_escaped(errors, TUX_ESCAPE_MESSAGE, error, strlen(error));
		fputc('\n', errors);
		failures++;
	}
	bpf_kernel_close(&kernel);
	return failures;
}

/* Attaches a handler that is loaded. Writes a message about a failure to errors. */
static void attach(struct tux_verified *handler, FILE *errors)
{
	handler->link_fd = bpf_ops_attach(handler->ops_fd);
	if (handler->link_fd < 0)
		fprintf(errors, "tux: module %s: cannot attach its handler: %s%s\n", handler->name, strerror(errno),
		        errno == EEXIST ? "; the kernel has a handler of this name, of another server" : "");
}

void tux_handlers_attach(struct tux_handlers *handlers, struct tux_settings *settings, const struct tux_handlers *before, FILE *errors)
{
	for (unsigned i = 0; i < settings->modules.count; i++) {
		struct tux_module_config *const module = &settings->modules.module[i];
		struct tux_verified *const handler = find(handlers, module->name);
		const struct tux_verified *const former = find(before, module->name);

		if (handler && handler->ops_fd >= 0 && handler->link_fd < 0 && !is_attached(former))
			attach(handler, errors);
		module->verified = handler && (is_attached(handler) || is_attached(former));
	}
}

void tux_handlers_replace(struct tux_handlers *handlers, struct tux_handlers *before, FILE *errors)
{
	for (unsigned i = 0; i < handlers->count; i++) {
		struct tux_verified *const handler = &handlers->handler[i];
		struct tux_verified *const former = find(before, handler->name);

		if (!is_attached(former))
			continue;
		if (handler->ops_fd < 0 || bpf_ops_replace(former->link_fd, handler->ops_fd)) {
			handler->link_fd = former->link_fd;
			former->link_fd = -1;
			continue;
		}
		close(former->link_fd);
		former->link_fd = -1;
		attach(handler, errors);
	}
	tux_handlers_close(before);
}

void tux_handlers_close(struct tux_handlers *handlers)
{
	if (handlers->loading)
		bpf_loader_end(&handlers->loader);
	for (unsigned i = 0; i < handlers->count; i++) {
		struct tux_verified *const handler = &handlers->handler[i];

		if (handler->link_fd >= 0)
			close(handler->link_fd);
		if (handler->ops_fd >= 0)
			close(handler->ops_fd);
		bpf_maps_close(&handler->maps);
		free((char *)handler->name);
	}
	free(handlers->handler);
	*handlers = (struct tux_handlers){ 0 };
}

void tux_handlers_leave(struct tux_handlers *handlers)
{
	if (handlers->loading)
		bpf_loader_leave(&handlers->loader);
	handlers->loading = false;
	tux_handlers_close(handlers);
}
