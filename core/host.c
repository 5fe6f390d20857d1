/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of hosts: a hash table with open addressing. The hash of a name grows from its last octet to its first, so that one pass over a
 * request's host has the hash of each of its suffixes on the way.
 */
#include "host.h"

#include "octet.h"

/* Returns the hash of octets with one more in front of them. */
/*@ assigns \nothing; */
static uint32_t hash_more(uint32_t hash, uint8_t octet)
{
	const uint64_t product = ((uint64_t)hash + octet_lower(octet)) * 2654435761u;

	return (uint32_t)(product % 4294967296u);
}

/*@ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @*/
static uint32_t hash_of(const uint8_t *name, uint32_t len)
{
	uint32_t hash = 0;

	/*@ loop invariant i <= len;
	  @ loop assigns i, hash;
	  @ loop variant i; */
	for (uint32_t i = len; i > 0; i--)
		hash = hash_more(hash, name[i - 1]);
	return hash;
}

/* Returns the slot where a search for a hash begins. */
/*@ requires 0 < count <= 524288;
  @ assigns \nothing;
  @ ensures \result < count;
  @*/
static uint32_t slot_of(uint32_t hash, uint32_t count)
{
	const uint64_t product = (uint64_t)hash * count;

	/*@ assert product < count * 4294967296; */
	return (uint32_t)(product / 4294967296u);
}

/*@ requires slot < count <= 524288;
  @ assigns \nothing;
  @ ensures \result < count;
  @*/
static uint32_t slot_after(uint32_t slot, uint32_t count)
{
	return slot + 1 < count ? slot + 1 : 0;
}

/* True if a name of a table is the len octets at other, in any case. */
/*@ requires \valid_read(name + (0 .. name_len - 1)) && \valid_read(other + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result ==> name_len == len;
  @ ensures \result ==> \forall integer i; 0 <= i < len ==>
  @   name[i] == ('A' <= other[i] <= 'Z' ? other[i] + 0x20 : other[i]);
  @*/
static bool equal(const uint8_t *name, uint32_t name_len, const uint8_t *other, uint32_t len)
{
	if (name_len != len)
		return false;
	/*@ loop invariant 0 <= i <= len;
	  @ loop invariant \forall integer k; 0 <= k < i ==> name[k] == ('A' <= other[k] <= 'Z' ? other[k] + 0x20 : other[k]);
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++)
		if (name[i] != octet_lower(other[i]))
			return false;
	return true;
}

/* True if a search for the name in a slot gets to the slot. */
/*@ requires \valid_read(names) && names_readable(*names) && slot < names->count;
  @ requires name_inside(names->name[slot], names->text_len);
  @ assigns \nothing;
  @*/
static bool is_reached(const struct tux_host_names *names, uint32_t slot)
{
	const struct tux_host_name *one = &names->name[slot];
	uint32_t at = slot_of(one->hash, names->count);

	if (one->hash != hash_of(names->text + one->text, one->len))
		return false;
	/*@ loop invariant step <= 128 && at < names->count;
	  @ loop assigns step, at;
	  @ loop variant 128 - step; */
	for (uint32_t step = 0; step < TUX_MAX_HOST_PROBES && names->name[at].len > 0; step++) {
		if (at == slot)
			return true;
		at = slot_after(at, names->count);
	}
	return false;
}

bool tux_host_names_valid(const struct tux_host_names *names, uint32_t hosts)
{
	if (names->count > TUX_MAX_HOST_SLOTS || names->text_len > TUX_MAX_HOST_TEXT || names->listener_count > TUX_MAX_HOST_LISTENERS)
		return false;
	/*@ loop invariant i <= names->listener_count;
	  @ loop invariant \forall integer k; 0 <= k < i ==> names->fallback[k] < hosts;
	  @ loop assigns i;
	  @ loop variant names->listener_count - i; */
	for (uint32_t i = 0; i < names->listener_count; i++)
		if (names->fallback[i] >= hosts)
			return false;
	/*@ loop invariant i <= names->count;
	  @ loop invariant \forall integer k; 0 <= k < i ==> name_inside(names->name[k], names->text_len);
	  @ loop invariant \forall integer k; 0 <= k < i ==> names->name[k].host < hosts;
	  @ loop assigns i;
	  @ loop variant names->count - i; */
	for (uint32_t i = 0; i < names->count; i++) {
		const struct tux_host_name *one = &names->name[i];

		if (one->len > TUX_MAX_HOST_NAME || one->len > names->text_len || one->text > names->text_len - one->len ||
		    one->host >= hosts)
			return false;
		if (one->len > 0 && !is_reached(names, i))
			return false;
	}
	return true;
}

/* Returns the slot of a name with its hash at a listener; names->count if no slot has it. A name may have several hosts. */
/*@ requires \valid_read(names) && names_readable(*names) && names_inside(*names) && listener < 64;
  @ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result <= names->count;
  @ ensures \result < names->count ==> names->name[\result].len == len;
  @ ensures \result < names->count ==> \forall integer i; 0 <= i < len ==>
  @   names->text[names->name[\result].text + i] == ('A' <= name[i] <= 'Z' ? name[i] + 0x20 : name[i]);
  @*/
static uint32_t find(const struct tux_host_names *names, uint32_t listener, uint32_t hash, const uint8_t *name, uint32_t len)
{
	uint32_t at;

	if (names->count == 0)
		return 0;
	at = slot_of(hash, names->count);
	/*@ loop invariant step <= 128 && at < names->count;
	  @ loop assigns step, at;
	  @ loop variant 128 - step; */
	for (uint32_t step = 0; step < TUX_MAX_HOST_PROBES && names->name[at].len > 0; step++) {
		const struct tux_host_name *one = &names->name[at];

		if (one->hash == hash && ((one->listeners >> listener) & 1) && equal(names->text + one->text, one->len, name, len))
			return at;
		at = slot_after(at, names->count);
	}
	return names->count;
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

uint32_t tux_host_find(const struct tux_host_names *names, uint32_t listener, const uint8_t *buf, struct tux_span host)
{
	const struct tux_span name = name_of(buf, host);
	const uint8_t *const at = buf + name.off;
	uint32_t found = names->count, hash = 0;

	if (name.len > TUX_MAX_HOST_NAME)
		return names->fallback[listener];
	/* Each suffix from a dot on, but from a leading one, and last the whole name: a longer match replaces a shorter one. */
	/*@ loop invariant i <= name.len && found <= names->count;
	  @ loop assigns i, hash, found;
	  @ loop variant i; */
	for (uint32_t i = name.len; i > 0; i--) {
		uint32_t one;

		hash = hash_more(hash, at[i - 1]);
		if ((i == 1) == (at[i - 1] == '.'))
			continue;
		one = find(names, listener, hash, at + i - 1, name.len - i + 1);
		found = one < names->count ? one : found;
	}
	return found < names->count ? names->name[found].host : names->fallback[listener];
}

bool tux_host_names_insert(struct tux_host_name *slots, uint32_t count, const uint8_t *text, struct tux_host_name one)
{
	const uint32_t hash = hash_of(text + one.text, one.len);
	uint32_t at = slot_of(hash, count);

	/*@ loop invariant step <= 128 && at < count;
	  @ loop assigns step, at;
	  @ loop variant 128 - step; */
	for (uint32_t step = 0; step < TUX_MAX_HOST_PROBES; step++) {
		if (slots[at].len == 0) {
			slots[at] = one;
			slots[at].hash = hash;
			return true;
		}
		at = slot_after(at, count);
	}
	return false;
}
