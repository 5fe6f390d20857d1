/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The access record of one request, in binary. The log formats it as text. */
#ifndef TUX_CORE_ACCESS_RECORD_H
#define TUX_CORE_ACCESS_RECORD_H

#include "request.h"

enum {
	TUX_ACCESS_RECORD_TEXT_MAX = 1024,    /* bytes kept of each text of a record */
	TUX_ACCESS_RECORD_BACKEND_MAX = 160,  /* bytes kept of a backend's name */
	TUX_ACCESS_RECORD_TLS_NAME_MAX = 255, /* bytes of the name in a handshake of TLS */
};

/*
 * Fixed part of a record; the texts follow it without gaps: method, target, host, referer, user agent, backend, name of TLS. Its first 64
 * bytes are those of version 1 of the binary log, and its first 80 bytes those of version 2.
 */
struct tux_access_record {
	uint32_t size;        /* bytes of the whole record, texts included */
	uint16_t status;
	uint8_t minor;        /* HTTP/1.minor */
	uint8_t refusal;      /* enum tux_refusal */
	int64_t time_us;      /* time when the request's head was complete, since 1970 */
	uint32_t duration_us; /* until the kernel had the response */
	uint16_t port;        /* the client's port, host byte order; 0 on Unix sockets */
	uint8_t method_len;
	uint8_t host_number_high; /* bits 16 to 23 of the number of the host */
	uint64_t sent_bytes;  /* bytes of the response, including its head */
	uint8_t address[16];  /* the client's address, IPv4 as ::ffff:a.b.c.d; all zero on Unix sockets */
	uint16_t target_len;
	uint16_t host_len;     /* of the text of the Host field */
	uint16_t referer_len;
	uint16_t user_agent_len;
	uint16_t host_number; /* bits 0 to 15 of the number of the host */
	uint16_t backend_len; /* 0 = no backend, or its name is unknown */
	uint32_t backend_us;  /* time for which a backend had the request */
	uint64_t id;          /* the request's id, as in the error log */
	uint64_t received_bytes; /* bytes of the request: its head, and its body without chunked framing */
	uint16_t tls_version; /* 0x0303: TLS 1.2; 0x0304: TLS 1.3; 0: the connection has no TLS */
	uint16_t tls_cipher;  /* number of the cipher suite, as IANA assigns them */
	uint8_t tls_name_len; /* of the host that the client has named in the handshake (SNI) */
	uint8_t tls_resumed;  /* 1: the connection has resumed a session */
	uint16_t zero;
};

enum { TUX_ACCESS_RECORD_MAX = sizeof(struct tux_access_record) + 4 * TUX_ACCESS_RECORD_TEXT_MAX + 64 + TUX_ACCESS_RECORD_BACKEND_MAX +
	                             TUX_ACCESS_RECORD_TLS_NAME_MAX };

/*@ requires \valid_read(record);
  @ assigns \nothing;
  @*/
static inline uint32_t tux_access_record_host(const struct tux_access_record *record)
{
	return record->host_number + 65536u * record->host_number_high;
}

/* Sets the number of the host, below 2^24. */
/*@ requires \valid(record) && host < 16777216;
  @ assigns record->host_number, record->host_number_high;
  @*/
static inline void tux_access_record_set_host(struct tux_access_record *record, uint32_t host)
{
	record->host_number = (uint16_t)(host % 65536);
	record->host_number_high = (uint8_t)(host / 65536);
}

/* For the proof: the bytes of all texts of a record. */
/*@ logic integer record_texts{L}(struct tux_access_record *record) = record->method_len + record->target_len + record->host_len +
  @   record->referer_len + record->user_agent_len + record->backend_len + record->tls_name_len; */

/* True if a record that was read from elsewhere has the size of its texts, which is in the limit, and lies in left bytes. */
/*@ requires \valid_read(record);
  @ assigns \nothing;
  @ ensures \result <==> record->size == sizeof(struct tux_access_record) + record_texts(record) &&
  @   record->size <= TUX_ACCESS_RECORD_MAX && record->size <= left;
  @*/
static inline bool tux_access_record_valid(const struct tux_access_record *record, uint32_t left)
{
	const uint32_t texts = (uint32_t)record->method_len + record->target_len + record->host_len + record->referer_len +
	                       record->user_agent_len + record->backend_len + record->tls_name_len;

	return record->size == sizeof(*record) + texts && record->size <= TUX_ACCESS_RECORD_MAX && record->size <= left;
}

/*
 * Fills the lengths and size of *record from the request, which may be refused and only partly parsed. Writes the texts (method,
 * target, host, referer, user agent) to text, which has room for TUX_ACCESS_RECORD_MAX - sizeof(*record) bytes. Truncates each text
 * to TUX_ACCESS_RECORD_TEXT_MAX, the method to 64. The caller sets the other members of *record. Returns the bytes of text. Any
 * context.
 */
/*@ requires \valid(record) && \valid_read(req) && \valid(text + (0 .. 4 * TUX_ACCESS_RECORD_TEXT_MAX + 63));
  @ requires span_readable(buf, req->method_text) && span_readable(buf, req->target);
  @ requires req->refusal == TUX_ACCEPTED ==> span_readable(buf, req->host);
  @ requires fields_readable(buf, &req->fields);
  @ requires \separated(record, req) && \separated(record, text + (0 .. 4 * TUX_ACCESS_RECORD_TEXT_MAX + 63));
  @ requires \separated(req, text + (0 .. 4 * TUX_ACCESS_RECORD_TEXT_MAX + 63));
  @ requires \separated(buf + (..), text + (0 .. 4 * TUX_ACCESS_RECORD_TEXT_MAX + 63)) && \separated(buf + (..), record);
  @ assigns *record, text[0 .. 4 * TUX_ACCESS_RECORD_TEXT_MAX + 63];
  @ ensures \result <= 4 * TUX_ACCESS_RECORD_TEXT_MAX + 64;
  @ ensures record->method_len + record->target_len + record->host_len + record->referer_len +
  @   record->user_agent_len == \result;
  @*/
uint32_t tux_access_record_fill(struct tux_access_record *record, const uint8_t *buf, const struct tux_request *req, uint8_t *text);

#endif
