/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "maps.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"

enum {
	ERROR_MAX = 256,
	MAX_ENTRY = 1 << 16,  /* bytes of a key or a value */
	MAX_PROGRAM_MAPS = 64,
};

/* A map of a handler. */
struct found {
	int fd;
	struct bpf_map_info info;
	const char *module;
};

/* Called for each map. Returns false to end. */
typedef bool found_fn(const struct found *found, void *argument);

static bool is_number(uint32_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static bool parse_octets(const char *text, uint8_t *to, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		char pair[3] = "";

		if (!isxdigit((unsigned char)text[2 * i]) || !isxdigit((unsigned char)text[2 * i + 1]))
			return false;
		memcpy(pair, text + 2 * (size_t)i, 2);
		to[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return text[2 * (size_t)size] == '\0';
}

bool tux_map_parse(const char *text, uint8_t *to, uint32_t size)
{
	const size_t len = strlen(text);
	unsigned long long number;
	char *end;

	memset(to, 0, size);
	if (strncmp(text, "0x", 2) == 0)
		return parse_octets(text + 2, to, size);
	if (!is_number(size)) {
		if (len > size)
			return false;
		memcpy(to, text, len);
		return true;
	}
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*end || errno != 0 || (size < 8 && number >> (8 * size) != 0))
		return false;
	memcpy(to, &number, size); /* little-endian, as the machines that have tux-bpf.ko */
	return true;
}

void tux_map_print(FILE *out, const uint8_t *octets, uint32_t size)
{
	uint32_t len = size;
	bool text = true;

	if (is_number(size)) {
		unsigned long long number = 0;

		memcpy(&number, octets, size);
		fprintf(out, "%llu", number);
		return;
	}
	while (len > 0 && octets[len - 1] == 0)
		len--;
	for (uint32_t i = 0; i < len; i++)
		text = text && octets[i] > 0x20 && octets[i] < 0x7f;
	if (text && len > 0 && !(len > 1 && octets[0] == '0' && octets[1] == 'x')) {
		fprintf(out, "%.*s", (int)len, (const char *)octets);
		return;
	}
	fputs("0x", out);
	for (uint32_t i = 0; i < size; i++)
		fprintf(out, "%02x", octets[i]);
}

static int fd_by_id(enum bpf_cmd command, uint32_t id)
{
	union bpf_request request = { 0 };

	request.attr.map_id = id;
	return bpf_call(command, &request);
}

/* True for the variables of a handler, which are no map to its author. */
static bool is_variables(const char *name)
{
	return strncmp(name, "_rodata", 7) == 0 || strncmp(name, "_data", 5) == 0 || strncmp(name, "_bss", 4) == 0;
}

/* Calls each() for the maps of a program. Returns false if that ends. */
static bool program_maps(uint32_t program, const char *module, found_fn *each, void *argument)
{
	uint32_t ids[MAX_PROGRAM_MAPS];
	struct bpf_prog_info info = { .map_ids = (uint64_t)(uintptr_t)ids, .nr_map_ids = MAX_PROGRAM_MAPS };
	union bpf_request request = { 0 };
	const int fd = fd_by_id(BPF_PROG_GET_FD_BY_ID, program);
	bool on = true;

	if (fd < 0)
		return true;
	request.attr.info.bpf_fd = (uint32_t)fd;
	request.attr.info.info_len = sizeof(info);
	request.attr.info.info = (uint64_t)(uintptr_t)&info;
	if (bpf_call(BPF_OBJ_GET_INFO_BY_FD, &request) < 0)
		info.nr_map_ids = 0;
	for (uint32_t i = 0; on && i < info.nr_map_ids && i < MAX_PROGRAM_MAPS; i++) {
		struct found found = { .fd = fd_by_id(BPF_MAP_GET_FD_BY_ID, ids[i]), .module = module };

		if (found.fd < 0)
			continue;
		if (bpf_map_describe(found.fd, &found.info) && !is_variables(found.info.name))
			on = each(&found, argument);
		close(found.fd);
	}
	close(fd);
	return on;
}

/* Calls each() for the maps of all handlers, or of that of one module. Returns false with errno if the kernel does not tell. */
static bool all_maps(const struct bpf_kernel *kernel, const char *module, found_fn *each, void *argument)
{
	uint8_t *const value = calloc(1, kernel->value_size + 1);
	union bpf_request request = { 0 };
	const uint32_t key = 0;
	bool on = true;

	if (!value)
		return false;
	while (on) {
		const char *name = (const char *)value + kernel->ops_off + kernel->name_off;
		struct bpf_map_info info;
		uint64_t program;
		uint32_t id;
		int fd;

		if (bpf_call(BPF_MAP_GET_NEXT_ID, &request) < 0)
			break;
		id = request.attr.next_id;
		request = (union bpf_request){ 0 };
		request.attr.start_id = id;
		fd = fd_by_id(BPF_MAP_GET_FD_BY_ID, id);
		if (fd < 0)
			continue;
		if (bpf_map_describe(fd, &info) && info.type == BPF_MAP_TYPE_STRUCT_OPS && info.value_size == kernel->value_size &&
		    strcmp(info.name, "tux_bpf_ops") == 0 && bpf_map_get(fd, &key, value)) {
			memcpy(&program, value + kernel->ops_off + kernel->handle_off, sizeof(program));
			if (!module || strcmp(module, name) == 0)
				on = program_maps((uint32_t)program, name, each, argument);
		}
		close(fd);
	}
	free(value);
	return errno == ENOENT || !on;
}

static const char *type_name(uint32_t type)
{
	return type == BPF_MAP_TYPE_HASH ? "hash" : type == BPF_MAP_TYPE_ARRAY ? "array" : type == BPF_MAP_TYPE_LRU_HASH ? "LRU hash" : "map";
}

struct listing {
	FILE *out;
	unsigned count;
};

static bool list(const struct found *found, void *argument)
{
	struct listing *const listing = argument;

	listing->count++;
	fprintf(listing->out, "%s %s: %s of %u, key %u bytes, value %u bytes\n", found->module, found->info.name, type_name(found->info.type),
	        found->info.max_entries, found->info.key_size, found->info.value_size);
	return true;
}

struct search {
	const char *map;
	int fd;
	struct bpf_map_info info;
};

static bool choose(const struct found *found, void *argument)
{
	struct search *const search = argument;

	if (strcmp(found->info.name, search->map) != 0)
		return true;
	search->fd = dup(found->fd);
	search->info = found->info;
	return false;
}

/* An open map, and room for a key and a value. */
struct editing {
	const struct search *map;
	uint8_t *key, *value;
	FILE *out, *errors;
};

static bool fail(const struct editing *editing, const char *what, const char *text)
{
	fprintf(editing->errors, "tux: map %s: %s%s: %s\n", editing->map->map, what, text, strerror(errno));
	return false;
}

static bool key_parse(const struct editing *editing, const char *text)
{
	if (tux_map_parse(text, editing->key, editing->map->info.key_size))
		return true;
	fprintf(editing->errors, "tux: map %s: \"%s\" is no key of %u bytes\n", editing->map->map, text, editing->map->info.key_size);
	return false;
}

static bool set(const struct editing *editing, const char *key, const char *value)
{
	if (!key_parse(editing, key))
		return false;
	if (!tux_map_parse(value, editing->value, editing->map->info.value_size)) {
		fprintf(editing->errors, "tux: map %s: \"%s\" is no value of %u bytes\n", editing->map->map, value, editing->map->info.value_size);
		return false;
	}
	return bpf_map_set(editing->map->fd, editing->key, editing->value, 0) || fail(editing, "cannot set ", key);
}

static void entry_print(const struct editing *editing)
{
	tux_map_print(editing->out, editing->key, editing->map->info.key_size);
	fputc(' ', editing->out);
	tux_map_print(editing->out, editing->value, editing->map->info.value_size);
	fputc('\n', editing->out);
}

static bool print_all(const struct editing *editing)
{
	bool more = bpf_map_next(editing->map->fd, NULL, editing->key);

	for (uint32_t i = 0; more && i < editing->map->info.max_entries; i++) {
		if (bpf_map_get(editing->map->fd, editing->key, editing->value))
			entry_print(editing);
		more = bpf_map_next(editing->map->fd, editing->key, editing->key);
	}
	return true;
}

/* Sets the keys of lines "KEY VALUE". Reports each line that it cannot set. */
static bool fill(const struct editing *editing, FILE *in)
{
	char *line = NULL;
	size_t size = 0;
	bool good = true;

	while (getline(&line, &size, in) > 0) {
		char *rest = line, *const key = strsep(&rest, " \t\n"), *const value = rest ? strsep(&rest, " \t\n") : NULL;

		if (*key == '\0' || *key == '#')
			continue;
		if (value && *value) {
			good = set(editing, key, value) && good;
			continue;
		}
		fprintf(editing->errors, "tux: map %s: \"%s\" has no value: a line is KEY VALUE\n", editing->map->map, key);
		good = false;
	}
	free(line);
	return good;
}

static bool edit(const struct editing *editing, const struct tux_map_query *query, FILE *in)
{
	if (!query->key)
		return print_all(editing);
	if (strcmp(query->key, "-") == 0)
		return fill(editing, in);
	if (query->value)
		return set(editing, query->key, query->value);
	if (!key_parse(editing, query->key))
		return false;
	if (query->remove)
		return bpf_map_remove(editing->map->fd, editing->key) || fail(editing, "cannot remove ", query->key);
	if (!bpf_map_get(editing->map->fd, editing->key, editing->value))
		return fail(editing, "no ", query->key);
	entry_print(editing);
	return true;
}

static bool edit_map(const struct search *map, const struct tux_map_query *query, FILE *in, FILE *out, FILE *errors)
{
	struct editing editing = { map, NULL, NULL, out, errors };
	bool good = false;

	if (map->info.key_size <= MAX_ENTRY && map->info.value_size <= MAX_ENTRY) {
		editing.key = malloc(map->info.key_size);
		editing.value = malloc(map->info.value_size);
	}
	if (editing.key && editing.value)
		good = edit(&editing, query, in);
	else
		fprintf(errors, "tux: map %s: its entries are too large, or memory is short\n", map->map);
	free(editing.key);
	free(editing.value);
	return good;
}

int tux_bpf_map(const struct tux_map_query *query, FILE *in, FILE *out, FILE *errors)
{
	struct search search = { .map = query->map, .fd = -1 };
	struct listing listing = { out, 0 };
	struct bpf_kernel kernel;
	char error[ERROR_MAX];
	bool good = bpf_kernel_open(&kernel, error, sizeof(error));

	if (!good) {
		fprintf(errors, "tux: %s\n", error);
	} else if (!(query->map ? all_maps(&kernel, query->module, choose, &search) : all_maps(&kernel, query->module, list, &listing))) {
		fprintf(errors, "tux: cannot ask for maps: %s\n", strerror(errno));
		good = false;
	} else if (query->map && search.fd < 0) {
		fprintf(errors, "tux: no verified handler of a module %s has a map %s\n", query->module, query->map);
		good = false;
	} else if (query->map) {
		good = edit_map(&search, query, in, out, errors);
	} else if (query->module && listing.count == 0) {
		fprintf(errors, "tux: no verified handler of a module %s has maps\n", query->module);
		good = false;
	}
	if (search.fd >= 0)
		close(search.fd);
	bpf_kernel_close(&kernel);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
