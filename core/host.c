/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts: binary search in a table sorted by the names' length, then their octets. */
#include "host.h"

#include "octet.h"

/* Compares a name of a table with another name in any case. Returns -1 if it sorts before it, 0 if equal, 1 after it. */
/*@ requires \valid_read(name + (0 .. len - 1)) && \valid_read(other + (0 .. other_len - 1));
  @ assigns \nothing;
  @ ensures -1 <= \result <= 1;
  @ ensures \result == 0 ==> len == other_len;
  @ ensures \result == 0 ==> \forall integer i; 0 <= i < len ==>
  @   name[i] == ('A' <= other[i] <= 'Z' ? other[i] + 0x20 : other[i]);
  @*/
static int32_t compare(const uint8_t *name, uint32_t len, const uint8_t *other, uint32_t other_len)
{
	if (len != other_len)
		return len < other_len ? -1 : 1;
	/*@ loop invariant 0 <= i <= len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> name[k] == ('A' <= other[k] <= 'Z' ? other[k] + 0x20 : other[k]);
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++) {
		const uint8_t octet = octet_lower(other[i]);

		if (name[i] != octet)
			return name[i] < octet ? -1 : 1;
	}
	return 0;
}

bool tux_hosts_valid(const struct tux_hosts *hosts, uint32_t sites)
{
	if (hosts->count > TUX_MAX_HOSTS || hosts->text_len > TUX_MAX_HOST_TEXT || hosts->listener_count > TUX_MAX_HOST_LISTENERS)
		return false;
	/*@ loop invariant i <= hosts->listener_count;
	  @ loop invariant \forall integer k; 0 <= k < i ==> hosts->fallback[k] < sites;
	  @ loop assigns i;
	  @ loop variant hosts->listener_count - i; */
	for (uint32_t i = 0; i < hosts->listener_count; i++)
		if (hosts->fallback[i] >= sites)
			return false;
	/*@ loop invariant i <= hosts->count;
	  @ loop invariant \forall integer k; 0 <= k < i ==> host_inside(hosts->host[k], hosts->text_len);
	  @ loop invariant \forall integer k; 0 <= k < i ==> hosts->host[k].site < sites;
	  @ loop assigns i;
	  @ loop variant hosts->count - i; */
	for (uint32_t i = 0; i < hosts->count; i++) {
		const struct tux_host *one = &hosts->host[i];

		if (one->len < 1 || one->len > TUX_MAX_HOST_NAME || one->len > hosts->text_len ||
		    one->text > hosts->text_len - one->len || one->site >= sites)
			return false;
		if (i > 0 && compare(hosts->text + one[-1].text, one[-1].len, hosts->text + one->text, one->len) > 0)
			return false;
	}
	return true;
}

/* Returns the first name of the table that does not sort before the len octets at name. */
/*@ requires \valid_read(hosts) && hosts_readable(*hosts) && hosts_inside(*hosts);
  @ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= hosts->count;
  @*/
static uint32_t first_not_before(const struct tux_hosts *hosts, const uint8_t *name, uint32_t len)
{
	uint32_t low = 0, high = hosts->count;

	/*@ loop invariant low <= high <= hosts->count;
	  @ loop assigns low, high;
	  @ loop variant high - low; */
	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const struct tux_host *one = &hosts->host[middle];

		if (compare(hosts->text + one->text, one->len, name, len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Returns the name that the len octets at name are at a listener; hosts->count if none. Sites may share a name at several
 * listeners.
 */
/*@ requires \valid_read(hosts) && hosts_readable(*hosts) && hosts_inside(*hosts) && listener < 64;
  @ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= hosts->count;
  @ ensures \result < hosts->count ==> hosts->host[\result].len == len;
  @ ensures \result < hosts->count ==> \forall integer i; 0 <= i < len ==>
  @   hosts->text[hosts->host[\result].text + i] == ('A' <= name[i] <= 'Z' ? name[i] + 0x20 : name[i]);
  @*/
static uint32_t find(const struct tux_hosts *hosts, uint32_t listener, const uint8_t *name, uint32_t len)
{
	/*@ loop invariant i <= hosts->count;
	  @ loop assigns i;
	  @ loop variant hosts->count - i; */
	for (uint32_t i = first_not_before(hosts, name, len); i < hosts->count; i++) {
		const struct tux_host *one = &hosts->host[i];

		if (compare(hosts->text + one->text, one->len, name, len) != 0)
			return hosts->count;
		if ((one->listeners >> listener) & 1)
			return i;
	}
	return hosts->count;
}

/* Returns the name in host [":" port], without a final dot. The brackets of an IPv6 address are part of it. */
/*@ requires span_readable(buf, host);
  @ assigns \nothing;
  @ ensures span_part(\result, host);
  @*/
static struct tux_span name_of(const uint8_t *buf, struct tux_span host)
{
	const uint32_t end = host.off + host.len;
	uint32_t to;

	if (host.len > 0 && buf[host.off] == '[') {
		to = octet_find(buf, host.off, end, ']');
		to += to < end ? 1 : 0;
	} else {
		to = octet_find(buf, host.off, end, ':');
	}
	if (to > host.off && buf[to - 1] == '.')
		to--;
	return (struct tux_span){ host.off, to - host.off };
}

uint32_t tux_host_find(const struct tux_hosts *hosts, uint32_t listener, const uint8_t *buf, struct tux_span host)
{
	const struct tux_span name = name_of(buf, host);
	const uint8_t *const at = buf + name.off;

	if (name.len == 0 || name.len > TUX_MAX_HOST_NAME)
		return hosts->fallback[listener];
	/* Tries the whole name, then each suffix that starts with a dot, except at offset 0. */
	/*@ loop invariant i <= name.len;
	  @ loop assigns i;
	  @ loop variant name.len - i; */
	for (uint32_t i = 0; i < name.len; i++) {
		uint32_t found;

		if ((i == 0) == (at[i] == '.'))
			continue;
		found = find(hosts, listener, at + i, name.len - i);
		if (found < hosts->count)
			return hosts->host[found].site;
	}
	return hosts->fallback[listener];
}

void tux_hosts_insert(struct tux_host *host, uint32_t count, const uint8_t *text, struct tux_host one)
{
	uint32_t at = count;

	/*@ loop invariant at <= count;
	  @ loop invariant \forall integer i; 0 <= i < at ==> host[i] == \at(host[i], Pre);
	  @ loop assigns at, host[0 .. count];
	  @ loop variant at; */
	while (at > 0 && compare(text + host[at - 1].text, host[at - 1].len, text + one.text, one.len) > 0) {
		host[at] = host[at - 1];
		at--;
	}
	host[at] = one;
}
