/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Responses from files: whole, ranges, conditions, listings. */
#ifndef TUX_ENGINE_HANDLERS_STATIC_H
#define TUX_ENGINE_HANDLERS_STATIC_H

#include "response.h"

/* Queues the response for a file. Takes no reference. */
enum response_step static_file(struct request *req, struct object *object);

/* Queues the listing of a directory, or waits for it. */
enum response_step static_listing(struct request *req, const struct object *object);

#endif
