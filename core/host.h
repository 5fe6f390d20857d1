/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts: which site a request goes to, by the name it asks for and the listener it came in at (RFC 9110 7.2). A name is whole
 * ("example.org") or stands for all that end so ("*.example.org"): a whole one goes first, then the longest. What no name matches
 * goes to the listener's fallback. The table is in an order that can be searched; it is plain data by offsets, so that it can go into
 * the kernel.
 */
#ifndef TUX_CORE_HOST_H
#define TUX_CORE_HOST_H

#include "span.h"

enum {
	TUX_MAX_SITES = 1024,
	TUX_MAX_HOSTS = 8192,          /* names of all sites together */
	TUX_MAX_HOST_TEXT = 1 << 20,   /* bytes of all names together */
	TUX_MAX_HOST_NAME = 255,       /* bytes of a name; a longer one is nobody's (RFC 1035 2.3.4) */
	TUX_MAX_HOST_LISTENERS = 64,
};

struct tux_host {
	uint64_t listeners; /* 1 << number of each that the site answers on by this name */
	uint32_t text;      /* where the name begins in tux_hosts.text: lower case; of "*.example.org" it is ".example.org" */
	uint16_t len;       /* bytes, 1 to TUX_MAX_HOST_NAME */
	uint16_t site;
};

struct tux_hosts {
	const struct tux_host *host;
	const uint8_t *text;
	const uint16_t *fallback; /* of each listener: the site for all other names */
	uint32_t count;           /* of host */
	uint32_t text_len;        /* bytes */
	uint32_t listener_count;  /* of fallback */
};

/*
 * For the proof: a table whose memory can be read; whose names lie inside its text; one that leads to sites that are there; a
 * part of a request that spells a name of it, in any case.
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
 * Whether a table that comes from elsewhere may be searched for sites numbers of which there are: its limits are kept, no name
 * points out of it, all are in order, and all lead to a site. Any context.
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
 * The site that host asks for at listener: host [":" port] as request.h has it, empty without one. Port, case and a dot at the
 * name's end make no difference. Any context.
 */
/*@ requires \valid_read(hosts) && hosts_readable(*hosts) && hosts_inside(*hosts);
  @ requires listener < hosts->listener_count && span_readable(buf, host);
  @ assigns \nothing;
  @ ensures \result == hosts->fallback[listener] ||
  @   \exists integer i; 0 <= i < hosts->count && \result == hosts->host[i].site;
  @*/
uint32_t tux_host_find(const struct tux_hosts *hosts, uint32_t listener, const uint8_t *buf, struct tux_span host);

/*
 * Puts one more name into its place among the count at host, which has room for it. text is that of the table. Any context.
 */
/*@ requires count < 8192 && \valid(host + (0 .. count)) && host_inside(one, 1048576);
  @ requires \forall integer i; 0 <= i < count ==> host_inside(host[i], 1048576);
  @ requires \valid_read(text + (0 .. one.text + one.len - 1));
  @ requires \forall integer i; 0 <= i < count ==> \valid_read(text + (host[i].text .. host[i].text + host[i].len - 1));
  @ requires \separated(host + (0 .. count), text + (..));
  @ assigns host[0 .. count];
  @*/
void tux_hosts_insert(struct tux_host *host, uint32_t count, const uint8_t *text, struct tux_host one);

#endif
