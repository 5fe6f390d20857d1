/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS of a connection: between the channel, which carries records, and its owner, which receives and sends plain bytes. OpenSSL reads from
 * the loop's receive buffer and writes to memory, which the loop sends. So every loop can carry it. The other end is a client, or an
 * upstream server, of which TUX is the client. Where the kernel can encrypt (kTLS), it does so after the handshake with a client: the
 * owner's bytes go to the socket as they are. Records are always decrypted here, because a KeyUpdate would end the kernel's reception.
 */
#ifndef TUX_ENGINE_TLS_SESSION_H
#define TUX_ENGINE_TLS_SESSION_H

#include "../thread.h"
#include "client.h"
#include "context.h"
#include "identity.h"
#include "records.h"

struct tls;

/* Memory of a thread for plain bytes, between two events. */
struct tls_buffers {
	uint8_t received[TLS_RECORD_BYTES];
	uint8_t record[TLS_RECORD_BYTES]; /* the pieces of a message that go into one record */
};

/* The results of a handshake. */
struct tls_facts {
	const struct tls_context *selected; /* certificates of the host that the client named (SNI); NULL: it named none */
	const struct tls_context *context;  /* certificates of the connection */
	const struct tls_identity *identity; /* of the client, as long as the channel has TLS; NULL: it has no certificate */
	bool resumed;                       /* with a ticket of an earlier connection */
	uint16_t version;                   /* 0x0303: TLS 1.2; 0x0304: TLS 1.3 */
	uint16_t cipher;                    /* number of the cipher suite, as IANA assigns them */
	const char *name;                   /* of the host that the client has named, as long as the channel has TLS; NULL: none */
};

/* The failure of a connection, for logs. */
struct tls_failure {
	bool heard;       /* the other end has sent bytes */
	bool alerted;     /* the other end has sent an alert */
	bool established; /* the handshake was complete */
	uint8_t refusal;  /* X509_V_ERR_* of the certificate of the other end; X509_V_OK: it is not refused */
	uint8_t library;  /* OpenSSL's number of its part that failed; 0: none has failed */
	uint16_t reason;  /* its number of the reason */
	const char *name; /* of the host that the client has named; NULL: none */
};

/* Events of TLS, for the owner of a channel. */
struct tls_events {
	void (*established)(struct channel *channel, const struct tls_facts *facts);
	void (*plain)(struct channel *channel);  /* the client speaks HTTP without TLS. The owner calls tls_free() before it responds */
};

/*
 * Puts TLS on a channel that the loop has, before its first receive(): the channel's events become TLS's, which calls those of the owner.
 * listener is the number of its listener. Returns false if out of memory.
 */
bool tls_open(struct channel *channel, struct thread *thread, unsigned listener, const struct tls_events *events);

/*
 * Puts TLS on the channel of a new socket, which the loop connects: the owner's connected() then reports the end of the handshake. EPROTO
 * there, or in ended(), is a failure of TLS: see tls_failure_of(). An end without close_notify is one, too. TLS frees itself before
 * closed(). peer outlives it. Returns false if out of memory.
 */
bool tls_connect(struct channel *channel, struct thread *thread, struct tls_peer *peer);

/* Queues bytes that are sent before the handshake, without TLS, after tls_connect(). Returns false if out of memory. */
bool tls_send_before(struct channel *channel, const uint8_t *data, uint32_t len);

/* Removes TLS from a channel that is not sending, or that the loop does not have any more. Sends nothing. */
void tls_free(struct channel *channel);

/* Like loop_ops.send(), but for plain bytes. sent() may report a part of the message; the owner sends the rest. */
void tls_send(struct channel *channel, struct msghdr *message, int flags);

/*
 * Sends close_notify (RFC 8446 6.1), which says that the client has received all bytes. Call it before the channel closes, after all bytes have
 * been sent. The channel has to stay open while tls_is_ending().
 */
void tls_say_end(struct channel *channel);

/* True while close_notify waits for room, or while the client has not acknowledged bytes that the end of the socket would cut off. */
bool tls_is_ending(const struct channel *channel);

/* True if a part of a record has been received. The owner does not get its bytes before the rest. */
bool tls_is_in_record(const struct channel *channel);

/*
 * Returns the facts of a client's established connection as texts (texts.h), valid as long as the channel has TLS. The buffer is empty if out
 * of memory.
 */
struct buffer tls_texts_of(const struct channel *channel);

/* Returns the failure of a channel that has TLS. */
struct tls_failure tls_failure_of(const struct channel *channel);

/* Ends the output after all bytes under way: sends FIN. whole: sends close_notify before it. */
void tls_end_output(struct channel *channel, bool whole);

#endif
