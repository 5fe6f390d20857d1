// SPDX-License-Identifier: GPL-2.0-or-later
/* Blocks for TUX_SETUP: right ones, in which the script changes some bytes. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../../core/file_handler.h"
#include "../../../core/host.h"
#include "../../../core/media_types.h"
#include "../../../core/route.h"
#include "../../../include/uapi/tux.h"

enum { HOSTS = 3, ROUTES = 4, NAMES = 4 };

struct blocks {
	struct tux_setup setup;
	struct tux_setup_host host[HOSTS];
	struct tux_setup_fields route_fields[ROUTES];
	struct tux_route route[ROUTES];
	struct tux_host_name name[NAMES];
	struct tux_file_type type[2];
	struct tux_media_type_of media[1];
	uint32_t fallback[2];
	char index[24];
	char route_text[24];
	char name_text[8];
	char lines[24];
	char media_text[12];
};

static uint64_t address(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

struct blocks *blocks_new(void)
{
	return calloc(1, sizeof(struct blocks));
}

/* The hash of core/host.c. */
static uint32_t name_hash(const char *name, uint32_t len)
{
	uint32_t value = 0;

	while (len > 0)
		value = (value + (uint8_t)name[--len]) * 2654435761u;
	return value;
}

static void add_name(struct blocks *blocks, uint32_t text, uint32_t len, uint32_t host)
{
	uint32_t hash = name_hash(blocks->name_text + text, len);
	uint32_t at = (uint32_t)((uint64_t)hash * NAMES >> 32);

	while (blocks->name[at].len != 0)
		at = (at + 1) % NAMES;
	blocks->name[at] = (struct tux_host_name){ .listeners = 3, .text = text, .host = host, .hash = hash, .len = len };
}

static void fill_fields(struct blocks *blocks, struct tux_setup_fields *fields, bool types)
{
	*fields = (struct tux_setup_fields){ .lines = address(blocks->lines), .len = 6 };
	if (types) {
		fields->types = address(blocks->media);
		fields->type_text = address(blocks->media_text);
		fields->type_count = 1;
		fields->type_text_len = 7;
		fields->fallback_len = 3;
	}
}

/* Routes in their order: static, handed over, of CGI, exact. */
static void fill_routes(struct blocks *blocks)
{
	static const char text[] = "/app//cgi//s/xx";

	memcpy(blocks->route_text, text, sizeof(text));
	blocks->route[0] = (struct tux_route){ .text = 0, .depth = 1, .prefix_len = 5, .handler = TUX_HANDLER_HANDOVER };
	blocks->route[1] = (struct tux_route){ .text = 5, .depth = 1, .prefix_len = 5, .handler = TUX_HANDLER_CGI };
	blocks->route[2] = (struct tux_route){ .text = 10, .depth = 1, .prefix_len = 3, .handler = TUX_HANDLER_STATIC };
}

static void fill_host(struct blocks *blocks, struct tux_setup_host *host, int root_fd, unsigned choice)
{
	*host = (struct tux_setup_host){
		.flags = choice & TUX_HOST_FLAGS,
		.root_fd = choice & 2 ? -1 : root_fd,
		.mode_allowed = 0004,
		.index_count = 2,
		.index_len = 17,
		.index = address(blocks->index),
	};
	if (choice & 4) {
		host->route_count = 3;
		host->route_text_len = 13;
		host->routes = address(blocks->route);
		host->route_text = address(blocks->route_text);
	}
	if (choice & 8)
		host->route_fields = address(blocks->route_fields);
	if (choice & 16) {
		host->file_types = address(blocks->type);
		host->file_type_count = 2;
		host->mode_cgi = 0100;
	}
	fill_fields(blocks, &host->fields, choice & 32);
}

/* Changes one byte of one block. */
static void bend(struct blocks *blocks, struct script *script)
{
	struct {
		void *at;
		size_t bytes;
	} part[] = {
		{ &blocks->setup, sizeof(blocks->setup) },
		{ blocks->host, sizeof(blocks->host) },
		{ blocks->route_fields, sizeof(blocks->route_fields) },
		{ blocks->route, sizeof(blocks->route) },
		{ blocks->name, sizeof(blocks->name) },
		{ blocks->type, sizeof(blocks->type) },
		{ blocks->media, sizeof(blocks->media) },
		{ blocks->fallback, offsetof(struct blocks, media_text) + sizeof(blocks->media_text) - offsetof(struct blocks, fallback) },
	};
	unsigned number = script_byte(script) % (sizeof(part) / sizeof(part[0]));
	size_t at = script_short(script) % part[number].bytes;

	((uint8_t *)part[number].at)[at] ^= script_byte(script);
}

struct tux_setup *blocks_fill(struct blocks *blocks, struct script *script, const int root_fd[2], int event_fd, unsigned handover_port)
{
	static const uint32_t limits[] = { 1000, 1, 2, 5 }, times[] = { 5000, 1, 8, 30 };
	unsigned choice = script_byte(script), of_hosts = script_byte(script), bends = script_byte(script) % 16;
	unsigned hosts = 1 + choice / 64 % HOSTS, i;

	memset(blocks, 0, sizeof(*blocks));
	memcpy(blocks->index, "index.html\0x.htm\0", 17);
	memcpy(blocks->lines, "A: b\r\n", 6);
	memcpy(blocks->media_text, "a/bc/de", 7);
	memcpy(blocks->name_text, "x.yz", 4);
	memcpy(blocks->media[0].extension, "txt", 3);
	blocks->media[0].type = (struct tux_media_type_text){ 3, 4 };
	memcpy(blocks->type[0].extension, "php", 3);
	blocks->type[0].selects = TUX_FILE_HANDLER_CGI;
	memcpy(blocks->type[1].extension, "old", 3);
	blocks->type[1].selects = TUX_FILE_HANDLER_REDIRECT;
	for (i = 0; i < ROUTES; i++)
		fill_fields(blocks, &blocks->route_fields[i], i == 1);
	fill_routes(blocks);
	for (i = 0; i < hosts; i++)
		fill_host(blocks, &blocks->host[i], root_fd[i % 2], of_hosts ^ (i == 1 ? choice : 0));
	add_name(blocks, 0, 1, 0);
	add_name(blocks, 1, 3, hosts - 1);
	blocks->fallback[1] = hosts - 1;
	blocks->setup = (struct tux_setup){
		.size = sizeof(blocks->setup),
		.flags = choice & TUX_SETUP_FLAGS,
		.event_fd = choice & 2 ? event_fd : -1,
		.max_connections = limits[choice / 4 % 4],
		.max_objects = choice & 16 ? 1 : 50,
		.head_timeout_ms = times[bends / 4],
		.send_timeout_ms = times[bends / 4],
		.idle_timeout_ms = times[bends / 4],
		.handover_port = choice & 32 ? handover_port : 0,
		.host_count = hosts,
		.name_count = NAMES,
		.name_text_len = 4,
		.listener_count = 2,
		.hosts = address(blocks->host),
		.names = address(blocks->name),
		.name_text = address(blocks->name_text),
		.fallbacks = address(blocks->fallback),
	};
	for (i = 0; i < bends % 4; i++)
		bend(blocks, script);
	return &blocks->setup;
}
