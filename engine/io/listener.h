/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets. The program opens them before it drops privileges. The engine serves them. */
#ifndef TUX_ENGINE_IO_LISTENER_H
#define TUX_ENGINE_IO_LISTENER_H

#include "../config.h"

/*
 * Opens the listeners of spec: "ADDR:PORT", "[ADDR6]:PORT", ":PORT" or "PORT" (all addresses, both families), "NAME:PORT" (all
 * addresses of the name), or "unix:PATH" (replaces a stale socket file, fails for one in use; mode 0666), each of which may follow
 * "http://" or "https://". One spec may need more than one listener ("localhost"). TCP: non-blocking, SO_REUSEADDR, SO_REUSEPORT with
 * one socket per thread, TCP_NODELAY inherited by connections, IPV6_V6ONLY off only for ":PORT". Fills up to max entries of out and returns their number. Returns -1
 * with a sentence in error that names spec and reason. The caller owns the fds.
 */
int tux_listener_open(const char *spec, unsigned threads, struct tux_listener *out, unsigned max, char *error,
                      size_t error_size);

/* True if spec has a form that tux_listener_open() accepts (TUX_LISTENER_FORMS). Opens nothing. */
bool tux_listener_spec_good(const char *spec);

#define TUX_LISTENER_FORMS \
	"ADDRESS:PORT, [IPV6]:PORT, NAME:PORT, :PORT, PORT or unix:PATH, PORT from 0 to 65535, each with https:// before it for TLS"

/* Returns the address of a spec: what follows the scheme, if it has one. */
const char *tux_listener_address(const char *spec);

/* True if the scheme of a spec is https. */
bool tux_listener_has_tls(const char *spec);

/*
 * Adopts a listening socket that another process opened (socket activation). Checks that it is a listening stream socket and sets
 * it non-blocking. Returns false with a sentence in error.
 */
bool tux_listener_adopt(int fd, struct tux_listener *out, char *error, size_t error_size);

/* Writes the URL that reaches the listener ("http://127.0.0.1:8080/", "https://[::1]/" or "unix:/run/x") to out. */
void tux_listener_url(const struct tux_listener *listener, char *out, size_t size);

/*
 * Refuses new connections, as close() does. Connections that have begun still complete, and can be accepted. A connection that
 * begins between the last accept() and close() would be reset. No other user of the socket may still accept.
 */
void tux_listener_shut(const struct tux_listener *listener);

/*
 * True if this process or another one that shares it has shut a TCP listener with tux_listener_shut(). Some kernels permit the
 * check to privileged processes only.
 */
bool tux_listener_is_shut(const struct tux_listener *listener);

/* Returns the TCP port of a listener; 0 for a Unix socket. */
uint16_t tux_listener_port(const struct tux_listener *listener);

/* True for a TCP listener: its connections need a round trip to complete. */
bool tux_listener_is_tcp(const struct tux_listener *listener);

/*
 * Lets the kernel report a TCP connection only when its client has sent data, or a second later (TCP_DEFER_ACCEPT); or again at once.
 */
void tux_listener_defer(const struct tux_listener *listener, bool defer);

/* Closes the listener's fds after a failed start. */
void tux_listener_close(struct tux_listener *listener);

#endif
