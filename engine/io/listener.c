/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets: from the user's specification to sockets ready for accept(), which the loop calls. */
#define _GNU_SOURCE 1
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <string.h>
#include <unistd.h>

#include "keepalive.h"
#include "place.h"

enum {
	BACKLOG = 65535, /* net.core.somaxconn is the effective limit */
	HOST_MAX = 256,
	PORT_MAX = 8,
};

/* The parts of a TCP spec. No host means all addresses. */
struct tcp_spec {
	char host[HOST_MAX];
	char port[PORT_MAX];
	bool all;
};

/* A socket address of any family, as bind() needs it. */
struct address {
	struct sockaddr_storage storage;
	socklen_t len;
	bool dual; /* IPv4 too, on an IPv6 socket */
};

static bool is_port(const char *text, size_t len)
{
	char digits[PORT_MAX];

	if (len < 1 || len > 5 || strspn(text, "0123456789") < len)
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return strtoul(digits, NULL, 10) <= 65535;
}

/* Splits "ADDR:PORT", "[ADDR6]:PORT", "*:PORT", ":PORT" and "PORT". */
static bool tcp_spec_parse(const char *spec, struct tcp_spec *tcp)
{
	const char *colon = strrchr(spec, ':');
	const char *port = colon ? colon + 1 : spec;
	const char *host = spec;
	size_t host_len = colon ? (size_t)(colon - spec) : 0;

	memset(tcp, 0, sizeof(*tcp));
	if (!is_port(port, strlen(port)))
		return false;
	if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
		host++;
		host_len -= 2;
		if (!memchr(host, ':', host_len))
			return false;
	} else if (memchr(host, ':', host_len)) {
		return false; /* an IPv6 address without brackets: the start of its port is ambiguous */
	}
	if (host_len >= sizeof(tcp->host))
		return false;
	memcpy(tcp->host, host, host_len);
	memcpy(tcp->port, port, strlen(port));
	tcp->all = host_len == 0 || strcmp(tcp->host, "*") == 0;
	return true;
}

/* Returns a new non-blocking TCP socket bound to address; -1 with errno. */
static int tcp_bind(const struct address *address, bool reuse_port)
{
	const int family = address->storage.ss_family;
	const int on = 1, v6only = !address->dual;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0) ||
	    (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address->storage, address->len) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	keepalive_start(fd);
	return fd;
}

/*
 * Waits a moment for a killed server: the kernel closes its sockets only after its io_uring has ended. Returns false after the last
 * try.
 */
static bool wait_for_predecessor(unsigned *tries)
{
	enum { TRIES = 20, PAUSE_MS = 50 };

	if (*tries == TRIES)
		return false;
	*tries += 1;
	poll(NULL, 0, PAUSE_MS);
	return true;
}

static int tcp_bind_patiently(const struct address *address)
{
	unsigned tries = 0;
	int fd;

	do
		fd = tcp_bind(address, false);
	while (fd < 0 && errno == EADDRINUSE && wait_for_predecessor(&tries));
	return fd;
}

/*
 * Opens one socket per thread on address. SO_REUSEPORT would let a second server of the same user silently get half of the
 * connections. A first bind without it therefore fails if another socket listens there.
 */
static bool tcp_open(struct address *address, unsigned threads, struct tux_listener *out)
{
	int saved, probe = tcp_bind_patiently(address);

	out->count = 0;
	if (probe < 0)
		return false;
	/* With port 0 the kernel has chosen one, which all threads use. */
	if (getsockname(probe, (struct sockaddr *)&address->storage, &address->len) < 0 ||
	    (threads == 1 && listen(probe, BACKLOG) < 0)) {
		saved = errno;
		close(probe);
		errno = saved;
		return false;
	}
	if (threads == 1) {
		out->fd[out->count++] = probe;
		return true;
	}
	close(probe);
	while (out->count < threads) {
		int fd = tcp_bind(address, true);

		if (fd < 0)
			break;
		out->fd[out->count++] = fd;
		if (listen(fd, BACKLOG) < 0)
			break;
	}
	if (out->count == threads)
		return true;
	saved = errno;
	tux_listener_close(out);
	errno = saved;
	return false;
}

static int fail(char *error, size_t error_size, const char *spec, const char *reason)
{
	snprintf(error, error_size, "cannot listen on %s: %s", spec, reason);
	return -1;
}

/* Opens all addresses: one socket for both families, or only IPv4 if the kernel has no IPv6. */
static int tcp_open_all(const char *spec, const struct tcp_spec *tcp, unsigned threads, struct tux_listener *out,
                        char *error, size_t error_size)
{
	const uint16_t port = htons((uint16_t)strtoul(tcp->port, NULL, 10));
	const struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = in6addr_any };
	const struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = port };
	struct address address = { .len = sizeof(any6), .dual = true };

	memcpy(&address.storage, &any6, sizeof(any6));
	if (tcp_open(&address, threads, out))
		return 1;
	if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
		return fail(error, error_size, spec, strerror(errno));
	address = (struct address){ .len = sizeof(any4) };
	memcpy(&address.storage, &any4, sizeof(any4));
	if (tcp_open(&address, threads, out))
		return 1;
	return fail(error, error_size, spec, strerror(errno));
}

/* Opens all addresses of a name. Omits addresses of a family that this machine lacks, unless there is no other address. */
static int tcp_open_name(const char *spec, const struct tcp_spec *tcp, unsigned threads, struct tux_listener *out,
                         unsigned max, char *error, size_t error_size)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list, *entry;
	unsigned count = 0;
	int missing = 0, rc;

	rc = getaddrinfo(tcp->host, tcp->port, &hints, &list);
	if (rc != 0)
		return fail(error, error_size, spec, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	for (entry = list; entry && count < max; entry = entry->ai_next) {
		struct address address = { .len = entry->ai_addrlen };

		memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
		if (tcp_open(&address, threads, &out[count])) {
			count++;
			continue;
		}
		missing = errno;
		if (missing != EAFNOSUPPORT && missing != EADDRNOTAVAIL)
			break;
	}
	rc = entry != NULL && count < max;
	freeaddrinfo(list);
	if (count > 0 && !rc)
		return (int)count;
	while (count > 0)
		tux_listener_close(&out[--count]);
	return fail(error, error_size, spec, strerror(missing));
}

/* True if a server listens at the socket file; else errno is the reason. */
static bool unix_is_live(const struct tux_place *place)
{
	int saved, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool live;

	if (fd < 0)
		return false;
	/* EAGAIN: its accept queue is full, so a server has it. */
	live = tux_place_connect(place, fd) == 0 || errno == EAGAIN;
	saved = errno;
	close(fd);
	errno = saved;
	return live;
}

/* Removes the socket of a server that has ended. Returns NULL, or the reason why the address is not available. */
static const char *unix_make_room(const struct tux_place *place)
{
	unsigned tries = 0;
	bool live;

	if (!place->exists)
		return NULL;
	if (!S_ISSOCK(place->mode))
		return "the file exists and is not a socket";
	do
		live = unix_is_live(place);
	while (live && wait_for_predecessor(&tries));
	if (live)
		return "another server is listening there";
	return errno == ECONNREFUSED && unlinkat(place->directory_fd, place->name, 0) == 0 ? NULL : strerror(errno);
}

static int unix_open(const char *spec, const char *path, struct tux_listener *out, char *error, size_t error_size)
{
	struct tux_place place;
	const char *reason;
	int fd;

	if (*path == '\0')
		return fail(error, error_size, spec, "the path is missing behind \"unix:\"");
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return fail(error, error_size, spec, "the path of a Unix socket has at most 107 bytes");
	if (!tux_place_open(path, false, &place))
		return fail(error, error_size, spec, errno == ELOOP ? "there is a link on the way that other users can change" : strerror(errno));
	reason = unix_make_room(&place);
	fd = reason ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!reason && (fd < 0 || tux_place_bind(&place, path, fd, 0666) < 0 || listen(fd, BACKLOG) < 0))
		reason = strerror(errno);
	tux_place_close(&place);
	if (!reason) {
		out->fd[0] = fd;
		out->count = 1;
		return 1;
	}
	fail(error, error_size, spec, reason);
	if (fd >= 0)
		close(fd);
	return -1;
}

const char *tux_listener_address(const char *spec)
{
	if (strncmp(spec, "http://", 7) == 0)
		return spec + 7;
	return tux_listener_has_tls(spec) ? spec + 8 : spec;
}

bool tux_listener_has_tls(const char *spec)
{
	return strncmp(spec, "https://", 8) == 0;
}

bool tux_listener_spec_good(const char *spec)
{
	struct tcp_spec tcp;

	spec = tux_listener_address(spec);
	if (strncmp(spec, "unix:", 5) == 0)
		return spec[5] != '\0' && strlen(spec + 5) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
	return tcp_spec_parse(spec, &tcp);
}

int tux_listener_open(const char *spec, unsigned threads, struct tux_listener *out, unsigned max, char *error,
                      size_t error_size)
{
	const char *const address = tux_listener_address(spec);
	struct tcp_spec tcp;
	int count;

	if (error_size > 0)
		error[0] = '\0';
	if (max == 0)
		return fail(error, error_size, spec, "too many listeners");
	if (strncmp(address, "unix:", 5) == 0)
		count = unix_open(spec, address + 5, out, error, error_size);
	else if (!tcp_spec_parse(address, &tcp))
		return fail(error, error_size, spec,
		            "expected " TUX_LISTENER_FORMS);
	else if (tcp.all)
		count = tcp_open_all(spec, &tcp, threads, out, error, error_size);
	else
		count = tcp_open_name(spec, &tcp, threads, out, max, error, error_size);
	for (int i = 0; i < count; i++)
		out[i].tls = tux_listener_has_tls(spec);
	return count;
}

bool tux_listener_adopt(int fd, struct tux_listener *out, char *error, size_t error_size)
{
	int type = 0, listening = 0, family = 0, flags;
	const int on = 1;
	socklen_t len = sizeof(int);

	out->count = 0;
	out->tls = false;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0) {
		snprintf(error, error_size, "cannot use passed file descriptor %d: %s", fd, strerror(errno));
		return false;
	}
	if (type != SOCK_STREAM || !listening || (family != AF_INET && family != AF_INET6 && family != AF_UNIX)) {
		snprintf(error, error_size, "cannot use passed file descriptor %d: not a listening TCP or Unix stream socket",
		         fd);
		return false;
	}
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    (family != AF_UNIX && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)) {
		snprintf(error, error_size, "cannot set up passed file descriptor %d: %s", fd, strerror(errno));
		return false;
	}
	if (family != AF_UNIX)
		keepalive_start(fd);
	out->fd[0] = fd;
	out->count = 1;
	return true;
}

/* Writes the ":PORT" of a URL; nothing for the default port of its scheme. */
static void url_port(char out[PORT_MAX], uint16_t port, bool tls)
{
	out[0] = '\0';
	if (port != (tls ? 443 : 80))
		snprintf(out, PORT_MAX, ":%u", port);
}

void tux_listener_url(const struct tux_listener *listener, char *out, size_t size)
{
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	socklen_t len = sizeof(storage);
	char text[INET6_ADDRSTRLEN] = "?", port[PORT_MAX], zone[IF_NAMESIZE];
	const char *const scheme = listener->tls ? "https" : "http";

	snprintf(out, size, "?");
	if (listener->count == 0 || getsockname(listener->fd[0], (struct sockaddr *)&storage, &len) < 0)
		return;
	if (storage.ss_family == AF_INET) {
		memcpy(&in4, &storage, sizeof(in4));
		inet_ntop(AF_INET, &in4.sin_addr, text, sizeof(text));
		url_port(port, ntohs(in4.sin_port), listener->tls);
		snprintf(out, size, "%s://%s%s/", scheme, text, port);
	} else if (storage.ss_family == AF_INET6) {
		memcpy(&in6, &storage, sizeof(in6));
		inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
		url_port(port, ntohs(in6.sin6_port), listener->tls);
		if (in6.sin6_scope_id != 0 && if_indextoname(in6.sin6_scope_id, zone)) /* RFC 6874 */
			snprintf(out, size, "%s://[%s%%25%s]%s/", scheme, text, zone, port);
		else
			snprintf(out, size, "%s://[%s]%s/", scheme, text, port);
	} else if (storage.ss_family == AF_UNIX) {
		memcpy(&un, &storage, sizeof(un));
		/* An abstract name, possible with socket activation, starts with NUL; "@" by convention. */
		if (un.sun_path[0] == '\0' && len > offsetof(struct sockaddr_un, sun_path))
			un.sun_path[0] = '@';
		snprintf(out, size, "unix:%.*s", (int)sizeof(un.sun_path), un.sun_path);
	}
}

uint16_t tux_listener_port(const struct tux_listener *listener)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t len = sizeof(storage);
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (getsockname(listener->fd[0], (struct sockaddr *)&storage, &len) < 0)
		return 0;
	memcpy(&in4, &storage, sizeof(in4));
	memcpy(&in6, &storage, sizeof(in6));
	return storage.ss_family == AF_INET ? ntohs(in4.sin_port) : storage.ss_family == AF_INET6 ? ntohs(in6.sin6_port) : 0;
}

bool tux_listener_is_tcp(const struct tux_listener *listener)
{
	int family = 0;
	socklen_t len = sizeof(family);

	return getsockopt(listener->fd[0], SOL_SOCKET, SO_DOMAIN, &family, &len) == 0 && family != AF_UNIX;
}

void tux_listener_shut(const struct tux_listener *listener)
{
	enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 }; /* in a TCP header (RFC 9293 3.1) */
	/* Drops SYN, keeps the ACK that completes a handshake. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
	const bool tcp = tux_listener_is_tcp(listener);

	/* After a failure the listener stays open until it is closed. */
	for (unsigned i = 0; i < listener->count; i++)
		if (tcp)
			(void)setsockopt(listener->fd[i], SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
		else
			(void)shutdown(listener->fd[i], SHUT_RD); /* connect() fails; the queue can still be accepted */
}

bool tux_listener_is_shut(const struct tux_listener *listener)
{
	bool shut = true;

	for (unsigned i = 0; i < listener->count && tux_listener_is_tcp(listener); i++) {
		socklen_t instructions = 0;

		shut = shut && getsockopt(listener->fd[i], SOL_SOCKET, SO_GET_FILTER, NULL, &instructions) == 0 && instructions > 0;
	}
	return shut;
}

void tux_listener_defer(const struct tux_listener *listener, bool defer)
{
	const int seconds = defer;

	for (unsigned i = 0; i < listener->count && tux_listener_is_tcp(listener); i++)
		(void)setsockopt(listener->fd[i], IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
}

void tux_listener_close(struct tux_listener *listener)
{
	while (listener->count > 0)
		close(listener->fd[--listener->count]);
}
