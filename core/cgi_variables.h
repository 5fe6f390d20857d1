/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The meta-variables of a request for a CGI program (RFC 3875 4.1). */
#ifndef TUX_CORE_CGI_VARIABLES_H
#define TUX_CORE_CGI_VARIABLES_H

#include "request.h"

/* Data that the request itself does not contain. Empty members are omitted; octets are borrowed for the call. */
struct tux_cgi_facts {
	struct tux_octets script_name;     /* the part of the path that names the program, decoded */
	struct tux_octets script_filename; /* its file */
	struct tux_octets path_info;       /* the rest of the path after the program, decoded */
	struct tux_octets path_translated; /* the file that path_info names beneath the root */
	struct tux_octets document_root;
	struct tux_octets server_name;     /* empty = the requested host, without its port */
	struct tux_octets server_addr;     /* numeric addresses, IPv6 without brackets */
	struct tux_octets remote_addr;
	struct tux_octets server_software;
	uint16_t server_port;              /* host byte order; 0 = omitted */
	uint16_t remote_port;
	bool https;
	bool has_length;                   /* a body of content_length bytes follows; else no body, or one of unknown length */
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
 * Writes the variables of a parsed request to out (cap bytes), each as "NAME=value" followed by a NUL. HTTP_* are made only of
 * fields whose names consist of letters, digits and '-'. A '-' becomes '_' there, so a client could otherwise forge one name with
 * the other. Joins lines of the same name into one list. Omits Proxy, because programs would read it as the setting HTTP_PROXY,
 * connection-specific fields, and fields that have their own variable. Returns the bytes written; 0 if they do not fit, or if facts
 * contains a NUL. Any context.
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
