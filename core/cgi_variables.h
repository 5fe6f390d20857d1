/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The meta-variables that a CGI program is told of its request by (RFC 3875 4.1). */
#ifndef TUX_CORE_CGI_VARIABLES_H
#define TUX_CORE_CGI_VARIABLES_H

#include "request.h"

/* What the request itself does not say. Empty ones are left out; octets are borrowed for the call. */
struct tux_cgi_facts {
	struct tux_octets script_name;     /* the part of the path that names the program, decoded */
	struct tux_octets script_filename; /* its file */
	struct tux_octets path_info;       /* what the path has behind it, decoded */
	struct tux_octets path_translated; /* the file that path_info names beneath the root */
	struct tux_octets document_root;
	struct tux_octets server_name;     /* empty: the host that was asked for, without its port */
	struct tux_octets server_addr;     /* numeric addresses, IPv6 without brackets */
	struct tux_octets remote_addr;
	struct tux_octets server_software;
	uint16_t server_port;              /* host order; 0: left out */
	uint16_t remote_port;
	bool https;
	bool has_length;                   /* a body of content_length bytes follows; else none does, or one without a length */
	uint64_t content_length;
};

/*@ predicate cgi_facts_readable{L}(struct tux_cgi_facts *facts) =
  @   \valid_read(facts) && octets_readable(facts->script_name) && octets_readable(facts->script_filename) &&
  @   octets_readable(facts->path_info) && octets_readable(facts->path_translated) && octets_readable(facts->document_root) &&
  @   octets_readable(facts->server_name) && octets_readable(facts->server_addr) && octets_readable(facts->remote_addr) &&
  @   octets_readable(facts->server_software);
  @ predicate cgi_facts_apart{L}(struct tux_cgi_facts *facts, uint8_t *out, integer cap) =
  @   \separated(out + (0 .. cap - 1), facts) && octets_apart(facts->script_name, out, cap) &&
  @   octets_apart(facts->script_filename, out, cap) && octets_apart(facts->path_info, out, cap) &&
  @   octets_apart(facts->path_translated, out, cap) && octets_apart(facts->document_root, out, cap) &&
  @   octets_apart(facts->server_name, out, cap) && octets_apart(facts->server_addr, out, cap) &&
  @   octets_apart(facts->remote_addr, out, cap) && octets_apart(facts->server_software, out, cap);
  @*/

/*
 * Writes the variables of a parsed request to out (cap bytes), each as "NAME=value" with a NUL behind it and none in it. HTTP_*
 * are made of the fields whose names are letters, digits and '-' alone: a '_' stands for '-' there, and nobody is to write
 * the one for the other. Lines of the same name become one list. Left out are Proxy, which programs would take for the
 * setting HTTP_PROXY, what is for the connection alone, and what has a variable of its own.
 *
 * Returns its bytes; 0 when it does not fit, or when facts has a NUL. Any context.
 */
/*@ requires \valid(out + (0 .. cap - 1)) && request_readable(buf, req) && cgi_facts_readable(facts);
  @ requires cgi_facts_apart(facts, out, cap) && \separated(out + (0 .. cap - 1), req);
  @ requires \separated(out + (0 .. cap - 1), buf + (0 .. TUX_MAX_HEAD - 1));
  @ assigns out[0 .. cap - 1];
  @ ensures \result <= cap;
  @*/
uint32_t tux_cgi_variables(uint8_t *out, uint32_t cap, const uint8_t *buf, const struct tux_request *req,
                           const struct tux_cgi_facts *facts);

#endif
