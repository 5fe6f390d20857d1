/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls a module for a request, and responds with its reply. */
#ifndef TUX_ENGINE_HANDLERS_MODULE_H
#define TUX_ENGINE_HANDLERS_MODULE_H

#include "../modules/call.h"
#include "response.h"

/*
 * Responds with a module, which is loaded. RESPONSE_BY_HANDLER: the module takes time, so module_start() is due. RESPONSE_DECLINED: the
 * module leaves the request to others. RESPONSE_ANEW: the head was replaced, so dispatch() is due.
 */
enum response_step module_respond(struct request *req, struct tux_loaded *loaded);

/*
 * Lets another target of the host respond, with field lines that a module of this name has added. Returns RESPONSE_ANEW, or responds with an error.
 */
enum response_step module_respond_target(struct request *req, struct tux_octets name, struct tux_octets target, struct tux_octets lines);

/*
 * Starts a module that takes time: it reads the body first, has threads, or has suspended the request in module_respond(). Sets
 * req->events. Returns 0, or the status of an error response.
 */
uint16_t module_start(struct request *req, struct tux_loaded *loaded);

/* Prepares the calls of a thread, or frees them like calls_free(). */
bool modules_open(struct calls *calls, struct thread *thread, unsigned index);
bool modules_free(struct calls *calls);

/* Continues the requests whose calls modules have given back, and those whose modules took too long. */
void modules_returned(struct calls *calls);
void modules_expire(struct calls *calls);

/* Returns milliseconds until the first time limit of a call: 0 if it is past, -1 without calls. */
int modules_next(const struct calls *calls);

#endif
