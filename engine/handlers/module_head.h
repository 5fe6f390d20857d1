/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The head of a response that a module gives. */
#ifndef TUX_ENGINE_HANDLERS_MODULE_HEAD_H
#define TUX_ENGINE_HANDLERS_MODULE_HEAD_H

#include "../modules/call.h"
#include "response.h"

enum { MODULE_MAX_LINES = 3 * TUX_MAX_FIELD_LINES }; /* bytes of the configured fields, those of an application, and those of the module */

/* Returns the name of a module, for logs. */
struct tux_octets module_name(const struct tux_loaded *loaded);

/*
 * Fills the head with the status, the type and the fields of the call, except those that the configuration sets or removes. They stay the
 * call's, but for field lines that are joined in room, MODULE_MAX_LINES bytes. Returns false if the field lines are too long.
 */
bool module_head(const struct request *req, const struct tux_req *call, char *room, struct tux_head *head);

/* True if a response with this status has content, and so a length. */
static inline bool module_has_content(uint16_t status)
{
	return status != 204 && status != 304;
}

#endif
