/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A load client over TLS 1.3 on OpenSSL, with epoll and one thread: a closed loop of keep-alive connections, or of a connection for each
 * request, with a full or a resumed handshake. It checks the status and the length of every response, and that a handshake is of the kind
 * that was asked for. It costs as much CPU as a server, so let it have a CPU of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"

enum {
	MAX_HEAD = 8192,
	MAX_CONNECTIONS = 1 << 14,
	MAX_ERRORS = 10000,
	MAX_EVENTS = 64,
	READ_BYTES = 1 << 16,
	WAIT_MS = 100, /* between two looks at the time */
};

#define OPEN_NS (UINT64_C(20) * 1000000000) /* limit for the handshakes of --wait */
#define OVERDUE_NS (UINT64_C(10) * 1000000000) /* how much longer a run waits for its first bytes, */
#define OVERDUE_TURN_NS (UINT64_C(10) * 1000000) /* and between two looks */

enum fault { FAULT_CONNECT, FAULT_HANDSHAKE, FAULT_RESUMPTION, FAULT_SEND, FAULT_RECEIVE, FAULT_CLOSED_EARLY, FAULT_HEAD, FAULT_STATUS, FAULT_LENGTH,
	     FAULT_SURPLUS, FAULTS };

static const char *const fault_names[FAULTS] = {
	"connect", "handshake", "resumption", "send", "receive", "closed_early", "head", "status", "length", "surplus",
};

/* States of a connection. */
enum state { SHAKES_HANDS, AWAITS_START, AWAITS_HEAD, IN_BODY, AWAITS_END };

struct conn {
	int fd;
	SSL *ssl;
	SSL_SESSION *session; /* to resume; NULL: none yet */
	enum state state;
	uint32_t held;        /* bytes of an unfinished head */
	uint64_t body_left;
	uint64_t sent_ns;     /* when the request was sent, or the connection was opened if it has only one */
	char head[MAX_HEAD + 1];
};

struct client {
	SSL_CTX *ctx;
	int epoll_fd;
	struct sockaddr_storage address;
	socklen_t address_len;
	struct conn *conns;
	char *request, *room;
	int request_len;

	/* settings */
	const char *host, *port, *path;
	uint32_t connections;
	double seconds;
	uint64_t length;
	bool close, resume, wait;

	uint32_t ready; /* connections in AWAITS_START */

	/* results */
	uint64_t responses, body_bytes, opened, resumed;
	uint64_t faults[FAULTS], errors;
	struct histogram latency;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "tls_client: %s: %s\n", what, why);
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- connections ---- */

/*
 * Lets a connection resume the session of its place. OpenSSL would not resume a session of TLS 1.3 twice, but some servers give no ticket with a
 * resumed handshake: so it gets a copy.
 */
static bool session_use(const struct conn *conn)
{
	SSL_SESSION *const copy = conn->session ? SSL_SESSION_dup(conn->session) : NULL;
	const bool used = !conn->session || (copy && SSL_set_session(conn->ssl, copy));

	SSL_SESSION_free(copy);
	return used;
}

/* Opens a connection and begins its handshake. The connect blocks only while the server's queue is full. */
static bool conn_open(struct client *cl, struct conn *conn)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data = { .ptr = conn } };
	const int one = 1;

	conn->sent_ns = now_ns();
	conn->fd = socket(cl->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&cl->address, cl->address_len) < 0 || fcntl(conn->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0 || epoll_ctl(cl->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) < 0)
		return false;
	conn->ssl = SSL_new(cl->ctx);
	if (!conn->ssl || !SSL_set_fd(conn->ssl, conn->fd) || !SSL_set_app_data(conn->ssl, conn) || !SSL_set_tlsext_host_name(conn->ssl, "localhost") ||
	    !session_use(conn))
		die("connection", "OpenSSL has no memory");
	SSL_set_connect_state(conn->ssl);
	conn->state = SHAKES_HANDS;
	conn->held = 0;
	cl->opened++;
	return true;
}

static void conn_close(struct conn *conn)
{
	if (conn->ssl) {
		SSL_set_shutdown(conn->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or OpenSSL would give up its session */
		SSL_free(conn->ssl);
	}
	conn->ssl = NULL;
	if (conn->fd >= 0)
		close(conn->fd);
	conn->fd = -1;
}

/* Opens a connection in place of one that has ended, and sends its ClientHello. */
static void conn_again(struct client *cl, struct conn *conn)
{
	conn_close(conn);
	ERR_clear_error();
	while (!stopped && cl->errors < MAX_ERRORS) {
		if (conn_open(cl, conn)) {
			(void)SSL_do_handshake(conn->ssl); /* it waits for the server, or fails again in conn_step() */
			return;
		}
		cl->faults[FAULT_CONNECT]++;
		cl->errors++;
		conn_close(conn);
	}
}

static void conn_fail(struct client *cl, struct conn *conn, enum fault fault)
{
	cl->faults[fault]++;
	cl->errors++;
	conn_again(cl, conn);
}

/* Keeps the newest ticket of a connection for the next one in its place. */
static int session_keep(SSL *ssl, SSL_SESSION *session)
{
	struct conn *const conn = SSL_get_app_data(ssl);

	SSL_SESSION_free(conn->session);
	conn->session = session;
	return 1;
}

/* ---- requests ---- */

static bool request_send(struct client *cl, struct conn *conn)
{
	if (!cl->close)
		conn->sent_ns = now_ns();
	conn->state = AWAITS_HEAD;
	return SSL_write(conn->ssl, cl->request, cl->request_len) == cl->request_len;
}

/* Reads status and length of a complete head. Returns the fault; FAULTS: none. */
static enum fault head_read(const struct client *cl, const char *head)
{
	const char *field = strcasestr(head, "\r\ncontent-length:");

	if (strncmp(head, "HTTP/1.1 ", 9) != 0)
		return FAULT_HEAD;
	if (strncmp(head + 9, "200", 3) != 0)
		return FAULT_STATUS;
	return field && strtoull(field + strlen("\r\ncontent-length:"), NULL, 10) == cl->length ? FAULTS : FAULT_LENGTH;
}

/* Takes bytes of a head. Returns how many belong to it, or sets *fault. */
static uint32_t head_take(struct client *cl, struct conn *conn, const char *data, uint32_t len, enum fault *fault)
{
	const uint32_t before = conn->held, room = MAX_HEAD - before, taken = len < room ? len : room;
	char *end;

	memcpy(conn->head + before, data, taken);
	conn->held += taken;
	conn->head[conn->held] = '\0';
	end = strstr(conn->head, "\r\n\r\n");
	if (!end) {
		*fault = conn->held == MAX_HEAD ? FAULT_HEAD : FAULTS;
		return taken;
	}
	end[2] = '\0';
	*fault = head_read(cl, conn->head);
	conn->state = IN_BODY;
	conn->body_left = cl->length;
	conn->held = 0;
	return (uint32_t)(end + 4 - conn->head) - before;
}

/* Takes plain bytes. Returns the fault; FAULTS: none. */
static enum fault bytes_take(struct client *cl, struct conn *conn, const char *data, uint32_t len)
{
	enum fault fault = FAULTS;

	if (conn->state == AWAITS_HEAD) {
		const uint32_t taken = head_take(cl, conn, data, len, &fault);

		data += taken;
		len -= taken;
	}
	if (fault != FAULTS || conn->state != IN_BODY)
		return fault != FAULTS || len == 0 ? fault : FAULT_SURPLUS;
	if (len > conn->body_left)
		return FAULT_SURPLUS;
	conn->body_left -= len;
	cl->body_bytes += len;
	if (conn->body_left > 0)
		return FAULTS;
	histogram_add(&cl->latency, now_ns() - conn->sent_ns);
	cl->responses++;
	if (cl->close)
		conn->state = AWAITS_END;
	else if (!request_send(cl, conn))
		return FAULT_SEND;
	return FAULTS;
}

/* Continues a handshake. Returns true if it is complete and the request is sent; else the connection waits, or has been replaced. */
static bool hands_shaken(struct client *cl, struct conn *conn)
{
	const bool resumes = conn->session != NULL;
	const int result = SSL_do_handshake(conn->ssl);

	if (result != 1) {
		if (SSL_get_error(conn->ssl, result) != SSL_ERROR_WANT_READ)
			conn_fail(cl, conn, FAULT_HANDSHAKE);
		return false;
	}
	cl->resumed += SSL_session_reused(conn->ssl) == 1;
	if (resumes && SSL_session_reused(conn->ssl) != 1) {
		conn_fail(cl, conn, FAULT_RESUMPTION);
		return false;
	}
	if (cl->wait) {
		conn->state = AWAITS_START;
		cl->ready++;
		return true;
	}
	if (request_send(cl, conn))
		return true;
	conn_fail(cl, conn, FAULT_SEND);
	return false;
}

/* Reads what has arrived. */
static void conn_step(struct client *cl, struct conn *conn)
{
	if (conn->state == SHAKES_HANDS && !hands_shaken(cl, conn))
		return;
	for (;;) {
		const int n = SSL_read(conn->ssl, cl->room, READ_BYTES);
		enum fault fault;

		if (n > 0) {
			fault = bytes_take(cl, conn, cl->room, (uint32_t)n);
			if (fault == FAULTS)
				continue;
			conn_fail(cl, conn, fault);
			return;
		}
		switch (SSL_get_error(conn->ssl, n)) {
		case SSL_ERROR_WANT_READ:
			return;
		case SSL_ERROR_ZERO_RETURN:
			if (conn->state == AWAITS_END)
				conn_again(cl, conn);
			else
				conn_fail(cl, conn, FAULT_CLOSED_EARLY);
			return;
		default:
			conn_fail(cl, conn, FAULT_RECEIVE);
			return;
		}
	}
}

/* Handles events until a time, or until all connections are ready if they wait. */
static void turns(struct client *cl, uint64_t end_ns)
{
	struct epoll_event events[MAX_EVENTS];

	while (!stopped && cl->errors < MAX_ERRORS && now_ns() < end_ns && !(cl->wait && cl->ready >= cl->connections)) {
		const int count = epoll_wait(cl->epoll_fd, events, MAX_EVENTS, WAIT_MS);

		for (int i = 0; i < count && !stopped; i++)
			conn_step(cl, events[i].data.ptr);
	}
}

static void open_all(struct client *cl)
{
	for (uint32_t i = 0; i < cl->connections; i++)
		conn_again(cl, &cl->conns[i]);
}

/* Opens all connections, says so, and waits for a byte of the standard input: then the handshakes are no part of the load. */
static void wait_for_start(struct client *cl)
{
	char byte;

	open_all(cl);
	turns(cl, now_ns() + OPEN_NS);
	if (cl->ready < cl->connections)
		die("start", "a handshake has failed or takes too long");
	puts("ready");
	fflush(stdout);
	(void)!read(STDIN_FILENO, &byte, 1);
	cl->wait = false;
}

static void run(struct client *cl, bool opened)
{
	const uint64_t end_ns = now_ns() + (uint64_t)(cl->seconds * 1e9);

	if (!opened)
		open_all(cl);
	for (uint32_t i = 0; opened && i < cl->connections; i++)
		if (!request_send(cl, &cl->conns[i]))
			conn_fail(cl, &cl->conns[i], FAULT_SEND);
	turns(cl, end_ns);
	while (!stopped && cl->errors < MAX_ERRORS && cl->body_bytes == 0 && now_ns() < end_ns + OVERDUE_NS)
		turns(cl, now_ns() + OVERDUE_TURN_NS);
}

/* ---- start and end ---- */

static void address_resolve(struct client *cl)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	const int error = getaddrinfo(cl->host, cl->port, &hints, &found);

	if (error)
		die("address", gai_strerror(error));
	memcpy(&cl->address, found->ai_addr, found->ai_addrlen);
	cl->address_len = found->ai_addrlen;
	freeaddrinfo(found);
}

static void client_open(struct client *cl)
{
	cl->ctx = SSL_CTX_new(TLS_client_method());
	cl->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	cl->conns = calloc(cl->connections, sizeof(*cl->conns));
	cl->room = malloc(READ_BYTES);
	cl->request_len = asprintf(&cl->request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", cl->path, cl->close ? "Connection: close\r\n" : "");
	if (!cl->ctx || cl->epoll_fd < 0 || !cl->conns || !cl->room || cl->request_len < 0)
		die("start", "no memory");
	for (uint32_t i = 0; i < cl->connections; i++)
		cl->conns[i].fd = -1;
	SSL_CTX_set_options(cl->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_read_ahead(cl->ctx, 1);
	SSL_CTX_set_session_cache_mode(cl->ctx, cl->resume ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
	if (cl->resume)
		SSL_CTX_sess_set_new_cb(cl->ctx, session_keep);
	if (SSL_CTX_set_min_proto_version(cl->ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set_ciphersuites(cl->ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set1_groups_list(cl->ctx, "X25519:P-256") != 1 || SSL_CTX_set_alpn_protos(cl->ctx, (const unsigned char *)"\x08http/1.1", 9) != 0)
		die("start", "OpenSSL lacks TLS 1.3, the cipher or the groups");
}

static double cpu_seconds(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

/* Prints the results as client.c does. */
static void report(const struct client *cl, double seconds, const struct rusage *a, const struct rusage *b)
{
	const double user = cpu_seconds(&b->ru_utime) - cpu_seconds(&a->ru_utime), sys = cpu_seconds(&b->ru_stime) - cpu_seconds(&a->ru_stime);
	const char *separator = "";

	printf("{\"requests\": %llu, \"unanswered\": 0, \"errors\": %llu, \"faults\": {", (unsigned long long)cl->responses, (unsigned long long)cl->errors);
	for (int i = 0; i < FAULTS; i++) {
		if (!cl->faults[i])
			continue;
		printf("%s\"%s\": %llu", separator, fault_names[i], (unsigned long long)cl->faults[i]);
		separator = ", ";
	}
	printf("}, \"opened\": %llu, \"resumed\": %llu, \"body_bytes\": %llu, \"seconds\": %.6f, ", (unsigned long long)cl->opened,
	       (unsigned long long)cl->resumed, (unsigned long long)cl->body_bytes, seconds);
	printf("\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f, \"max_us\": %.2f, ", histogram_percentile_us(&cl->latency, 0.50),
	       histogram_percentile_us(&cl->latency, 0.99), histogram_percentile_us(&cl->latency, 0.999), (double)cl->latency.max_ns / 1000);
	printf("\"client_user_s\": %.4f, \"client_sys_s\": %.4f}\n", user, sys);
}

static void usage(void)
{
	fputs("usage: tls_client --port PORT --length BYTES --path PATH [--host ADDRESS] [--milliseconds MS] [--connections N]\n"
	      "                  [--close] [--resume] [--wait]\n"
	      "  --length BYTES  every response must be 200 with this Content-Length\n"
	      "  --close         a connection for each request, with a full handshake\n"
	      "  --resume        with a resumed handshake, but for the first one in a place\n"
	      "  --wait          after all handshakes write a line, and wait for a byte of the standard input\n"
	      "SIGTERM ends a run early, with its results.\n", stderr);
	exit(2);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || end == text || value < least || value > most)
		usage();
	return value;
}

static void options_read(struct client *cl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "host", 1, NULL, 'h' }, { "port", 1, NULL, 'p' }, { "milliseconds", 1, NULL, 's' }, { "connections", 1, NULL, 'c' },
		{ "length", 1, NULL, 'l' }, { "path", 1, NULL, 'u' }, { "close", 0, NULL, 'C' }, { "resume", 0, NULL, 'R' },
		{ "wait", 0, NULL, 'W' }, { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'h': cl->host = optarg; break;
		case 'p': cl->port = optarg; break;
		case 's': cl->seconds = (double)number(optarg, 1, 3600000) / 1000; break;
		case 'c': cl->connections = (uint32_t)number(optarg, 1, MAX_CONNECTIONS); break;
		case 'l': cl->length = number(optarg, 1, 1ull << 40); break;
		case 'u': cl->path = optarg; break;
		case 'C': cl->close = true; break;
		case 'R': cl->resume = true; break;
		case 'W': cl->wait = true; break;
		default: usage();
		}
	}
	if (optind != argc || !cl->port || !cl->path || !cl->length || (cl->resume && !cl->close) || (cl->wait && cl->close))
		usage();
}

int main(int argc, char **argv)
{
	static struct client client = { .host = "127.0.0.1", .connections = 64, .seconds = 1 };
	struct rlimit files = { MAX_CONNECTIONS + 64, MAX_CONNECTIONS + 64 };
	struct sigaction ends = { .sa_handler = stop };
	struct rusage before, after;
	uint64_t start;
	double seconds;
	bool waits;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &ends, NULL);
	options_read(&client, argc, argv);
	setrlimit(RLIMIT_NOFILE, &files);
	address_resolve(&client);
	client_open(&client);
	waits = client.wait;
	if (waits)
		wait_for_start(&client);
	getrusage(RUSAGE_SELF, &before);
	start = now_ns();
	run(&client, waits);
	seconds = (double)(now_ns() - start) / 1e9;
	getrusage(RUSAGE_SELF, &after);
	report(&client, seconds, &before, &after);
	return client.body_bytes > 0 && client.errors < MAX_ERRORS ? 0 : 1;
}
