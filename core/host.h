/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses the host of a request by its name and the listener (RFC 9110 7.2). A name is whole ("example.org") or a suffix
 * ("*.example.org"). A whole name precedes suffixes, and longer suffixes precede shorter ones. A request that matches no name goes
 * to the listener's fallback. The table is a hash table of names with open addressing. It is plain data with offsets, so that it
 * can be passed to the kernel.
 */
#ifndef TUX_CORE_HOST_H
#define TUX_CORE_HOST_H

#include "span.h"

enum {
	TUX_MAX_HOSTS = 1 << 17,
	TUX_MAX_HOST_SLOTS = 1 << 19,  /* slots of a table of names, empty ones too */
	TUX_MAX_HOST_TEXT = 1 << 23,   /* bytes of all names together */
	TUX_MAX_HOST_NAME = 255,       /* bytes of a name; a longer one matches no host (RFC 1035 2.3.4) */
	TUX_MAX_HOST_LISTENERS = 64,
	TUX_MAX_HOST_PROBES = 128,     /* slots that a search for a name looks at */
};

/* A slot of the table. All zeros: empty. */
struct tux_host_name {
	uint64_t listeners; /* 1 << number of each listener on which the host has this name */
	uint32_t text;      /* offset of the name in tux_host_names.text: lower case; ".example.org" for "*.example.org" */
	uint32_t host;      /* number of the host */
	uint32_t hash;      /* of the name; tux_host_names_insert() sets it */
	uint32_t len;       /* bytes, at most TUX_MAX_HOST_NAME; 0: empty slot */
};

struct tux_host_names {
	const struct tux_host_name *name;
	const uint8_t *text;
	const uint32_t *fallback; /* the host of all other names, for each listener */
	uint32_t count;           /* number of slots */
	uint32_t text_len;        /* bytes */
	uint32_t listener_count;  /* number of fallback entries */
};

/*
 * For the proof: the memory of a table can be read; its names lie inside its text; it refers to existing hosts.
 */
/*@ predicate names_readable{L}(struct tux_host_names names) =
  @   names.count <= 524288 && names.text_len <= 8388608 && names.listener_count <= 64 &&
  @   \valid_read(names.name + (0 .. names.count - 1)) && \valid_read(names.text + (0 .. names.text_len - 1)) &&
  @   \valid_read(names.fallback + (0 .. names.listener_count - 1));
  @ predicate name_inside{L}(struct tux_host_name name, integer text_len) =
  @   name.len <= 255 && name.text + name.len <= text_len;
  @ predicate names_inside{L}(struct tux_host_names names) =
  @   \forall integer i; 0 <= i < names.count ==> name_inside(names.name[i], names.text_len);
  @ predicate names_lead{L}(struct tux_host_names names, integer hosts) =
  @   (\forall integer i; 0 <= i < names.count ==> names.name[i].host < hosts) &&
  @   (\forall integer i; 0 <= i < names.listener_count ==> names.fallback[i] < hosts);
  @*/

/*
 * True if a table from another program is valid for a number of hosts: it keeps the limits, all names lie inside its text, a search
 * for each of them finds its slot, and it refers to existing hosts. Any context.
 */
/*@ requires \valid_read(names);
  @ requires names->count <= 524288 ==> \valid_read(names->name + (0 .. names->count - 1));
  @ requires names->text_len <= 8388608 ==> \valid_read(names->text + (0 .. names->text_len - 1));
  @ requires names->listener_count <= 64 ==> \valid_read(names->fallback + (0 .. names->listener_count - 1));
  @ assigns \nothing;
  @ ensures \result ==> names->count <= 524288 && names->text_len <= 8388608 && names->listener_count <= 64;
  @ ensures \result ==> names_inside(*names) && names_lead(*names, hosts);
  @*/
bool tux_host_names_valid(const struct tux_host_names *names, uint32_t hosts);

/*
 * Returns the number of the host at a listener whose name is host [":" port], as in request.h; it may be empty. Ignores port, case
 * and a dot at the end of the name. Any context.
 */
/*@ requires \valid_read(names) && names_readable(*names) && names_inside(*names);
  @ requires listener < names->listener_count && span_readable(buf, host);
  @ assigns \nothing;
  @ ensures \result == names->fallback[listener] ||
  @   \exists integer i; 0 <= i < names->count && \result == names->name[i].host;
  @*/
uint32_t tux_host_find(const struct tux_host_names *names, uint32_t listener, const uint8_t *buf, struct tux_span host);

/*
 * Places a name in an empty slot of the count at slots. text is that of the table. A name with several hosts has the one that was
 * inserted first where both listen. Returns false if no slot near its hash is empty: the table needs more slots, at least two for
 * each name. Any context.
 */
/*@ requires 0 < count <= 524288 && \valid(slots + (0 .. count - 1)) && name_inside(one, 8388608);
  @ requires \valid_read(text + (one.text .. one.text + one.len - 1));
  @ assigns slots[0 .. count - 1];
  @*/
bool tux_host_names_insert(struct tux_host_name *slots, uint32_t count, const uint8_t *text, struct tux_host_name one);

#endif
