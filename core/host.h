/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts: the site of a request, by its host name and its listener (RFC 9110 7.2). A name is whole ("example.org") or a suffix
 * ("*.example.org"). A whole name precedes suffixes, and longer suffixes precede shorter ones. A request that matches no name goes
 * to the listener's fallback. The table is a hash table of names with open addressing. It is plain data with offsets, so that it
 * can be passed to the kernel.
 */
#ifndef TUX_CORE_HOST_H
#define TUX_CORE_HOST_H

#include "span.h"

enum {
	TUX_MAX_SITES = 1 << 17,
	TUX_MAX_HOSTS = 1 << 19,       /* slots of a table, empty ones too */
	TUX_MAX_HOST_TEXT = 1 << 23,   /* bytes of all names together */
	TUX_MAX_HOST_NAME = 255,       /* bytes of a name; a longer one matches no host (RFC 1035 2.3.4) */
	TUX_MAX_HOST_LISTENERS = 64,
	TUX_MAX_HOST_PROBES = 128,     /* slots that a search for a name looks at */
};

/* A slot of the table. All zeros: empty. */
struct tux_host {
	uint64_t listeners; /* 1 << number of each listener on which the site has this name */
	uint32_t text;      /* offset of the name in tux_hosts.text: lower case; ".example.org" for "*.example.org" */
	uint32_t site;
	uint32_t hash;      /* of the name; tux_hosts_insert() sets it */
	uint32_t len;       /* bytes, at most TUX_MAX_HOST_NAME; 0: empty slot */
};

struct tux_hosts {
	const struct tux_host *host;
	const uint8_t *text;
	const uint32_t *fallback; /* the site of all other names, for each listener */
	uint32_t count;           /* number of slots */
	uint32_t text_len;        /* bytes */
	uint32_t listener_count;  /* number of fallback entries */
};

/*
 * For the proof: the memory of a table can be read; its names lie inside its text; it refers to existing sites.
 */
/*@ predicate hosts_readable{L}(struct tux_hosts hosts) =
  @   hosts.count <= 524288 && hosts.text_len <= 8388608 && hosts.listener_count <= 64 &&
  @   \valid_read(hosts.host + (0 .. hosts.count - 1)) && \valid_read(hosts.text + (0 .. hosts.text_len - 1)) &&
  @   \valid_read(hosts.fallback + (0 .. hosts.listener_count - 1));
  @ predicate host_inside{L}(struct tux_host host, integer text_len) =
  @   host.len <= 255 && host.text + host.len <= text_len;
  @ predicate hosts_inside{L}(struct tux_hosts hosts) =
  @   \forall integer i; 0 <= i < hosts.count ==> host_inside(hosts.host[i], hosts.text_len);
  @ predicate hosts_lead{L}(struct tux_hosts hosts, integer sites) =
  @   (\forall integer i; 0 <= i < hosts.count ==> hosts.host[i].site < sites) &&
  @   (\forall integer i; 0 <= i < hosts.listener_count ==> hosts.fallback[i] < sites);
  @*/

/*
 * True if a table from another program is valid for a number of sites: it keeps the limits, all names lie inside its text, a search
 * for each of them finds its slot, and it refers to existing sites. Any context.
 */
/*@ requires \valid_read(hosts);
  @ requires hosts->count <= 524288 ==> \valid_read(hosts->host + (0 .. hosts->count - 1));
  @ requires hosts->text_len <= 8388608 ==> \valid_read(hosts->text + (0 .. hosts->text_len - 1));
  @ requires hosts->listener_count <= 64 ==> \valid_read(hosts->fallback + (0 .. hosts->listener_count - 1));
  @ assigns \nothing;
  @ ensures \result ==> hosts->count <= 524288 && hosts->text_len <= 8388608 && hosts->listener_count <= 64;
  @ ensures \result ==> hosts_inside(*hosts) && hosts_lead(*hosts, sites);
  @*/
bool tux_hosts_valid(const struct tux_hosts *hosts, uint32_t sites);

/*
 * Returns the site of host at listener. host [":" port] is as in request.h; it may be empty. Ignores port, case and a dot at the
 * end of the name. Any context.
 */
/*@ requires \valid_read(hosts) && hosts_readable(*hosts) && hosts_inside(*hosts);
  @ requires listener < hosts->listener_count && span_readable(buf, host);
  @ assigns \nothing;
  @ ensures \result == hosts->fallback[listener] ||
  @   \exists integer i; 0 <= i < hosts->count && \result == hosts->host[i].site;
  @*/
uint32_t tux_host_find(const struct tux_hosts *hosts, uint32_t listener, const uint8_t *buf, struct tux_span host);

/*
 * Places a name in an empty slot of the count at host. text is that of the table. A name with several sites has the one that was
 * inserted first where both listen. Returns false if no slot near its hash is empty: the table needs more slots, at least two for
 * each name. Any context.
 */
/*@ requires 0 < count <= 524288 && \valid(host + (0 .. count - 1)) && host_inside(one, 8388608);
  @ requires \valid_read(text + (one.text .. one.text + one.len - 1));
  @ assigns host[0 .. count - 1];
  @*/
bool tux_hosts_insert(struct tux_host *host, uint32_t count, const uint8_t *text, struct tux_host one);

#endif
