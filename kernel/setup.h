/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
/* Checks the copies of a set-up's structures: flags, counts and lengths. Tables have their checks in core/. Pure, any context. */
#ifndef TUX_KERNEL_SETUP_H
#define TUX_KERNEL_SETUP_H

#include "../core/file_handler.h"
#include "../core/host.h"
#include "../core/media_types.h"
#include "../core/response.h"
#include "../core/route.h"
#include "../include/uapi/tux.h"

enum {
	MAX_CONNECTIONS = 1 << 24,
	MAX_OBJECTS = 1 << 20,                /* cached open files */
	MAX_TIMEOUT_MS = 24 * 60 * 60 * 1000, /* one day */
	MAX_PORT = 65535,
	MAX_MODE = 07777,                     /* all mode bits */
	MAX_INDEX_TEXT = TUX_MAX_INDEX * (TUX_MAX_INDEX_LEN + 1), /* bytes of all index names with their NULs */
};

/* For the proof: number of NULs among the first octets. */
/*@ logic integer setup_names{L}(uint8_t *at, integer len) =
  @   len <= 0 ? 0 : setup_names(at, len - 1) + (at[len - 1] == 0 ? 1 : 0);
  @*/

/* True if the numbers of a set-up are in their ranges. */
/*@ requires \valid_read(setup);
  @ assigns \nothing;
  @ ensures \result ==> setup->size == sizeof(struct tux_setup) && setup->flags <= 1 && setup->module_count <= TUX_MAX_SETUP_MODULES;
  @ ensures \result ==> 1 <= setup->max_connections <= MAX_CONNECTIONS && 1 <= setup->max_objects <= MAX_OBJECTS;
  @ ensures \result ==> 1 <= setup->head_timeout_ms <= MAX_TIMEOUT_MS && 1 <= setup->send_timeout_ms <= MAX_TIMEOUT_MS &&
  @   1 <= setup->idle_timeout_ms <= MAX_TIMEOUT_MS;
  @ ensures \result ==> setup->handover_port <= MAX_PORT;
  @*/
bool ktux_setup_valid(const struct tux_setup *setup);

/* True if the counts of the table of names, of its hosts and of listeners are in their ranges. */
/*@ requires \valid_read(setup);
  @ assigns \nothing;
  @ ensures \result ==> 1 <= setup->host_count <= TUX_MAX_HOSTS && setup->name_count <= TUX_MAX_HOST_SLOTS &&
  @   setup->name_text_len <= TUX_MAX_HOST_TEXT && 1 <= setup->listener_count <= TUX_MAX_HOST_LISTENERS;
  @*/
bool ktux_setup_counts_valid(const struct tux_setup *setup);

/* True if flags and mode bits of a host are known, and its counts and lengths are in their ranges. */
/*@ requires \valid_read(host);
  @ assigns \nothing;
  @ ensures \result ==> host->flags <= 1 && host->mode_allowed <= MAX_MODE && host->mode_forbidden <= MAX_MODE &&
  @   host->mode_cgi <= MAX_MODE && host->mode_module <= MAX_MODE;
  @ ensures \result ==> host->index_count <= TUX_MAX_INDEX && host->index_len <= MAX_INDEX_TEXT;
  @ ensures \result ==> host->route_count <= TUX_MAX_ROUTES && host->route_text_len <= TUX_MAX_ROUTE_TEXT;
  @ ensures \result && host->route_count > 0 ==> host->route_text_len > 0;
  @ ensures \result ==> host->file_type_count <= TUX_MAX_FILE_TYPES;
  @*/
bool ktux_setup_host_valid(const struct tux_setup_host *host);

/* True if the lengths of header fields and media types are in their ranges, and omissions are known. */
/*@ requires \valid_read(fields);
  @ assigns \nothing;
  @ ensures \result ==> fields->len <= TUX_MAX_FIELD_LINES && fields->error_len <= TUX_MAX_FIELD_LINES;
  @ ensures \result ==> fields->omit <= TUX_OMISSIONS && fields->removed_len <= TUX_MAX_FIELD_LINES;
  @ ensures \result ==> fields->type_count <= TUX_MAX_MEDIA_TYPES && fields->type_text_len <= TUX_MAX_MEDIA_TYPE_TEXT;
  @*/
bool ktux_setup_fields_valid(const struct tux_setup_fields *fields);

/*
 * True if the text is count names of indexes, each of 1 to TUX_MAX_INDEX_LEN bytes without '/', and followed by NUL: a walk over
 * count names stays inside.
 */
/*@ requires \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result ==> setup_names(text, len) == count && (len > 0 ==> text[len - 1] == 0);
  @ ensures \result ==> \forall integer k; 0 <= k < len ==> text[k] != '/';
  @*/
bool ktux_setup_index_valid(const uint8_t *text, uint32_t len, uint32_t count);

/* True if the flags of a module are known, and its counts and lengths are in their ranges. */
/*@ requires \valid_read(module);
  @ assigns \nothing;
  @ ensures \result ==> module->flags <= 3 && 1 <= module->timeout_ms <= MAX_TIMEOUT_MS;
  @ ensures \result ==> module->value_count <= TUX_MAX_SETUP_VALUES && 1 <= module->text_len <= TUX_MAX_SETUP_MODULE_TEXT;
  @*/
bool ktux_setup_module_valid(const struct tux_setup_module *module);

/*
 * True if the text of a module is count texts, each followed by NUL, the first of them a name of 1 to TUX_MAX_SETUP_MODULE_NAME bytes: a walk
 * over count texts stays inside.
 */
/*@ requires \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result ==> setup_names(text, len) == count && len > 0 && text[len - 1] == 0;
  @ ensures \result ==> text[0] != 0;
  @ ensures \result ==> \exists integer k; 0 <= k <= TUX_MAX_SETUP_MODULE_NAME && k < len && text[k] == 0;
  @*/
bool ktux_setup_module_text_valid(const uint8_t *text, uint32_t len, uint32_t count);

/* Adds count elements of size bytes to the bytes of a set-up. Returns false, and adds nothing, if that exceeds TUX_MAX_SETUP. */
/*@ requires \valid(bytes) && *bytes <= TUX_MAX_SETUP && 0 < size <= TUX_MAX_SETUP;
  @ assigns *bytes;
  @ ensures \result ==> *bytes == \old(*bytes) + count * size;
  @ ensures !\result ==> *bytes == \old(*bytes);
  @ ensures *bytes <= TUX_MAX_SETUP;
  @*/
bool ktux_setup_add(uint64_t *bytes, uint64_t count, uint64_t size);

#endif
