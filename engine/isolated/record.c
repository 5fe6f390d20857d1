/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proved: test/proof/README.md */
#include "record.h"

uint32_t wire_bytes(uint32_t len)
{
	return len <= WIRE_RECORD ? WIRE_HEAD + len + 7 - (len + 7) % 8 : 0;
}

bool wire_has_room(uint64_t at, uint64_t tail, uint32_t len)
{
	const uint32_t bytes = wire_bytes(len);

	return bytes > 0 && bytes <= tux_ring_room(at, tail, WIRE_RING);
}

enum wire_read wire_look(uint64_t head, uint64_t at)
{
	if (head == at)
		return WIRE_NOTHING;
	return tux_ring_used(head, at, WIRE_RING) >= WIRE_HEAD ? WIRE_READ : WIRE_BROKEN;
}

enum wire_read wire_check(uint64_t head, uint64_t at, uint32_t len)
{
	const uint32_t bytes = wire_bytes(len);

	return bytes > 0 && bytes <= head - at ? WIRE_READ : WIRE_BROKEN;
}

bool wire_reply_valid(const struct wire_reply *reply, uint32_t len)
{
	const uint64_t bytes = (uint64_t)reply->type_len + reply->fields_len + reply->text_len + reply->body_len;

	return len >= WIRE_REPLY_HEAD && bytes == len - WIRE_REPLY_HEAD && reply->result <= WIRE_TUNNEL && reply->type_len <= WIRE_MAX_TYPE &&
	       reply->fields_len <= TUX_MAX_FIELD_LINES && reply->text_len <= TUX_MAX_TARGET && (reply->body_len == 0 || reply->result == WIRE_BYTES);
}

bool wire_call_valid(const struct wire_call *call, uint32_t len, uint32_t head_bytes)
{
	return call->head_len <= TUX_MAX_HEAD && call->path_len <= TUX_MAX_HEAD && call->fields <= TUX_MAX_FIELDS &&
	       call->tls_len <= WIRE_MAX_TLS && len == WIRE_CALL_HEAD + (uint64_t)head_bytes + call->head_len + call->path_len + call->tls_len;
}

/*@ assigns \nothing;
  @ ensures \result <==> span_inside(span, len);
  @*/
static bool is_inside(struct tux_span span, uint32_t len)
{
	return span.off <= len && span.len <= len - span.off;
}

/* True if the table of known names has only lines that there are. */
/*@ requires \valid_read(fields);
  @ assigns \nothing;
  @ ensures \result ==> \forall integer n; 0 <= n < TUX_FIELD_NAMES ==> fields->first[n] <= fields->count;
  @*/
static bool names_valid(const struct tux_field_lines *fields)
{
	uint32_t i = 0;

	/*@ loop invariant i <= TUX_FIELD_NAMES;
	  @ loop invariant \forall integer n; 0 <= n < i ==> fields->first[n] <= fields->count;
	  @ loop assigns i;
	  @ loop variant TUX_FIELD_NAMES - i; */
	while (i < TUX_FIELD_NAMES && fields->first[i] <= fields->count)
		i++;
	return i == TUX_FIELD_NAMES;
}

/* True if the lines, at most TUX_MAX_FIELDS, lie in len bytes. */
/*@ requires \valid_read(fields) && fields->count <= TUX_MAX_FIELDS;
  @ assigns \nothing;
  @ ensures \result ==> \forall integer n; 0 <= n < fields->count ==> span_inside(fields->line[n].name, len);
  @ ensures \result ==> \forall integer n; 0 <= n < fields->count ==> span_inside(fields->line[n].value, len);
  @*/
static bool lines_valid(const struct tux_field_lines *fields, uint32_t len)
{
	uint32_t i = 0;

	/*@ loop invariant i <= fields->count;
	  @ loop invariant \forall integer n; 0 <= n < i ==> span_inside(fields->line[n].name, len);
	  @ loop invariant \forall integer n; 0 <= n < i ==> span_inside(fields->line[n].value, len);
	  @ loop assigns i;
	  @ loop variant fields->count - i; */
	while (i < fields->count && is_inside(fields->line[i].name, len) && is_inside(fields->line[i].value, len))
		i++;
	return i == fields->count;
}

bool wire_head_valid(const struct tux_request *head, uint32_t bytes, uint32_t fields)
{
	return head->head_len == bytes && head->fields.count == fields && fields <= TUX_MAX_FIELDS && is_inside(head->method_text, bytes) &&
	       is_inside(head->target, bytes) && is_inside(head->path, bytes) && is_inside(head->query, bytes) && is_inside(head->host, bytes) &&
	       names_valid(&head->fields) && lines_valid(&head->fields, bytes);
}

bool wire_part_valid(const struct wire_part_of_file *part, uint64_t size, uint64_t most)
{
	return part->len > 0 && part->len <= most && part->off <= size && part->len <= size - part->off;
}

bool wire_window_permits(uint64_t received, uint64_t taken, uint32_t len)
{
	return len > 0 && len <= WIRE_WINDOW - (received - taken);
}
