/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Meta-variables of CGI: first those of the server and program, then the fields of the request. */
#include "cgi_variables.h"

#include "writer.h"

/* For the proof: the octets of a message do not overlap the written ones. */
/*@ predicate message_apart{L}(struct writer *out, uint8_t *buf) =
  @   \separated(out->at + (0 .. out->cap - 1), buf + (0 .. TUX_MAX_HEAD - 1)) && \separated(out, buf + (0 .. TUX_MAX_HEAD - 1));
  @
  @ // Lines that may be read.
  @ predicate lines_go{L}(uint8_t *buf, struct tux_field_lines *fields) =
  @   \valid_read(fields) && fields_inside(fields, TUX_MAX_HEAD) &&
  @   (\forall integer i; 0 <= i < fields->count ==> span_readable(buf, fields->line[i].name)) &&
  @   (\forall integer i; 0 <= i < fields->count ==> span_readable(buf, fields->line[i].value));
  @
  @ // A request, as far as it is written, and where its variables are written to; each that writes leaves it so.
  @ predicate request_goes{L}(struct writer *out, uint8_t *buf, struct tux_request *req) =
  @   out_valid(out) && message_apart(out, buf) && \separated(out, req) && \separated(out->at + (0 .. out->cap - 1), req) &&
  @   \valid_read(req) && req->head_len <= TUX_MAX_HEAD && \valid_read(buf + (0 .. req->head_len - 1)) &&
  @   request_spans(req, req->head_len) && lines_go(buf, &req->fields);
  @*/

/* Writes octets of any value except NUL, which makes the output too long (full). */
/*@ requires out_valid(out) && octets_readable(octets) && octets_apart(octets, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @ ensures !out->full ==> \forall integer k; \old(out->len) <= k < out->len ==> out->at[k] != 0;
  @*/
static void put_octets(struct writer *out, struct tux_octets octets)
{
	if (octet_find(octets.at, 0, octets.len, 0) < octets.len) {
		out->full = 1;
		return;
	}
	put(out, octets.at, octets.len);
}

/* Writes a variable with a constant value. */
/*@ requires out_valid(out) && text_readable(text);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_variable(struct writer *out, struct tux_text text)
{
	put_text(out, text);
	put_byte(out, 0);
}

/* Writes a variable if its value is not empty. name includes the '='. */
/*@ requires out_valid(out) && text_readable(name);
  @ requires octets_readable(value) && octets_apart(value, out->at, out->cap);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_known(struct writer *out, struct tux_text name, struct tux_octets value)
{
	if (value.len == 0)
		return;
	put_text(out, name);
	put_octets(out, value);
	put_byte(out, 0);
}

/*@ requires out_valid(out) && text_readable(name);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_port(struct writer *out, struct tux_text name, uint16_t port)
{
	if (port == 0)
		return;
	put_text(out, name);
	put_number(out, port);
	put_byte(out, 0);
}

/* Writes a variable from a span of the request, whose octets are valid in a field value. */
/*@ requires out_valid(out) && span_readable(buf, span) && span_inside(span, TUX_MAX_HEAD) && message_apart(out, buf);
  @ requires text_readable(name);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_span(struct writer *out, struct tux_text name, const uint8_t *buf, struct tux_span span)
{
	put_text(out, name);
	put_of(out, buf + span.off, span.len, OCTET_VALUE);
	put_byte(out, 0);
}

/* Returns a host without its port, and without the dot at the end of an absolute name. */
/*@ requires span_readable(buf, host);
  @ assigns \nothing;
  @ ensures span_part(\result, host);
  @*/
static struct tux_span without_port(const uint8_t *buf, struct tux_span host)
{
	const uint32_t end = host.off + host.len;
	uint32_t off = host.off;

	if (host.len > 0 && buf[off] == '[')
		off = octet_find(buf, off, end, ']');
	host.len = octet_find(buf, off, end, ':') - host.off;
	if (host.len > 1 && buf[host.off + host.len - 1] == '.') /* the root domain (RFC 3986 3.2.2) */
		host.len--;
	return host;
}

/* Writes the request target as received, but without scheme and host. */
/*@ requires request_goes(out, buf, req);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_uri(struct writer *out, const uint8_t *buf, const struct tux_request *req)
{
	PUT(out, "REQUEST_URI=");
	if (req->form != TUX_FORM_ABSOLUTE) {
		put_of(out, buf + req->target.off, req->target.len, OCTET_VALUE);
	} else {
		if (req->path.len == 0)
			put_byte(out, '/');
		put_of(out, buf + req->path.off, req->path.len, OCTET_VALUE);
		if (req->query.len > 0)
			put_byte(out, '?');
		put_of(out, buf + req->query.off, req->query.len, OCTET_VALUE);
	}
	put_byte(out, 0);
}

/* Writes the variables of the request line. */
/*@ requires request_goes(out, buf, req);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_request_line(struct writer *out, const uint8_t *buf, const struct tux_request *req)
{
	put_span(out, TUX_TEXT("REQUEST_METHOD="), buf, req->method_text);
	put_uri(out, buf, req);
	put_span(out, TUX_TEXT("QUERY_STRING="), buf, req->query);
	put_variable(out, req->minor == 0 ? TUX_TEXT("SERVER_PROTOCOL=HTTP/1.0") : TUX_TEXT("SERVER_PROTOCOL=HTTP/1.1"));
}

/*@ requires out_valid(out) && \valid_read(facts);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_scheme(struct writer *out, const struct tux_cgi_facts *facts)
{
	if (facts->https) {
		put_variable(out, TUX_TEXT("REQUEST_SCHEME=https"));
		put_variable(out, TUX_TEXT("HTTPS=on"));
	} else {
		put_variable(out, TUX_TEXT("REQUEST_SCHEME=http"));
	}
}

/* Writes the variables of the body. type: 1 + index of the Content-Type line; 0 = missing. */
/*@ requires request_goes(out, buf, req);
  @ requires \valid_read(facts) && type <= req->fields.count;
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_body(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_cgi_facts *facts,
                     uint32_t type)
{
	if (facts->has_length) {
		PUT(out, "CONTENT_LENGTH=");
		put_number(out, facts->content_length);
		put_byte(out, 0);
	}
	if (type != 0)
		put_span(out, TUX_TEXT("CONTENT_TYPE="), buf, req->fields.line[type - 1].value);
}

/* Writes the variables of the request and the protocol. */
/*@ requires request_goes(out, buf, req);
  @ requires \valid_read(facts);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_request(struct writer *out, const uint8_t *buf, const struct tux_request *req, const struct tux_cgi_facts *facts)
{
	const uint32_t type = tux_request_field(req, TUX_FIELD_CONTENT_TYPE, 0);

	put_variable(out, TUX_TEXT("GATEWAY_INTERFACE=CGI/1.1"));
	put_request_line(out, buf, req);
	put_scheme(out, facts);
	put_body(out, buf, req, facts, type);
	if (facts->server_name.len == 0)
		put_span(out, TUX_TEXT("SERVER_NAME="), buf, without_port(buf, req->host));
	/* PHP requires it of servers other than Apache. */
	put_variable(out, TUX_TEXT("REDIRECT_STATUS=200"));
}

/* Writes the paths of the program and its arguments. */
/*@ requires out_valid(out) && cgi_facts_readable(facts) && cgi_facts_apart(facts, out->at, out->cap) && \separated(out, facts);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_script(struct writer *out, const struct tux_cgi_facts *facts)
{
	put_known(out, TUX_TEXT("SCRIPT_NAME="), facts->script_name);
	put_known(out, TUX_TEXT("SCRIPT_FILENAME="), facts->script_filename);
	put_known(out, TUX_TEXT("PATH_INFO="), facts->path_info);
	put_known(out, TUX_TEXT("PATH_TRANSLATED="), facts->path_translated);
	put_known(out, TUX_TEXT("DOCUMENT_ROOT="), facts->document_root);
}

/* Writes the variables of the server and the client. */
/*@ requires out_valid(out) && cgi_facts_readable(facts) && cgi_facts_apart(facts, out->at, out->cap) && \separated(out, facts);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_server(struct writer *out, const struct tux_cgi_facts *facts)
{
	put_known(out, TUX_TEXT("SERVER_NAME="), facts->server_name);
	put_known(out, TUX_TEXT("SERVER_ADDR="), facts->server_addr);
	put_known(out, TUX_TEXT("SERVER_SOFTWARE="), facts->server_software);
	put_known(out, TUX_TEXT("REMOTE_ADDR="), facts->remote_addr);
	put_port(out, TUX_TEXT("SERVER_PORT="), facts->server_port);
	put_port(out, TUX_TEXT("REMOTE_PORT="), facts->remote_port);
}

/* True if a field of that name gets no HTTP_* variable, or is written elsewhere. */
/*@ assigns \nothing; */
static bool is_left_out(uint8_t known)
{
	return known == TUX_FIELD_CONNECTION || known == TUX_FIELD_CONTENT_LENGTH || known == TUX_FIELD_CONTENT_TYPE ||
	       known == TUX_FIELD_EXPECT || known == TUX_FIELD_HOST || known == TUX_FIELD_KEEP_ALIVE || known == TUX_FIELD_PROXY ||
	       known == TUX_FIELD_PROXY_AUTHORIZATION || known == TUX_FIELD_PROXY_CONNECTION || known == TUX_FIELD_TE ||
	       known == TUX_FIELD_TRAILER || known == TUX_FIELD_TRANSFER_ENCODING || known == TUX_FIELD_UPGRADE;
}

/* Returns the octet in a variable's name for an octet of a field name; 0 if it is not allowed. */
/*@ assigns \nothing;
  @ ensures \result != '=' && \result != '\n';
  @*/
static uint8_t variable_octet(uint8_t octet)
{
	if (octet == '-')
		return '_';
	if (octet_is_digit(octet) || (octet >= 'A' && octet <= 'Z'))
		return octet;
	return octet >= 'a' && octet <= 'z' ? (uint8_t)(octet - 0x20) : 0;
}

/* True if a field name consists only of octets allowed in a variable's name. */
/*@ requires span_readable(buf, name);
  @ assigns \nothing;
  @*/
static bool is_plain(const uint8_t *buf, struct tux_span name)
{
	uint32_t i = 0;

	/*@ loop invariant 0 <= i <= name.len;
	  @ loop assigns i;
	  @ loop variant name.len - i; */
	while (i < name.len && variable_octet(buf[name.off + i]) != 0)
		i++;
	return i == name.len;
}

/* True if both names become the same variable. */
/*@ requires span_readable(buf, one) && span_readable(buf, other);
  @ assigns \nothing;
  @*/
static bool same_variable(const uint8_t *buf, struct tux_span one, struct tux_span other)
{
	uint32_t i = 0;

	if (one.len != other.len)
		return false;
	/*@ loop invariant 0 <= i <= one.len;
	  @ loop assigns i;
	  @ loop variant one.len - i; */
	while (i < one.len && variable_octet(buf[one.off + i]) == variable_octet(buf[other.off + i]))
		i++;
	return i == one.len;
}

/* Returns the first line from index on whose variable is that of name; the count of lines if no line matches. */
/*@ requires lines_go(buf, fields) && index <= fields->count && span_readable(buf, name);
  @ assigns \nothing;
  @ ensures index <= \result <= fields->count;
  @*/
static uint32_t find_variable(const uint8_t *buf, const struct tux_field_lines *fields, uint32_t index, struct tux_span name)
{
	/*@ loop invariant \at(index, Pre) <= index <= fields->count;
	  @ loop assigns index;
	  @ loop variant fields->count - index; */
	while (index < fields->count && !same_variable(buf, fields->line[index].name, name))
		index++;
	return index;
}

/*@ requires out_valid(out) && span_readable(buf, name) && span_inside(name, TUX_MAX_HEAD) && message_apart(out, buf);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures out_valid(out) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_variable_name(struct writer *out, const uint8_t *buf, struct tux_span name)
{
	PUT(out, "HTTP_");
	/*@ loop invariant 0 <= i <= name.len && out_valid(out) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop assigns i, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant name.len - i; */
	for (uint32_t i = 0; i < name.len; i++)
		put_byte(out, variable_octet(buf[name.off + i]));
	put_byte(out, '=');
}

/* Writes the variable of the line at index, the first of its name, with the values of all lines of that name (RFC 3875 4.1.18). */
/*@ requires request_goes(out, buf, req) && index < req->fields.count;
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_field(struct writer *out, const uint8_t *buf, const struct tux_request *req, uint32_t index)
{
	const struct tux_field first = req->fields.line[index];

	put_variable_name(out, buf, first.name);
	put_of(out, buf + first.value.off, first.value.len, OCTET_VALUE);
	index = find_variable(buf, &req->fields, index + 1, first.name);
	/*@ loop invariant index <= req->fields.count && request_goes(out, buf, req) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop assigns index, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant req->fields.count - index; */
	while (index < req->fields.count) {
		const struct tux_span value = req->fields.line[index].value;

		/* RFC 9110 5.3; RFC 9113 8.2.3 for Cookie. */
		put_text(out, first.known == TUX_FIELD_COOKIE ? TUX_TEXT("; ") : TUX_TEXT(", "));
		put_of(out, buf + value.off, value.len, OCTET_VALUE);
		index = find_variable(buf, &req->fields, index + 1, first.name);
	}
	put_byte(out, 0);
}

/*@ requires request_goes(out, buf, req);
  @ assigns out->len, out->full, out->at[out->len .. out->cap - 1];
  @ ensures request_goes(out, buf, req) && out->len >= \old(out->len);
  @ ensures !out->full ==> !\old(out->full);
  @*/
static void put_fields(struct writer *out, const uint8_t *buf, const struct tux_request *req)
{
	if (req->host.len > 0)
		put_span(out, TUX_TEXT("HTTP_HOST="), buf, req->host);
	/*@ loop invariant 0 <= i <= req->fields.count && request_goes(out, buf, req) && \at(out->len, Pre) <= out->len;
	  @ loop invariant !out->full ==> !\at(out->full, Pre);
	  @ loop assigns i, out->len, out->full, out->at[\at(out->len, Pre) .. out->cap - 1];
	  @ loop variant req->fields.count - i; */
	for (uint32_t i = 0; i < req->fields.count; i++) {
		const struct tux_field *line = &req->fields.line[i];

		if (!is_left_out(line->known) && is_plain(buf, line->name) &&
		    find_variable(buf, &req->fields, 0, line->name) == i)
			put_field(out, buf, req, i);
	}
}

uint32_t tux_cgi_variables(uint8_t *out_at, uint32_t cap, const uint8_t *buf, const struct tux_request *req,
                           const struct tux_cgi_facts *facts)
{
	/*@ assert \forall integer i; 0 <= i < req->fields.count ==> span_readable(buf, req->fields.line[i].name); */
	/*@ assert \forall integer i; 0 <= i < req->fields.count ==> span_readable(buf, req->fields.line[i].value); */
	/*@ assert lines_go(buf, &req->fields); */
	struct writer out = { .at = out_at, .cap = cap };

	put_request(&out, buf, req, facts);
	put_script(&out, facts);
	put_server(&out, facts);
	put_fields(&out, buf, req);
	return out_bytes(&out);
}
