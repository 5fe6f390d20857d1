// SPDX-License-Identifier: GPL-2.0-or-later
/* Set-ups for TUX_SETUP. Each is valid before the script changes some of its bytes. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../../core/file_handler.h"
#include "../../../core/host.h"
#include "../../../core/media_types.h"
#include "../../../core/route.h"
#include "../../../include/uapi/tux.h"

enum { HOSTS = 3, ROUTES = 4, NAMES = 4, MODULES = 2 };

struct setup {
	struct tux_setup call;
	struct tux_setup_host host[HOSTS];
	struct tux_setup_fields route_fields[ROUTES];
	struct tux_route route[ROUTES];
	struct tux_host_name name[NAMES];
	struct tux_file_type type[2];
	struct tux_media_type_of media[1];
	struct tux_setup_module module[MODULES];
	uint32_t fallback[2];
	char index[24];
	char route_text[24];
	char name_text[8];
	char lines[24];
	char media_text[12];
	char module_text[24];
};

static uint64_t address(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

struct setup *setup_new(void)
{
	return calloc(1, sizeof(struct setup));
}

static void add_name(struct setup *memory, uint32_t text, uint32_t len, uint32_t host)
{
	const struct tux_host_name name = { .listeners = 3, .text = text, .host = host, .len = len };

	tux_host_names_insert(memory->name, NAMES, (const uint8_t *)memory->name_text, name);
}

static void fill_fields(struct setup *memory, struct tux_setup_fields *fields, bool types)
{
	*fields = (struct tux_setup_fields){ .lines = address(memory->lines), .len = 6, .error_lines = address(memory->lines), .error_len = 6,
		.removed = address(memory->lines), .removed_len = types ? 7 : 0 };
	if (types) {
		fields->types = address(memory->media);
		fields->type_text = address(memory->media_text);
		fields->type_count = 1;
		fields->type_text_len = 7;
		fields->fallback_len = 3;
	}
}

/* Routes in their order: handed over, of a module of the kernel, static. */
static void fill_routes(struct setup *memory)
{
	static const char text[] = "/app//cgi//s/xx";

	memcpy(memory->route_text, text, sizeof(text));
	memory->route[0] = (struct tux_route){ .text = 0, .depth = 1, .prefix_len = 5, .handler = TUX_HANDLER_HANDOVER };
	memory->route[1] = (struct tux_route){ .text = 5, .depth = 1, .prefix_len = 5, .handler = TUX_HANDLER_MODULE };
	memory->route[2] = (struct tux_route){ .text = 10, .depth = 1, .prefix_len = 3, .handler = TUX_HANDLER_STATIC };
}

static void fill_host(struct setup *memory, struct tux_setup_host *host, int root_fd, unsigned choice)
{
	*host = (struct tux_setup_host){
		.flags = choice & TUX_HOST_FLAGS,
		.root_fd = choice & 2 ? -1 : root_fd,
		.mode_allowed = 0004,
		.index_count = 2,
		.index_len = 17,
		.index = address(memory->index),
	};
	if (choice & 4) {
		host->route_count = 3;
		host->route_text_len = 13;
		host->routes = address(memory->route);
		host->route_text = address(memory->route_text);
	}
	if (choice & 8)
		host->route_fields = address(memory->route_fields);
	if (choice & 16) {
		host->file_types = address(memory->type);
		host->file_type_count = 2;
		host->mode_cgi = 0100;
	}
	fill_fields(memory, &host->fields, choice & 32);
}

/* Changes one byte of a structure, or of a text. */
static void change_byte(struct setup *memory, struct script *script)
{
	struct {
		void *at;
		size_t bytes;
	} part[] = {
		{ &memory->call, sizeof(memory->call) },
		{ memory->host, sizeof(memory->host) },
		{ memory->route_fields, sizeof(memory->route_fields) },
		{ memory->route, sizeof(memory->route) },
		{ memory->name, sizeof(memory->name) },
		{ memory->type, sizeof(memory->type) },
		{ memory->media, sizeof(memory->media) },
		{ memory->module, sizeof(memory->module) },
		{ memory->fallback, offsetof(struct setup, module_text) + sizeof(memory->module_text) - offsetof(struct setup, fallback) },
	};
	unsigned number = script_byte(script) % (sizeof(part) / sizeof(part[0]));
	size_t at = script_short(script) % part[number].bytes;

	((uint8_t *)part[number].at)[at] ^= script_byte(script);
}

struct tux_setup *setup_fill(struct setup *memory, struct script *script, const int root_fd[2], int event_fd, unsigned handover_port)
{
	static const uint32_t limits[] = { 1000, 1, 2, 5 }, times[] = { 5000, 1, 8, 30 };
	unsigned choice = script_byte(script), of_hosts = script_byte(script), changes = script_byte(script) % 16;
	unsigned hosts = 1 + choice / 64 % HOSTS, i;

	memset(memory, 0, sizeof(*memory));
	memcpy(memory->index, "index.html\0x.htm\0", 17);
	memcpy(memory->lines, "A: b\r\n", 6);
	memcpy(memory->media_text, "a/bc/de", 7);
	memcpy(memory->name_text, "x.yz", 4);
	memcpy(memory->media[0].extension, "txt", 3);
	memory->media[0].type = (struct tux_media_type_text){ 3, 4 };
	memcpy(memory->type[0].extension, "php", 3);
	memory->type[0].selects = TUX_FILE_HANDLER_CGI;
	memcpy(memory->type[1].extension, "old", 3);
	memory->type[1].selects = TUX_FILE_HANDLER_REDIRECT;
	for (i = 0; i < ROUTES; i++)
		fill_fields(memory, &memory->route_fields[i], i == 1);
	fill_routes(memory);
	memcpy(memory->module_text, "fuzzed\0key\0value\0other\0", 24);
	memory->module[0] = (struct tux_setup_module){ .flags = (of_hosts & 192) == 192 ? TUX_SETUP_MODULE_VERIFIED : TUX_SETUP_MODULE_KERNEL,
		.timeout_ms = times[changes / 4], .value_count = 1, .text_len = 17, .text = address(memory->module_text) };
	memory->module[1] = (struct tux_setup_module){ .timeout_ms = 1, .text_len = 1 };
	for (i = 0; i < hosts; i++)
		fill_host(memory, &memory->host[i], root_fd[i % 2], of_hosts ^ (i == 1 ? choice : 0));
	add_name(memory, 0, 1, 0);
	add_name(memory, 1, 3, hosts - 1);
	memory->fallback[1] = hosts - 1;
	memory->call = (struct tux_setup){
		.size = sizeof(memory->call),
		.flags = choice & TUX_SETUP_FLAGS,
		.event_fd = choice & 2 ? event_fd : -1,
		.max_connections = limits[choice / 4 % 4],
		.max_objects = choice & 16 ? 1 : 50,
		.head_timeout_ms = times[changes / 4],
		.send_timeout_ms = times[changes / 4],
		.idle_timeout_ms = times[changes / 4],
		.handover_port = choice & 32 ? handover_port : 0,
		.host_count = hosts,
		.name_count = NAMES,
		.name_text_len = 4,
		.listener_count = 2,
		.hosts = address(memory->host),
		.names = address(memory->name),
		.name_text = address(memory->name_text),
		.fallbacks = address(memory->fallback),
		.module_count = MODULES,
		.modules = address(memory->module),
	};
	for (i = 0; i < changes % 4; i++)
		change_byte(memory, script);
	return &memory->call;
}
