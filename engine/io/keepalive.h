/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP keep-alive (RFC 9293 3.8.4): detects that the other end of a silent connection has vanished. */
#ifndef TUX_ENGINE_IO_KEEPALIVE_H
#define TUX_ENGINE_IO_KEEPALIVE_H

/*
 * Enables keep-alive on a TCP socket. Connections inherit it from their listener. Two minutes after the last segment of a
 * vanished peer, the connection ends with ETIMEDOUT.
 */
void keepalive_start(int fd);

#endif
