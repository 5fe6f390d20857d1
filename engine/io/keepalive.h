/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP keep-alive (RFC 9293 3.8.4): finds out that the other end of a silent connection has vanished. */
#ifndef TUX_ENGINE_IO_KEEPALIVE_H
#define TUX_ENGINE_IO_KEEPALIVE_H

/*
 * Switches it on for a TCP socket. Connections inherit it from their listener. A vanished other end is noticed two minutes
 * after its last segment; the connection then ends with ETIMEDOUT.
 */
void keepalive_start(int fd);

#endif
