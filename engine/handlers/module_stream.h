/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives the stream of a module to the sink. */
#ifndef TUX_ENGINE_HANDLERS_MODULE_STREAM_H
#define TUX_ENGINE_HANDLERS_MODULE_STREAM_H

#include "../modules/call.h"
#include "../request.h"

/* Progress of a request whose module streams. */
enum module_stream_step {
	STREAM_STEP_READY,  /* content waits in req->ready */
	STREAM_STEP_QUEUED, /* bytes of a file were given to the sink */
	STREAM_STEP_WAITS,  /* for the module */
	STREAM_STEP_OVER,   /* the sink has the whole response */
	STREAM_STEP_BROKEN, /* the response ends before its end: req->cause */
	STREAM_STEP_FAILED, /* no response has begun: req->error_status and req->cause */
};

/* Takes what the module has written since the last step. A call without a stream waits. No send is under way. */
enum module_stream_step module_stream_step(struct request *req, struct tux_req *call);

/*
 * True if the client is late, and not the module that keeps the call. A write that takes nothing does not wake the thread of the request, so it
 * finds out when the time limit passes. The limit starts again as soon as there is room. In a tunnel each side may be silent, so only its own limit holds
 * for a module that has suspended the request.
 */
bool module_stream_excuses(struct tux_req *call);

/* Starts, restarts or stops the time limit of a call that the module keeps, after its stream has changed. */
void module_stream_time(struct tux_req *call);

#endif
