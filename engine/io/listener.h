/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets: opened by the program before it drops privileges, served by the engine. */
#ifndef TUX_ENGINE_IO_LISTENER_H
#define TUX_ENGINE_IO_LISTENER_H

#include "../config.h"

/*
 * Opens spec: "ADDR:PORT", "[ADDR6]:PORT", ":PORT" or "PORT" (all addresses, both families),
 * "NAME:PORT" (all addresses of the name), or "unix:PATH" (a stale socket file is replaced, a live one is an error; mode
 * 0666). One spec may need more than one listener ("localhost"). TCP: non-blocking, SO_REUSEADDR, SO_REUSEPORT with one socket a
 * thread, TCP_NODELAY inherited by connections, IPV6_V6ONLY off only for ":PORT". Fills up to max of out and returns how
 * many; -1 with a sentence that names spec and reason in error. The caller owns the fds.
 */
int tux_listener_open(const char *spec, unsigned threads, struct tux_listener *out, unsigned max, char *error,
                      size_t error_size);

/* True if a spec has the form that tux_listener_open() expects, which is said by TUX_LISTENER_FORMS; opens nothing. */
bool tux_listener_spec_good(const char *spec);

#define TUX_LISTENER_FORMS "ADDRESS:PORT, [IPV6]:PORT, NAME:PORT, :PORT, PORT or unix:PATH, PORT from 0 to 65535"

/* Takes a listening socket that somebody else opened (socket activation). Checks that it is a
 * listening stream socket and sets it non-blocking. False with a sentence in error. */
bool tux_listener_adopt(int fd, struct tux_listener *out, char *error, size_t error_size);

/* Writes the URL that reaches the listener ("http://127.0.0.1:8080/", "http://[::1]/" or "unix:/run/x") to out. */
void tux_listener_url(const struct tux_listener *listener, char *out, size_t size);

/*
 * Lets no further connection begin, as close() will; those that have begun complete, and can be accepted. A connection that
 * begins between the last accept() and close() would be reset. The socket must have no other user who still accepts.
 */
void tux_listener_shut(const struct tux_listener *listener);

/*
 * True if tux_listener_shut() has shut a TCP listener, in this process or in another one that has it. Some kernels permit that to
 * privileged processes only.
 */
bool tux_listener_is_shut(const struct tux_listener *listener);

/* True if it is a TCP listener: its connections take a round trip to complete. */
bool tux_listener_is_tcp(const struct tux_listener *listener);

/* Closes the listener's fds; for start-ups that fail. */
void tux_listener_close(struct tux_listener *listener);

#endif
