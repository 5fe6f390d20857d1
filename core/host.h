/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts: the site of a request, by its host name and its listener (RFC 9110 7.2). A name is whole ("example.org") or a suffix
 * ("*.example.org"). A whole name precedes suffixes, and longer suffixes precede shorter ones. A request that matches no name goes
 * to the listener's fallback. The table is sorted for searching. It is plain data with offsets, so that it can be passed to the
 * kernel.
 */
#ifndef TUX_CORE_HOST_H
#define TUX_CORE_HOST_H

#include "span.h"

enum {
	TUX_MAX_SITES = 1024,
	TUX_MAX_HOSTS = 8192,          /* names of all sites together */
	TUX_MAX_HOST_TEXT = 1 << 20,   /* bytes of all names together */
	TUX_MAX_HOST_NAME = 255,       /* bytes of a name; a longer one matches no host (RFC 1035 2.3.4) */
	TUX_MAX_HOST_LISTENERS = 64,
};

struct tux_host {
	uint64_t listeners; /* 1 << number of each listener on which the site has this name */
	uint32_t text;      /* offset of the name in tux_hosts.text: lower case; ".example.org" for "*.example.org" */
	uint16_t len;       /* bytes, 1 to TUX_MAX_HOST_NAME */
	uint16_t site;
};

struct tux_hosts {
	const struct tux_host *host;
	const uint8_t *text;
	const uint16_t *fallback; /* the site of all other names, for each listener */
	uint32_t count;           /* number of host entries */
	uint32_t text_len;        /* bytes */
	uint32_t listener_count;  /* number of fallback entries */
};

/*
 * For the proof: the memory of a table can be read; its names lie inside its text; it refers to existing sites; a part of a request
 * spells one of its names, in any case.
 */
/*@ predicate hosts_readable{L}(struct tux_hosts hosts) =
  @   hosts.count <= 8192 && hosts.text_len <= 1048576 && hosts.listener_count <= 64 &&
  @   \valid_read(hosts.host + (0 .. hosts.count - 1)) && \valid_read(hosts.text + (0 .. hosts.text_len - 1)) &&
  @   \valid_read(hosts.fallback + (0 .. hosts.listener_count - 1));
  @ predicate host_inside{L}(struct tux_host host, integer text_len) =
  @   1 <= host.len <= 255 && host.text + host.len <= text_len;
  @ predicate hosts_inside{L}(struct tux_hosts hosts) =
  @   \forall integer i; 0 <= i < hosts.count ==> host_inside(hosts.host[i], hosts.text_len);
  @ predicate hosts_lead{L}(struct tux_hosts hosts, integer sites) =
  @   (\forall integer i; 0 <= i < hosts.count ==> hosts.host[i].site < sites) &&
  @   (\forall integer i; 0 <= i < hosts.listener_count ==> hosts.fallback[i] < sites);
  @*/

/*
 * True if a table from another program is valid for a number of sites: it keeps the limits, all names lie inside its text, it is
 * sorted, and it refers to existing sites. Any context.
 */
/*@ requires \valid_read(hosts);
  @ requires hosts->count <= 8192 ==> \valid_read(hosts->host + (0 .. hosts->count - 1));
  @ requires hosts->text_len <= 1048576 ==> \valid_read(hosts->text + (0 .. hosts->text_len - 1));
  @ requires hosts->listener_count <= 64 ==> \valid_read(hosts->fallback + (0 .. hosts->listener_count - 1));
  @ assigns \nothing;
  @ ensures \result ==> hosts->count <= 8192 && hosts->text_len <= 1048576 && hosts->listener_count <= 64;
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

/* Inserts a name at its sorted position among the count at host, which has room for it. text is that of the table. Any context. */
/*@ requires count < 8192 && \valid(host + (0 .. count)) && host_inside(one, 1048576);
  @ requires \forall integer i; 0 <= i < count ==> host_inside(host[i], 1048576);
  @ requires \valid_read(text + (0 .. one.text + one.len - 1));
  @ requires \forall integer i; 0 <= i < count ==> \valid_read(text + (host[i].text .. host[i].text + host[i].len - 1));
  @ requires \separated(host + (0 .. count), text + (..));
  @ assigns host[0 .. count];
  @*/
void tux_hosts_insert(struct tux_host *host, uint32_t count, const uint8_t *text, struct tux_host one);

#endif
