/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receives request bodies for modules: whole, or in the pieces that a module reads. */
#ifndef TUX_ENGINE_HANDLERS_MODULE_BODY_H
#define TUX_ENGINE_HANDLERS_MODULE_BODY_H

#include "../modules/call.h"
#include "../request.h"

/* True if handle() may be called: the body has arrived, or the module reads it. */
bool module_body_permits_handle(const struct tux_req *call);

/* Asks the client for the body by 100 (Continue), once, if it waits for that and the module wants the body. Returns true if it did. */
bool module_body_asks(struct request *req, struct tux_req *call);

/*
 * The functions of struct request_events with these names; body() is module_body_receive(), awaits_body() is module_body_is_awaited(), and
 * body_ended() is module_body_has_ended().
 */
bool module_body_takes(const struct request *req);
bool module_body_is_awaited(const struct request *req);
bool module_body_has_ended(const struct request *req);
uint32_t module_body_receive(struct request *req, const uint8_t *buf, uint32_t len, enum tux_refusal *refusal);

#endif
