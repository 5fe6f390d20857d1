/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts the requests of modules. For the thread of the request. */
#ifndef TUX_ENGINE_HANDLERS_MODULE_COUNT_H
#define TUX_ENGINE_HANDLERS_MODULE_COUNT_H

#include "../modules/call.h"

/* Counts a request for which the module is called now. */
void module_count_begin(struct tux_req *call);

/*
 * Counts the end of a request: the module has given it back with a result, or has lost it. Only the first call counts, and none before
 * module_count_begin().
 */
void module_count_result(struct tux_req *call, enum call_result result);
void module_count_timeout(struct tux_req *call);
void module_count_gone(struct tux_req *call);

#endif
