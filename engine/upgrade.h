/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests for another protocol on the connection (RFC 9110 7.8). */
#ifndef TUX_ENGINE_UPGRADE_H
#define TUX_ENGINE_UPGRADE_H

#include "../core/request.h"

enum { UPGRADE_MAX_PROTOCOL = 255 }; /* bytes of a protocol and its version that a module may choose */

/* True if the client requests an Upgrade that is allowed: to no protocol that carries requests, which TUX could not check inside a tunnel. */
bool upgrade_is_requested(const uint8_t *buf, const struct tux_request *req);

/* True if the request lists the protocol of len bytes at name in Upgrade. */
bool upgrade_lists(const uint8_t *buf, const struct tux_request *req, const uint8_t *name, uint32_t len);

#endif
