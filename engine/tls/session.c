/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <errno.h>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../challenges.h"
#include "../io/buffer.h"
#include "hello.h"
#include "records.h"
#include "signer.h"
#include "texts.h"

enum {
	TURN_BYTES = 4 * TLS_RECORD_BYTES, /* plain bytes encrypted before the loop sends them */
	RECORD_GROWTH = 96,                /* bytes that a record adds at most: 22 with TLS 1.3, 29 with 1.2, 85 if an upstream server wants CBC */
	KTLS_COMMANDS = 72,                /* first command of kTLS to a BIO */
	KTLS_SENDS = BIO_CTRL_GET_KTLS_SEND,
	KTLS_SETS_TYPE = KTLS_COMMANDS + 2, /* of the next record */
	KTLS_RECEIVES = BIO_CTRL_GET_KTLS_RECV,
	ALERT_BYTES = 2,
	KEY_UPDATE_MS = 1000,              /* least interval of KeyUpdates on average: one takes as long as several requests, and has 27 bytes */
	KEY_UPDATES = 32,                  /* at once */
	MAX_OUT = 256 * 1024,              /* bytes that wait to be sent: a client that asks for more without reading is cut off */
};

struct tls {
	struct tls_selector selector; /* first member: OpenSSL's callback passes its address */
	struct tls_peer *peer;    /* the upstream server, of which TUX is the client; NULL: the other end is a client */
	SSL *ssl;
	struct channel *channel;
	struct thread *thread;
	const struct channel_events *above; /* the owner's */
	const struct tls_events *events;
	unsigned listener;
	const struct tls_context *selected; /* like tls_facts.selected */
	const uint8_t *in;        /* records that the loop reports now */
	uint32_t in_len;
	struct tls_hello hello;   /* of a client of ours */
	struct buffer out;        /* records to send */
	struct buffer flight;     /* records that the loop sends; their memory does not move */
	uint32_t flight_sent;
	struct msghdr message;    /* of flight */
	struct iovec iov;
	uint64_t owned;           /* plain bytes of the owner's send in progress; 0: it sends nothing */
	struct tls_identity *identity; /* of the client; NULL: none */
	bool demands;             /* the client was asked for a certificate */
	struct buffer texts;      /* the facts of the connection; empty: not needed yet */
	bool heard;               /* bytes have arrived */
	bool established;
	bool ended;               /* the owner knows that the other end sends no more */
	bool broken;              /* TLS has failed: nothing can be sent any more */
	bool failing;             /* TLS has failed, and the owner learns of it when the alert, after records under way, has been sent */
	bool sending;             /* the loop sends flight */
	bool end_when_sent;       /* FIN is due after flight and out */
	bool alert_waits;         /* the alert waits until the socket has room; the kernel encrypts it */
	bool awaits_room;         /* the loop reports room for it */
	bool held;                /* the socket had no room for an alert, so the kernel may hold records that it would drop at FIN */
	uint8_t alert[ALERT_BYTES];
	long record_type;         /* of the next record that OpenSSL gives the kernel */
	unsigned long failure;    /* OpenSSL's error that made TLS fail; 0: none */
	long refusal;             /* X509_V_ERR_* that made TLS fail; X509_V_OK: none */
	uint64_t keys_until_ms;   /* time up to which the KeyUpdates of the other end have used up their intervals */
	bool key_refused;         /* it has sent too many of them, or asks for a new key while the kernel encrypts with the present one */
	BIO *socket;              /* OpenSSL's, through which it gives the kernel its key; NULL: the kernel does not encrypt */
};

static const struct channel_events tls_channel_events;

static const struct tls_context *select_host(struct tls_selector *selector, const char *name, uint32_t len)
{
	struct tls *tls = (struct tls *)selector;
	const struct tux_engine_config *config = tls->thread->config;
	const struct tux_host *host = config->hosts;

	if (config->host_count > 1)
		host += tux_host_find(&config->names, tls->listener, (const uint8_t *)name, (struct tux_span){ 0, len });
	if (host->tls != NULL)
		tls->selected = host->tls;
	return host->tls;
}

static size_t find_challenge(struct tls_selector *selector, const char *name, uint32_t len, char *der)
{
	const struct challenges *challenges = ((struct tls *)selector)->thread->config->challenges;

	return challenges != NULL ? challenges_certificate(challenges, name, len, der) : 0;
}

/* Returns the certificates of clients that name no host. */
static const struct tls_context *default_context(const struct tux_engine_config *config, unsigned listener)
{
	return config->hosts[config->names.fallback[listener]].tls;
}

/* Forgets the errors that OpenSSL has queued. ERR_clear_error() takes a hundred times as long as the look whether there are any. */
static void forget_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

/* Gives OpenSSL the bytes that the loop reports. */
static int bio_read(BIO *bio, char *to, int most)
{
	struct tls *tls = BIO_get_data(bio);
	const uint32_t len = (uint32_t)most < tls->in_len ? (uint32_t)most : tls->in_len;

	BIO_clear_retry_flags(bio);
	if (most <= 0 || len == 0 || tls->key_refused) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(to, tls->in, len);
	tls->in += len;
	tls->in_len -= len;
	return (int)len;
}

/* True if at least a third of the socket's buffer is free, or if the connection is broken. */
static bool has_room(const struct tls *tls)
{
	struct pollfd socket = { .fd = tls->channel->fd, .events = POLLOUT };

	return poll(&socket, 1, 0) != 0;
}

/*
 * Gives the kernel the alert that waits, if there is room. The kernel encrypts more than the socket has room for, holds these records, and would
 * drop them at FIN and at close(). They precede the alert. So there is room before it, and after it unless the kernel still holds some.
 */
static void push_alert(struct tls *tls)
{
	if (!has_room(tls)) {
		tls->held = true;
		return;
	}
	BIO_ctrl(tls->socket, KTLS_SETS_TYPE, SSL3_RT_ALERT, NULL);
	tls->alert_waits = BIO_write(tls->socket, tls->alert, ALERT_BYTES) <= 0 && BIO_should_retry(tls->socket);
	tls->held = tls->held || tls->alert_waits || !has_room(tls);
}

/* Writes an alert or a ticket, which the kernel encrypts. An alert may wait. The first one counts: the connection ends with it. */
static int write_sealed(struct tls *tls, const char *data, int len)
{
	if (tls->record_type != SSL3_RT_ALERT || len != ALERT_BYTES)
		return BIO_write(tls->socket, data, len);
	if (tls->alert_waits)
		return len;
	memcpy(tls->alert, data, ALERT_BYTES);
	tls->alert_waits = true;
	push_alert(tls);
	return len;
}

static int bio_write(BIO *bio, const char *data, int len)
{
	struct tls *tls = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (tls->channel->sealed)
		return write_sealed(tls, data, len);
	if (len < 0 || tls->out.len > MAX_OUT || !buffer_keep(&tls->out, (const uint8_t *)data, (uint32_t)len))
		return -1;
	return len;
}

static void push_now(struct tls *tls);

/*
 * Passes commands of kTLS on to OpenSSL's own BIO of the socket. Their numbers are not public, but are higher than those of others that a
 * connection needs. The kernel may take the key when all records of earlier keys have been sent.
 */
static long control_kernel(struct tls *tls, int command, long number, void *pointer)
{
	long result;

	if (!tls->channel->sealed)
		push_now(tls);
	if (tls->sending || tls->out.len > 0)
		return 0;
	if (command == KTLS_SETS_TYPE)
		tls->record_type = number;
	result = BIO_ctrl(tls->socket, command, number, pointer);
	if (!tls->channel->sealed && BIO_ctrl(tls->socket, KTLS_SENDS, 0, NULL) > 0) {
		tls->thread->ops->set_direct(tls->channel);
		tls->channel->sealed = true;
	}
	return result;
}

/* The BIO that OpenSSL reads from: kTLS is for sending only. */
static long bio_control_in(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static long bio_control_out(BIO *bio, int command, long number, void *pointer)
{
	struct tls *tls = BIO_get_data(bio);

	if (command == KTLS_SENDS)
		return tls->channel->sealed;
	if (command < KTLS_COMMANDS || command == KTLS_RECEIVES || tls->socket == NULL)
		return command == BIO_CTRL_FLUSH;
	return control_kernel(tls, command, number, pointer);
}

static BIO_METHOD *method_in, *method_out;

static void make_methods(void)
{
	const int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;

	method_in = BIO_meth_new(type, "tux: records of the client");
	method_out = BIO_meth_new(type, "tux: records to the client");
	if (method_in == NULL || method_out == NULL)
		return;
	BIO_meth_set_read(method_in, bio_read);
	BIO_meth_set_ctrl(method_in, bio_control_in);
	BIO_meth_set_write(method_out, bio_write);
	BIO_meth_set_ctrl(method_out, bio_control_out);
}

static BIO *bio_of(struct tls *tls, const BIO_METHOD *method)
{
	BIO *bio = method != NULL ? BIO_new(method) : NULL;

	if (bio != NULL) {
		BIO_set_data(bio, tls);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* Counts a KeyUpdate (RFC 8446 4.6.3) and judges it, before OpenSSL acts on it. */
static void judge_key_update(struct tls *tls, bool requested)
{
	const uint64_t now_ms = tls->thread->now_ms;

	if (tls->keys_until_ms < now_ms)
		tls->keys_until_ms = now_ms;
	tls->keys_until_ms += KEY_UPDATE_MS;
	if (tls->keys_until_ms > now_ms + KEY_UPDATES * KEY_UPDATE_MS || (requested && tls->channel->sealed))
		tls->key_refused = true;
}

static void on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl, void *owner)
{
	enum { REQUESTED_AT = 4, REQUESTED = 1 };
	const uint8_t *message = data;

	(void)version;
	(void)ssl;
	if (!sent && type == SSL3_RT_HANDSHAKE && len > REQUESTED_AT && message[0] == SSL3_MT_KEY_UPDATE)
		judge_key_update(owner, message[REQUESTED_AT] == REQUESTED);
}

/* Lets OpenSSL give the kernel its key for sending. Without memory for that, OpenSSL encrypts. */
static void offer_kernel(struct tls *tls)
{
	tls->socket = BIO_new_socket(tls->channel->fd, BIO_NOCLOSE);
	if (tls->socket == NULL)
		return;
	SSL_set_options(tls->ssl, SSL_OP_ENABLE_KTLS);
}

/* Gives OpenSSL its BIOs, and observes messages. Returns false if out of memory. */
static bool connect_library(struct tls *tls)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *in, *out;

	pthread_once(&once, make_methods);
	in = bio_of(tls, method_in);
	out = bio_of(tls, method_out);
	if (tls->ssl == NULL || in == NULL || out == NULL) {
		BIO_free(in);
		BIO_free(out);
		return false;
	}
	SSL_set_bio(tls->ssl, in, out);
	SSL_set_msg_callback(tls->ssl, on_message);
	SSL_set_msg_callback_arg(tls->ssl, tls);
	return true;
}

/* Sets the role of a server. Returns false if out of memory. */
static bool accept_state(struct tls *tls)
{
	if (!connect_library(tls) || SSL_set_app_data(tls->ssl, tls) != 1)
		return false;
	SSL_set_accept_state(tls->ssl);
	return true;
}

bool tls_open(struct channel *channel, struct thread *thread, unsigned listener, const struct tls_events *events)
{
	const struct tux_engine_config *config = thread->config;
	struct tls *tls = calloc(1, sizeof(*tls));

	forget_errors();
	if (tls == NULL)
		return false;
	*tls = (struct tls){
		.selector = { .select = select_host, .challenge = find_challenge },
		.ssl = SSL_new(default_context(config, listener)->ssl_ctx),
		.channel = channel,
		.thread = thread,
		.above = channel->events,
		.events = events,
		.listener = listener,
	};
	if (!accept_state(tls)) {
		SSL_free(tls->ssl);
		free(tls);
		return false;
	}
	if (config->tls_kernel)
		offer_kernel(tls);
	channel->tls = tls;
	channel->events = &tls_channel_events;
	return true;
}

bool tls_connect(struct channel *channel, struct thread *thread, struct tls_peer *peer)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	forget_errors();
	if (tls == NULL)
		return false;
	*tls = (struct tls){ .peer = peer, .ssl = tls_peer_open(peer), .channel = channel, .thread = thread, .above = channel->events };
	if (!connect_library(tls)) {
		SSL_free(tls->ssl);
		free(tls);
		return false;
	}
	channel->tls = tls;
	channel->events = &tls_channel_events;
	return true;
}

bool tls_send_before(struct channel *channel, const uint8_t *data, uint32_t len)
{
	return buffer_keep(&channel->tls->out, data, len);
}

void tls_free(struct channel *channel)
{
	struct tls *tls = channel->tls;

	channel->events = tls->above;
	channel->tls = NULL;
	channel->sealed = false;
	if (tls->peer != NULL && tls->established && !tls->broken)
		SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or OpenSSL would give up its session */
	SSL_free(tls->ssl);
	free(tls->identity);
	buffer_forget(&tls->texts);
	BIO_free(tls->socket);
	buffer_forget(&tls->out);
	buffer_forget(&tls->flight);
	free(tls);
}

/* Starts to send the records that wait, unless others are being sent. */
static void push(struct tls *tls, int flags)
{
	struct thread *thread = tls->thread;

	if (tls->sending || tls->alert_waits || tls->channel->closing)
		return;
	if (tls->out.len == 0) {
		if (tls->end_when_sent && !tls->held)
			shutdown(tls->channel->fd, SHUT_WR);
		tls->end_when_sent = false;
		return;
	}
	tls->flight = tls->out;
	tls->flight_sent = 0;
	tls->out = (struct buffer){ NULL, 0, 0 };
	tls->iov = (struct iovec){ tls->flight.data, tls->flight.len };
	tls->message = (struct msghdr){ .msg_iov = &tls->iov, .msg_iovlen = 1 };
	tls->sending = true;
	thread->ops->send(thread->loop, tls->channel, &tls->message, flags, false);
}

/* Sends the records that wait at once, as far as there is room: the channel is about to close, or to be shut. */
static void push_now(struct tls *tls)
{
	ssize_t n;

	if (tls->sending || tls->out.len == 0)
		return;
	do
		n = send(tls->channel->fd, tls->out.data, tls->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buffer_drop(&tls->out, (uint32_t)n);
}

/* Waits until the socket has room for the alert, or for records before it that the kernel holds. */
static void await_room(struct tls *tls)
{
	if (!tls->awaits_room)
		tls->thread->ops->wait_writable(tls->thread->loop, tls->channel);
	tls->awaits_room = true;
}

/* Sends an alert, after records under way. Returns false if it has to wait for room. */
static bool send_alert(struct tls *tls)
{
	push_now(tls);
	if (tls->held) {
		await_room(tls);
		return false;
	}
	if (tls->out.len == 0)
		return true;
	push(tls, 0);
	return false;
}

/* Reports the end of a connection to its owner, or that it is not connected. */
static void report_end(struct tls *tls, int error)
{
	tls->ended = true;
	if (tls->peer != NULL && !tls->established)
		tls->above->connected(tls->channel, error);
	else
		tls->above->ended(tls->channel, error);
}

/* Returns the error that made TLS fail: the last one, unless the process that holds the keys made no signature, which the library reports after it. */
static unsigned long failure_now(void)
{
	const unsigned long first = ERR_peek_error();

	return tls_signer_raised(first) ? first : ERR_peek_last_error();
}

/*
 * Ends the connection for the owner after TLS has failed. The other end gets OpenSSL's alert: until there is room for it, such as after records
 * of a response, the owner's time limits last.
 */
static void fail(struct tls *tls)
{
	tls->broken = true;
	tls->failure = failure_now();
	tls->refusal = SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE ? SSL_get_verify_result(tls->ssl) : X509_V_OK;
	forget_errors();
	if (!send_alert(tls)) {
		tls->failing = true;
		tls->thread->ops->receive_stop(tls->thread->loop, tls->channel);
		return;
	}
	report_end(tls, EPROTO);
}

struct buffer tls_texts_of(const struct channel *channel)
{
	struct tls *tls = channel->tls;

	if (tls->texts.len == 0 && !tls_texts_write(tls->ssl, tls->demands, tls->identity, &tls->texts))
		buffer_forget(&tls->texts);
	return tls->texts;
}

struct tls_failure tls_failure_of(const struct channel *channel)
{
	const struct tls *tls = channel->tls;
	const int library = ERR_GET_LIB(tls->failure), reason = ERR_GET_REASON(tls->failure);

	return (struct tls_failure){
		.heard = tls->heard,
		.established = tls->established,
		.refusal = (uint8_t)tls->refusal,
		.alerted = library == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET,
		.library = (uint8_t)library,
		.reason = (uint16_t)reason,
		.name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name),
	};
}

bool tls_is_in_record(const struct channel *channel)
{
	const SSL *ssl = channel->tls->ssl;

	return SSL_has_pending(ssl) == 1 || strcmp(SSL_rstate_string(ssl), "RH") != 0; /* after the header alone nothing is pending */
}

/* Continues the handshake. Returns true if it is complete. */
static bool shake_hands(struct tls *tls)
{
	const int result = SSL_do_handshake(tls->ssl);
	const struct tls_context *context;
	struct tls_facts facts;

	if (result != 1) {
		if (SSL_get_error(tls->ssl, result) != SSL_ERROR_WANT_READ)
			fail(tls);
		return false;
	}
	tls->established = true;
	if (tls->peer != NULL) {
		tls->above->connected(tls->channel, 0);
		return !tls->channel->closing;
	}
	context = tls->selected != NULL ? tls->selected : default_context(tls->thread->config, tls->listener);
	tls->demands = context->demands;
	if (context->demands)
		tls->identity = tls_identity_new(tls->ssl);
	facts = (struct tls_facts){
		.selected = tls->selected,
		.context = context,
		.identity = tls->identity,
		.resumed = SSL_session_reused(tls->ssl) == 1,
		.version = (uint16_t)SSL_version(tls->ssl),
		.cipher = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(tls->ssl)),
		.name = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name),
	};
	tls->events->established(tls->channel, &facts);
	if (tls->selector.challenged && !tls->channel->closing)
		tls_end_output(tls->channel, true);
	return !tls->selector.challenged && !tls->channel->closing;
}

/*
 * Ends a connection whose other end has sent too many KeyUpdates, or asks for another key: the kernel cannot change the key that it encrypts
 * with. The owner sends close_notify under the present one, unless a response is under way.
 */
static void refuse_key(struct tls *tls)
{
	tls->thread->ops->receive_stop(tls->thread->loop, tls->channel);
	report_end(tls, EPROTO);
}

/* Reports the plain bytes of all complete records. */
static void read_records(struct tls *tls)
{
	struct channel *channel = tls->channel;
	struct thread *thread = tls->thread;
	uint8_t *to = thread->tls_buffers->received;
	size_t n;

	while (!channel->closing && !tls->ended && !tls->failing) {
		const bool got = SSL_read_ex(tls->ssl, to, TLS_RECORD_BYTES, &n) == 1;

		if (tls->key_refused) {
			refuse_key(tls);
			return;
		}
		if (got) {
			tls->above->received(channel, to, (uint32_t)n);
			if (channel->closing || (tls->in_len == 0 && SSL_has_pending(tls->ssl) == 0))
				return;
			forget_errors();
			continue;
		}
		switch (SSL_get_error(tls->ssl, 0)) {
		case SSL_ERROR_WANT_READ:
			return;
		case SSL_ERROR_ZERO_RETURN: /* close_notify */
			tls->ended = true;
			thread->ops->receive_stop(thread->loop, channel);
			tls->above->ended(channel, 0);
			return;
		default:
			fail(tls);
			return;
		}
	}
}

/* True if the first byte of a connection begins a method of HTTP. A record begins with its type, which for a ClientHello is 22. */
static bool is_plain(uint8_t first)
{
	return first >= 'A' && first <= 'Z';
}

/* Ends a connection whose ClientHello is too long, with the alert illegal_parameter. */
static void refuse_hello(struct tls *tls)
{
	static const uint8_t alert[] = { SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, SSL_AD_ILLEGAL_PARAMETER };

	buffer_keep(&tls->out, alert, sizeof(alert));
	ERR_raise(ERR_LIB_SSL, SSL_R_EXCESSIVE_MESSAGE_SIZE);
	fail(tls);
}

static void on_received(struct channel *channel, const uint8_t *data, uint32_t len)
{
	struct tls *tls = channel->tls;

	if (tls->ended || tls->failing || (tls->selector.challenged && tls->established))
		return;
	if (tls->peer == NULL && !tls->heard && is_plain(data[0])) {
		tls->ended = true;
		tls->events->plain(channel);
		return;
	}
	tls->heard = true;
	if (tls->peer == NULL && !tls->established && !tls_hello_fits(&tls->hello, data, len, SSL_version(tls->ssl) == TLS1_3_VERSION)) {
		refuse_hello(tls);
		return;
	}
	tls->in = data;
	tls->in_len = len;
	forget_errors();
	if (tls->established || shake_hands(tls))
		read_records(tls);
	tls->in_len = 0;
	push(tls, 0);
}

/* Starts the handshake with an upstream server. */
static void on_connected(struct channel *channel, int error)
{
	struct tls *tls = channel->tls;

	if (error != 0) {
		report_end(tls, error);
		return;
	}
	forget_errors();
	(void)shake_hands(tls);
	if (!tls->ended && !channel->closing)
		tls->thread->ops->receive(tls->thread->loop, channel);
	push(tls, 0);
}

/*
 * A client that closes without close_notify is treated like one that closes a plain connection: a message with a length or in chunks shows
 * itself whether it is complete. An upstream server has to send it, because its response may last until the end of the connection.
 */
static void on_ended(struct channel *channel, int error)
{
	struct tls *tls = channel->tls;

	if ((tls->ended || tls->failing) && error == 0)
		return;
	if (tls->failing)
		error = EPROTO;
	if (tls->peer != NULL && error == 0) {
		tls->broken = true;
		tls->failure = ERR_PACK(ERR_LIB_SSL, 0, SSL_R_UNEXPECTED_EOF_WHILE_READING);
		error = EPROTO;
	}
	report_end(tls, error);
}

static void report_sent(struct tls *tls, int64_t result)
{
	tls->owned = 0;
	tls->above->sent(tls->channel, result);
}

/* Gives the memory of records that were sent to the next ones: a large body would get it from the system for each turn else. */
static void flight_recycle(struct tls *tls)
{
	if (tls->out.data != NULL) {
		buffer_forget(&tls->flight);
		return;
	}
	tls->out = (struct buffer){ .data = tls->flight.data, .cap = tls->flight.cap };
	tls->flight = (struct buffer){ NULL, 0, 0 };
}

static void on_sent(struct channel *channel, int64_t result)
{
	struct tls *tls = channel->tls;

	if (channel->sealed && !tls->sending) { /* the owner's bytes themselves */
		if (!tls->failing)
			report_sent(tls, result);
		return;
	}
	tls->sending = false;
	if (result < 0) {
		tls->broken = true;
		buffer_forget(&tls->flight);
		if (tls->failing)
			report_end(tls, EPROTO);
		else if (tls->owned > 0)
			report_sent(tls, result);
		return;
	}
	tls->flight_sent += (uint32_t)result;
	if (tls->flight_sent < tls->flight.len && result > 0) {
		tls->iov = (struct iovec){ tls->flight.data + tls->flight_sent, tls->flight.len - tls->flight_sent };
		tls->message = (struct msghdr){ .msg_iov = &tls->iov, .msg_iovlen = 1 };
		tls->sending = true;
		tls->thread->ops->send(tls->thread->loop, channel, &tls->message, 0, false);
		return;
	}
	flight_recycle(tls);
	push(tls, 0);
	if (!tls->sending && tls->failing)
		report_end(tls, EPROTO);
	else if (!tls->sending && tls->owned > 0)
		report_sent(tls, tls->broken ? -EPIPE : (int64_t)tls->owned);
	if (channel->tls == tls && tls->out.len == 0)
		buffer_forget(&tls->out);
}

/* Sends the alert for which there was no room. */
static void alert_again(struct tls *tls)
{
	tls->awaits_room = false;
	if (tls->alert_waits)
		push_alert(tls);
	if (tls->alert_waits || (tls->failing && !has_room(tls)))
		await_room(tls);
	else if (tls->failing)
		report_end(tls, EPROTO);
	else
		push(tls, 0);
}

/* Reports the failure of a tls_send(), or room. */
static void on_writable(struct channel *channel)
{
	struct tls *tls = channel->tls;

	if (tls->awaits_room)
		alert_again(tls);
	else if (tls->broken && tls->owned > 0)
		report_sent(tls, -EPIPE);
	else
		tls->above->writable(channel);
}

static void on_readable(struct channel *channel)
{
	channel->tls->above->readable(channel);
}

/* The owner of a client's channel frees TLS itself; that of an upstream server does not know of it. */
static void on_closed(struct channel *channel)
{
	const struct channel_events *above = channel->tls->above;

	if (channel->tls->peer != NULL)
		tls_free(channel);
	above->closed(channel);
}

static void on_released(struct channel *channel)
{
	channel->tls->above->released(channel);
}

/*
 * Encrypts the first bytes of a message. Makes room for all their records first: a buffer that grows with each of them would copy the others.
 * Returns false if TLS fails.
 */
static bool encrypt(struct tls *tls, struct tls_place *place, uint64_t *taken)
{
	uint8_t *room = tls->thread->tls_buffers->record;
	const uint32_t turn = tls_message_bytes(place->message, TURN_BYTES);

	*taken = 0;
	if (buffer_reserve(&tls->out, turn + (turn / TLS_RECORD_BYTES + 1) * RECORD_GROWTH) == NULL)
		return false;
	while (*taken < TURN_BYTES && tls_place_find(place)) {
		size_t len, written;
		const uint8_t *plain = tls_place_record(place, room, &len);

		forget_errors();
		if (buffer_room(&tls->out, (uint32_t)len + RECORD_GROWTH) == NULL || SSL_write_ex(tls->ssl, plain, len, &written) != 1 ||
		    written != len)
			return false;
		*taken += len;
	}
	return true;
}

/* Reports a failed send later, because a send never reports within itself. */
static void fail_later(struct tls *tls)
{
	struct thread *thread = tls->thread;

	tls->broken = true;
	tls->owned = 1;
	forget_errors();
	if (tls->sending) /* its end reports */
		return;
	shutdown(tls->channel->fd, SHUT_RDWR);
	thread->ops->wait_writable(thread->loop, tls->channel);
}

void tls_send(struct channel *channel, struct msghdr *message, int flags)
{
	struct tls *tls = channel->tls;
	struct thread *thread = tls->thread;
	struct tls_place place = { message, 0, 0 };

	if (channel->sealed && !tls->broken) {
		tls->owned = 1;
		thread->ops->send(thread->loop, channel, message, flags, false);
		return;
	}
	if (tls->broken || !encrypt(tls, &place, &tls->owned)) {
		fail_later(tls);
		return;
	}
	push(tls, tls_place_find(&place) ? flags | MSG_MORE : flags);
}

void tls_say_end(struct channel *channel)
{
	struct tls *tls = channel->tls;

	if (!tls->established || tls->broken)
		return;
	forget_errors();
	SSL_shutdown(tls->ssl);
	forget_errors();
	(void)send_alert(tls);
}

bool tls_is_ending(const struct channel *channel)
{
	const struct tls *tls = channel->tls;
	int unacked = 0;

	if (!tls->established || tls->broken)
		return false;
	if (tls->alert_waits || tls->sending || tls->out.len > 0)
		return true;
	return tls->held && ioctl(channel->fd, SIOCOUTQ, &unacked) == 0 && unacked > 0;
}

void tls_end_output(struct channel *channel, bool whole)
{
	struct tls *tls = channel->tls;

	if (whole)
		tls_say_end(channel);
	tls->end_when_sent = true;
	push(tls, 0);
}

static const struct channel_events tls_channel_events = {
	.connected = on_connected,
	.received = on_received,
	.ended = on_ended,
	.sent = on_sent,
	.writable = on_writable,
	.readable = on_readable,
	.closed = on_closed,
	.released = on_released,
};
