/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heads of messages that TUX forwards. All octets of a message pass put_of(), which rejects CR and LF. */
#include "forward.h"

#include "writer.h"
#include "response.h"

/*
 * For the proof: the octets of a message do not overlap the written ones, and no write changes that; a field that frames a message.
 */
/*@ predicate message_apart{L}(struct writer *out, uint8_t *buf) =
  @   \separated(out->at + (0 .. out->cap - 1), buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1)) &&
  @   \separated(out, buf + (0 .. TUX_MAX_RECEIVED_HEAD - 1));
  @
  @ // Lines of it that may be read.
  @ predicate lines_go{L}(uint8_t *buf, struct tux_field_lines *fields) =
  @   \valid_read(fields) && fields_inside(fields, TUX_MAX_RECEIVED_HEAD) &&
  @   (\forall integer i; 0 <= i < fields->count ==> span_readable(buf, fields->line[i].name)) &&
  @   (\forall integer i; 0 <= i < fields->count ==> span_readable(buf, fields->line[i].value));
  @
  @ // A message that goes on, as far as it is written, and where it is written to.
  @ predicate request_goes{L}(struct writer *out, uint8_t *buf, struct tux_request *req) =
  @   out_valid(out) && message_apart(out, buf) && \separated(out, req) && \separated(out->at + (0 .. out->cap - 1), req) &&
  @   \valid_read(req) && req->head_len <= TUX_MAX_HEAD && \valid_read(buf + (0 .. req->head_len - 1)) &&
  @   request_spans(req, req->head_len) && lines_go(buf, &req->fields);
  @ predicate received_goes{L}(struct writer *out, uint8_t *buf, struct tux_response *res) =
  @   out_valid(out) && message_apart(out, buf) && \separated(out, res) && \separated(out->at + (0 .. out->cap - 1), res) &&
  @   \valid_read(res) && res->head_len <= TUX_MAX_RECEIVED_HEAD && \valid_read(buf + (0 .. res->head_len - 1)) &&
  @   span_inside(res->reason, res->head_len) && lines_go(buf, &res->fields);
  @
  @ predicate is_framing(integer known) =
  @   known == TUX_FIELD_CONNECTION || known == TUX_FIELD_CONTENT_LENGTH || known == TUX_FIELD_TRANSFER_ENCODING;
  @*/

/* True if the spans spell the same name, in any case (RFC 9110 5.1). */
/*@ requires span_readable(buf, one) && span_readable(buf, other);
  @ assigns \nothing;
  @*/
static bool same_name(const uint8_t *buf, struct tux_span one, struct tux_span other)
{
	uint32_t i = 0;

	if (one.len != other.len)
		return false;
	/*@ loop invariant 0 <= i <= one.len;
	  @ loop assigns i;
	  @ loop variant one.len - i; */
	while (i < one.len && octet_lower(buf[one.off + i]) == octet_lower(buf[other.off + i]))
		i++;
	return i == one.len;
}

/* True if Connection names the field. */
/*@ requires lines_go(buf, fields) && span_readable(buf, name);
  @ assigns \nothing;
  @*/
static bool of_connection(const uint8_t *buf, const struct tux_field_lines *fields, struct tux_span name)
{
	uint32_t line = tux_fields_find(fields, TUX_FIELD_CONNECTION, 0);

	/*@ loop invariant line <= fields->count;
	  @ loop assigns line;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		struct tux_span rest = fields->line[line - 1].value, option;

		/*@ loop invariant span_part(rest, fields->line[line - 1].value);
		  @ loop assigns rest, option;
		  @ loop variant rest.len; */
		while (tux_field_list_next(buf, &rest, &option))
			if (same_name(buf, option, name))
				return true;
		line = tux_fields_find(fields, TUX_FIELD_CONNECTION, line);
	}
	return false;
}

/* True if Connection has at most TUX_MAX_OPTIONS options. Each field is compared with every option. */
/*@ requires fields_readable(buf, fields);
  @ assigns \nothing;
  @*/
static bool few_options(const uint8_t *buf, const struct tux_field_lines *fields)
{
	uint32_t line = tux_fields_find(fields, TUX_FIELD_CONNECTION, 0), options = 0;

	/*@ loop invariant line <= fields->count && options <= TUX_MAX_OPTIONS;
	  @ loop assigns line, options;
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		struct tux_span rest = fields->line[line - 1].value, option;

		/*@ loop invariant span_part(rest, fields->line[line - 1].value) && options <= TUX_MAX_OPTIONS;
		  @ loop assigns rest, option, options;
		  @ loop variant rest.len; */
		while (tux_field_list_next(buf, &rest, &option)) {
			if (options == TUX_MAX_OPTIONS)
				return false;
			options++;
		}
		line = tux_fields_find(fields, TUX_FIELD_CONNECTION, line);
	}
	return true;
}

/* True if a name starts with text, which is lower case. */
/*@ requires span_readable(buf, name) && text_readable(text) && (\forall integer i; 0 <= i < text.len ==> 0 <= text.at[i]);
  @ assigns \nothing;
  @*/
static bool starts(const uint8_t *buf, struct tux_span name, struct tux_text text)
{
	return name.len >= text.len && octet_spells(buf + name.off, text.at, text.len);
}

/*@ requires span_readable(buf, name);
  @ assigns \nothing;
  @*/
static bool has_underscore(const uint8_t *buf, struct tux_span name)
{
	return octet_find(buf, name.off, name.off + name.len, '_') < name.off + name.len;
}

/* True if a field of that name is connection-specific or frames the message, even if Connection does not name it. */
/*@ assigns \nothing;
  @ ensures is_framing(known) ==> \result;
  @*/
static bool is_hop(uint8_t known)
{
	return known == TUX_FIELD_CONNECTION || known == TUX_FIELD_CONTENT_LENGTH || known == TUX_FIELD_KEEP_ALIVE ||
	       known == TUX_FIELD_PROXY_AUTHENTICATE || known == TUX_FIELD_PROXY_AUTHORIZATION ||
	       known == TUX_FIELD_PROXY_CONNECTION || known == TUX_FIELD_TE || known == TUX_FIELD_TRANSFER_ENCODING ||
	       known == TUX_FIELD_UPGRADE;
}

/* True if a field of a request is not forwarded. */
/*@ requires lines_go(buf, fields) && index < fields->count;
  @ assigns \nothing;
  @ ensures is_framing(fields->line[index].known) || fields->line[index].known == TUX_FIELD_HOST ==> \result;
  @*/
static bool stays(const uint8_t *buf, const struct tux_field_lines *fields, uint32_t index, bool chunked, bool trusted)
{
	const uint8_t known = fields->line[index].known;
	const struct tux_span name = fields->line[index].name;

	if (is_hop(known) || known == TUX_FIELD_EXPECT || known == TUX_FIELD_HOST || known == TUX_FIELD_PROXY ||
	    (known == TUX_FIELD_TRAILER && !chunked))
		return true;
	if (known == TUX_FIELD_FORWARDED || known == TUX_FIELD_X_FORWARDED_FOR || known == TUX_FIELD_X_FORWARDED_HOST ||
	    known == TUX_FIELD_X_FORWARDED_PROTO)
		return true;
	if (!trusted && (starts(buf, name, TUX_TEXT("x-forwarded-")) || tux_field_equals(buf, name, "x-real-ip", 9)))
		return true;
	return has_underscore(buf, name) || of_connection(buf, fields, name);
}

/* True if the name is one of those to omit. */
/*@ requires span_readable(buf, name) && forwarding_response_readable(how);
  @ assigns \nothing;
  @*/
static bool is_removed(const uint8_t *buf, struct tux_span name, const struct tux_forwarding_response *how)
{
	/*@ loop invariant 0 <= i <= how->removed_count;
	  @ loop assigns i;
	  @ loop variant how->removed_count - i; */
	for (uint32_t i = 0; i < how->removed_count; i++)
		if (tux_field_equals(buf, name, how->removed[i].at, how->removed[i].len))
			return true;
	return false;
}

/* True if a field of a response is not forwarded. */
/*@ requires lines_go(buf, fields) && index < fields->count;
  @ requires forwarding_response_readable(how);
  @ assigns \nothing;
  @ ensures is_framing(fields->line[index].known) ==> \result;
  @*/
static bool stays_of_response(const uint8_t *buf, const struct tux_field_lines *fields, uint32_t index,
                              const struct tux_forwarding_response *how)
{
	const uint8_t known = fields->line[index].known;
	const struct tux_span name = fields->line[index].name;

	if (is_hop(known) || known == TUX_FIELD_STATUS || known == TUX_FIELD_X_SENDFILE ||
	    (known == TUX_FIELD_TRAILER && how->framing != TUX_FRAMING_CHUNKED))
		return true;
	return starts(buf, name, TUX_TEXT("x-accel-")) || of_connection(buf, fields, name) || is_removed(buf, name, how);
}

/*@ requires out_valid(out) && span_readable(buf, field.name) && span_readable(buf, field.value);
  @ requires span_inside(field.name, TUX_MAX_RECEIVED_HEAD) && span_inside(field.value, TUX_MAX_RECEIVED_HEAD) && message_apart(out, buf);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_field(struct writer *out, const uint8_t *buf, struct tux_field field)
{
	put_of(out, buf + field.name.off, field.name.len, OCTET_TOKEN);
	PUT(out, ": ");
	put_of(out, buf + field.value.off, field.value.len, OCTET_VALUE);
	PUT(out, "\r\n");
}

/* Writes every line of a known field. */
/*@ requires out_valid(out) && lines_go(buf, fields) && message_apart(out, buf) && name < TUX_FIELD_NAMES;
  @ requires \separated(out, fields) && \separated(out->at + (0 .. out->cap - 1), fields);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_known(struct writer *out, const uint8_t *buf, const struct tux_field_lines *fields, enum tux_field_name name)
{
	uint32_t line = tux_fields_find(fields, name, 0);

	/*@ loop invariant line <= fields->count && out_valid(out) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop assigns line, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		put_field(out, buf, fields->line[line - 1]);
		line = tux_fields_find(fields, name, line);
	}
}

/* Writes the values of every line of a known field as one list; the caller appends the next member. */
/*@ requires out_valid(out) && lines_go(buf, fields) && message_apart(out, buf) && name < TUX_FIELD_NAMES;
  @ requires \separated(out, fields) && \separated(out->at + (0 .. out->cap - 1), fields);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_list(struct writer *out, const uint8_t *buf, const struct tux_field_lines *fields, enum tux_field_name name)
{
	uint32_t line = tux_fields_find(fields, name, 0);

	/*@ loop invariant line <= fields->count && out_valid(out) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop assigns line, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant line == 0 ? 0 : TUX_MAX_FIELDS + 1 - line; */
	while (line != 0) {
		const struct tux_span value = fields->line[line - 1].value;

		if (value.len > 0) {
			put_of(out, buf + value.off, value.len, OCTET_VALUE);
			PUT(out, ", ");
		}
		line = tux_fields_find(fields, name, line);
	}
}

/* Writes the framing of a message, in the only form that the receiver understands as TUX does. */
/*@ requires out_valid(out);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_framing(struct writer *out, uint8_t framing, uint64_t content_length)
{
	if (framing == TUX_FRAMING_CHUNKED) {
		PUT(out, "Transfer-Encoding: chunked\r\n");
	} else if (framing == TUX_FRAMING_LENGTH) {
		PUT(out, "Content-Length: ");
		put_number(out, content_length);
		PUT(out, "\r\n");
	}
}

/* Writes the request line: the target is in origin form (RFC 9112 3.2.1) or "*". */
/*@ requires request_goes(out, buf, req);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_request_line(struct writer *out, const uint8_t *buf, const struct tux_request *req)
{
	put_of(out, buf + req->method_text.off, req->method_text.len, OCTET_TOKEN);
	put_byte(out, ' ');
	if (req->form != TUX_FORM_ABSOLUTE) {
		put_of(out, buf + req->target.off, req->target.len, OCTET_TARGET);
	} else if (req->path.len > 0 || req->query.len > 0) {
		if (req->path.len == 0)
			put_byte(out, '/');
		put_of(out, buf + req->path.off, req->path.len, OCTET_TARGET);
		if (req->query.len > 0)
			put_byte(out, '?');
		put_of(out, buf + req->query.off, req->query.len, OCTET_TARGET);
	} else {
		/* RFC 9112 3.2.4: OPTIONS without path and query means the server. */
		put_byte(out, req->method == TUX_OPTIONS ? '*' : '/');
	}
	PUT(out, " HTTP/1.1\r\n");
}

/* Writes a node of Forwarded (RFC 7239 6): an address, IPv6 in brackets and quotes. */
/*@ requires out_valid(out) && octets_readable(node) && octets_apart(node, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_node(struct writer *out, struct tux_octets node)
{
	const bool v6 = octet_find(node.at, 0, node.len, ':') < node.len;

	if (node.len == 0)
		PUT(out, "unknown");
	if (v6)
		PUT(out, "\"[");
	put_visible(out, node.at, node.len);
	if (v6)
		PUT(out, "]\"");
}

/* Writes Forwarded (RFC 7239 4). The host was parsed, so it contains neither quotes nor backslashes. */
/*@ requires request_goes(out, buf, req);
  @ requires forwarding_readable(how) && forwarding_apart(how, out->at, out->cap) && \separated(out, how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_forwarded(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_forwarding *how)
{
	PUT(out, "Forwarded: ");
	if (how->trusted)
		put_list(out, buf, &req->fields, TUX_FIELD_FORWARDED);
	PUT(out, "for=");
	put_node(out, how->client);
	if (how->by.len > 0) {
		PUT(out, ";by=");
		put_node(out, how->by);
	}
	if (req->host.len > 0) {
		PUT(out, ";host=\"");
		put_of(out, buf + req->host.off, req->host.len, OCTET_VALUE);
		put_byte(out, '"');
	}
	PUT(out, ";proto=");
	put_text(out, how->https ? TUX_TEXT("https") : TUX_TEXT("http"));
	PUT(out, "\r\n");
}

/* Writes X-Forwarded-For, which is older than RFC 7239. */
/*@ requires request_goes(out, buf, req);
  @ requires forwarding_readable(how) && forwarding_apart(how, out->at, out->cap) && \separated(out, how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_x_forwarded_for(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_forwarding *how)
{
	PUT(out, "X-Forwarded-For: ");
	if (how->trusted)
		put_list(out, buf, &req->fields, TUX_FIELD_X_FORWARDED_FOR);
	if (how->client.len > 0)
		put_visible(out, how->client.at, how->client.len);
	else
		PUT(out, "unknown");
	PUT(out, "\r\n");
}

/* Writes X-Forwarded-Proto. Keeps the fields of a trusted client, which state the protocol of the first client. */
/*@ requires request_goes(out, buf, req);
  @ requires \valid_read(how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_x_forwarded_proto(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_forwarding *how)
{
	if (how->trusted && req->fields.first[TUX_FIELD_X_FORWARDED_PROTO] != 0)
		put_known(out, buf, &req->fields, TUX_FIELD_X_FORWARDED_PROTO);
	else if (how->https)
		PUT(out, "X-Forwarded-Proto: https\r\n");
	else
		PUT(out, "X-Forwarded-Proto: http\r\n");
}

/*@ requires request_goes(out, buf, req);
  @ requires \valid_read(how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_x_forwarded_host(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_forwarding *how)
{
	if (how->trusted && req->fields.first[TUX_FIELD_X_FORWARDED_HOST] != 0) {
		put_known(out, buf, &req->fields, TUX_FIELD_X_FORWARDED_HOST);
	} else if (req->host.len > 0) {
		PUT(out, "X-Forwarded-Host: ");
		put_of(out, buf + req->host.off, req->host.len, OCTET_VALUE);
		PUT(out, "\r\n");
	}
}

/* Writes the only Host field (RFC 9112 3.2). */
/*@ requires request_goes(out, buf, req);
  @ requires forwarding_readable(how) && forwarding_apart(how, out->at, out->cap) && \separated(out, how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_host(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_forwarding *how)
{
	PUT(out, "Host: ");
	if (how->host.len > 0)
		put_visible(out, how->host.at, how->host.len);
	else
		put_of(out, buf + req->host.off, req->host.len, OCTET_VALUE);
	PUT(out, "\r\n");
}

/* Writes the fields of a request that are forwarded. */
/*@ requires request_goes(out, buf, req);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_fields(struct writer *out, const uint8_t *buf, const struct tux_request *req, bool chunked, bool trusted)
{
	/*@ loop invariant 0 <= i <= req->fields.count && request_goes(out, buf, req) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop assigns i, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant req->fields.count - i; */
	for (uint32_t i = 0; i < req->fields.count; i++)
		if (!stays(buf, &req->fields, i, chunked, trusted))
			put_field(out, buf, req->fields.line[i]);
}

/*@ requires out_valid(out) && \valid_read(req) && \valid_read(how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_via(struct writer *out, const struct tux_request *req, const struct tux_forwarding *how)
{
	if (how->via && req->minor == 0)
		PUT(out, "Via: 1.0 tux\r\n");
	else if (how->via)
		PUT(out, "Via: 1.1 tux\r\n");
}

/*
 * Writes the request's framing. A method that may have a body gets "Content-Length: 0" without one (RFC 9110 8.6), except for an
 * upgrade, because octets of another protocol follow the head.
 */
/*@ requires out_valid(out) && \valid_read(req) && \valid_read(how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_framing_of_request(struct writer *out, const struct tux_request *req, const struct tux_forwarding *how)
{
	if (how->framing == TUX_FRAMING_NONE && !how->upgrade &&
	    (req->method == TUX_POST || req->method == TUX_PUT || req->method == TUX_PATCH))
		PUT(out, "Content-Length: 0\r\n");
	else
		put_framing(out, how->framing, how->content_length);
}

/*@ requires request_goes(out, buf, req);
  @ requires \valid_read(how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_connection(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_forwarding *how)
{
	if (how->upgrade) {
		PUT(out, "Connection: Upgrade\r\n");
		put_known(out, buf, &req->fields, TUX_FIELD_UPGRADE);
	} else if (how->close) {
		PUT(out, "Connection: close\r\n");
	}
}

/* Writes the whole head. */
/*@ requires request_goes(out, buf, req);
  @ requires forwarding_readable(how) && forwarding_apart(how, out->at, out->cap) && \separated(out, how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_request(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_forwarding *how)
{
	put_request_line(out, buf, req);
	put_host(out, buf, req, how);
	put_fields(out, buf, req, how->framing == TUX_FRAMING_CHUNKED, how->trusted);
	put_forwarded(out, buf, req, how);
	put_x_forwarded_for(out, buf, req, how);
	put_x_forwarded_proto(out, buf, req, how);
	put_x_forwarded_host(out, buf, req, how);
	put_connection(out, buf, req, how);
	put_via(out, req, how);
	put_framing_of_request(out, req, how);
	PUT(out, "\r\n");
}

uint32_t tux_forward_request(uint8_t *out_at, uint32_t cap, const uint8_t *buf, const struct tux_request *req,
                             const struct tux_forwarding *how)
{
	/*@ assert \forall integer i; 0 <= i < req->fields.count ==> span_readable(buf, req->fields.line[i].name); */
	/*@ assert \forall integer i; 0 <= i < req->fields.count ==> span_readable(buf, req->fields.line[i].value); */
	/*@ assert lines_go(buf, &req->fields); */
	struct writer out = { .at = out_at, .cap = cap };

	if (req->form == TUX_FORM_AUTHORITY || !few_options(buf, &req->fields))
		return 0;
	put_request(&out, buf, req, how);
	return out_bytes(&out);
}

/*@ requires received_goes(out, buf, res);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures received_goes(out, buf, res) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_status_line(struct writer *out, const uint8_t *buf, const struct tux_response *res)
{
	PUT(out, "HTTP/1.1 ");
	put_number(out, res->status);
	put_byte(out, ' ');
	if (res->reason.len > 0)
		put_of(out, buf + res->reason.off, res->reason.len, OCTET_VALUE);
	else
		put_text(out, tux_response_reason(res->status));
	PUT(out, "\r\n");
}

/* Writes the fields of a response that are forwarded. */
/*@ requires received_goes(out, buf, res);
  @ requires forwarding_response_readable(how) && forwarding_response_apart(how, out->at, out->cap) && \separated(out, how);
  @ requires \separated(out, how->removed + (0 .. how->removed_count - 1));
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures received_goes(out, buf, res) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_fields_of_response(struct writer *out, const uint8_t *buf, const struct tux_response *res,
                                   const struct tux_forwarding_response *how)
{
	/*@ loop invariant 0 <= i <= res->fields.count && received_goes(out, buf, res) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop assigns i, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant res->fields.count - i; */
	for (uint32_t i = 0; i < res->fields.count; i++)
		if (!stays_of_response(buf, &res->fields, i, how))
			put_field(out, buf, res->fields.line[i]);
}

/*@ requires out_valid(out) && \valid_read(res) && \valid_read(how);
  @ requires how->date != \null ==> \valid_read(how->date + (0 .. TUX_DATE_LEN - 1)) &&
  @   \separated(out->at + (0 .. out->cap - 1), how->date + (0 .. TUX_DATE_LEN - 1));
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_date(struct writer *out, const struct tux_response *res, const struct tux_forwarding_response *how)
{
	if (how->date == NULL || res->fields.first[TUX_FIELD_DATE] != 0)
		return;
	PUT(out, "Date: ");
	put(out, how->date, TUX_DATE_LEN);
	PUT(out, "\r\n");
}

/*@ requires out_valid(out) && \valid_read(res) && \valid_read(how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_framing_of_response(struct writer *out, const struct tux_response *res, const struct tux_forwarding_response *how)
{
	if (how->framing == TUX_FRAMING_NONE && res->has_length && res->status != 204)
		put_framing(out, TUX_FRAMING_LENGTH, res->content_length);
	else
		put_framing(out, how->framing, how->content_length);
}

/* Writes Connection; put_upgrade() writes it for an upgrade. */
/*@ requires out_valid(out) && \valid_read(how);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_connection_of_response(struct writer *out, const struct tux_forwarding_response *how)
{
	if (!how->keep_alive || how->framing == TUX_FRAMING_CLOSE)
		PUT(out, "Connection: close\r\n");
	else if (how->minor == 0)
		PUT(out, "Connection: keep-alive\r\n");
}

/*@ requires received_goes(out, buf, res);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_upgrade(struct writer *out, const uint8_t *buf, const struct tux_response *res)
{
	PUT(out, "Connection: Upgrade\r\n");
	put_known(out, buf, &res->fields, TUX_FIELD_UPGRADE);
}

/* Writes the whole head. An interim response gets no Date, framing or Connection. */
/*@ requires received_goes(out, buf, res);
  @ requires forwarding_response_readable(how) && forwarding_response_apart(how, out->at, out->cap) && \separated(out, how);
  @ requires \separated(out, how->removed + (0 .. how->removed_count - 1));
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_response(struct writer *out, const uint8_t *buf, const struct tux_response *res,
                         const struct tux_forwarding_response *how)
{
	put_status_line(out, buf, res);
	put_fields_of_response(out, buf, res, how);
	if (how->upgrade)
		put_upgrade(out, buf, res);
	if (res->status >= 200) {
		put_date(out, res, how);
		put_framing_of_response(out, res, how);
		put_connection_of_response(out, how);
	}
	put(out, how->extra.at, how->extra.len);
	PUT(out, "\r\n");
}

uint32_t tux_forward_response(uint8_t *out_at, uint32_t cap, const uint8_t *buf, const struct tux_response *res,
                              const struct tux_forwarding_response *how)
{
	/*@ assert \forall integer i; 0 <= i < res->fields.count ==> span_readable(buf, res->fields.line[i].name); */
	/*@ assert \forall integer i; 0 <= i < res->fields.count ==> span_readable(buf, res->fields.line[i].value); */
	/*@ assert lines_go(buf, &res->fields); */
	struct writer out = { .at = out_at, .cap = cap };

	if (!few_options(buf, &res->fields))
		return 0;
	put_response(&out, buf, res, how);
	return out_bytes(&out);
}

uint32_t tux_forward_trailer(uint8_t *out_at, uint32_t cap, const uint8_t *buf, const struct tux_field_lines *fields)
{
	struct writer out = { .at = out_at, .cap = cap };

	PUT(&out, "0\r\n");
	/*@ loop invariant 0 <= i <= fields->count && out_valid(&out) && out.at == out_at && out.cap == cap;
	  @ loop assigns i, out.len, out.full, out_at[0 .. cap - 1];
	  @ loop variant fields->count - i; */
	for (uint32_t i = 0; i < fields->count; i++)
		if (fields->line[i].known == TUX_FIELD_OTHER && !has_underscore(buf, fields->line[i].name))
			put_field(&out, buf, fields->line[i]);
	PUT(&out, "\r\n");
	return out_bytes(&out);
}

/* True if the name is one of those to be kept. */
/*@ requires span_readable(buf, name) && texts_readable(kept, kept_count);
  @ assigns \nothing;
  @*/
static bool is_kept(const uint8_t *buf, struct tux_span name, const struct tux_text *kept, uint32_t kept_count)
{
	/*@ loop invariant 0 <= i <= kept_count;
	  @ loop assigns i;
	  @ loop variant kept_count - i; */
	for (uint32_t i = 0; i < kept_count; i++)
		if (tux_field_equals(buf, name, kept[i].at, kept[i].len))
			return true;
	return false;
}

bool tux_forward_kept(uint8_t *out_at, uint32_t cap, const uint8_t *buf, const struct tux_field_lines *fields, const struct tux_text *kept,
                      uint32_t kept_count, uint32_t *len)
{
	struct writer out = { .at = out_at, .cap = cap };

	/*@ loop invariant 0 <= i <= fields->count && out_valid(&out) && out.at == out_at && out.cap == cap;
	  @ loop assigns i, out.len, out.full, out_at[0 .. cap - 1];
	  @ loop variant fields->count - i; */
	for (uint32_t i = 0; i < fields->count; i++)
		if (is_kept(buf, fields->line[i].name, kept, kept_count))
			put_field(&out, buf, fields->line[i]);
	*len = out_bytes(&out);
	return out.full == 0;
}

/* True if a field of a request describes its body. */
/*@ assigns \nothing; */
static bool is_of_body(uint8_t known)
{
	return known == TUX_FIELD_CONTENT_LENGTH || known == TUX_FIELD_TRANSFER_ENCODING || known == TUX_FIELD_EXPECT;
}

uint32_t tux_forward_inside(uint8_t *out_at, uint32_t cap, const uint8_t *buf, const struct tux_request *req, struct tux_octets target)
{
	/*@ assert \forall integer i; 0 <= i < req->fields.count ==> span_readable(buf, req->fields.line[i].name); */
	/*@ assert \forall integer i; 0 <= i < req->fields.count ==> span_readable(buf, req->fields.line[i].value); */
	struct writer out = { .at = out_at, .cap = cap };

	put_text(&out, req->method == TUX_HEAD ? TUX_TEXT("HEAD ") : TUX_TEXT("GET "));
	put_of(&out, target.at, target.len, OCTET_TARGET);
	put_text(&out, req->minor > 0 ? TUX_TEXT(" HTTP/1.1\r\n") : TUX_TEXT(" HTTP/1.0\r\n"));
	/*@ loop invariant 0 <= i <= req->fields.count && out_valid(&out) && out.at == out_at && out.cap == cap;
	  @ loop assigns i, out.len, out.full, out_at[0 .. cap - 1];
	  @ loop variant req->fields.count - i; */
	for (uint32_t i = 0; i < req->fields.count; i++)
		if (!is_of_body(req->fields.line[i].known))
			put_field(&out, buf, req->fields.line[i]);
	PUT(&out, "\r\n");
	return out_bytes(&out);
}

uint32_t tux_forward_chunk(uint8_t *out_at, uint32_t cap, const uint8_t *data, uint32_t len)
{
	struct writer out = { .at = out_at, .cap = cap };
	uint8_t head[TUX_MAX_CHUNK_HEAD];

	put(&out, head, tux_chunk_head(head, len));
	put(&out, data, len);
	PUT(&out, TUX_CHUNK_END);
	return out_bytes(&out);
}

uint32_t tux_chunk_head(uint8_t *out, uint32_t len)
{
	uint8_t digits[TUX_MAX_CHUNK_HEAD - 2];
	uint32_t first = sizeof(digits), count;

	/*@ loop invariant 0 < first <= 8;
	  @ loop assigns first, len, digits[0 .. 7];
	  @ loop variant first; */
	do {
		digits[--first] = (uint8_t)(len % 16 < 10 ? '0' + len % 16 : 'a' - 10 + len % 16);
		len /= 16;
	} while (len > 0 && first > 0);
	count = (uint32_t)sizeof(digits) - first;
	octet_copy(out, digits + first, count);
	out[count] = '\r';
	out[count + 1] = '\n';
	return count + 2;
}
