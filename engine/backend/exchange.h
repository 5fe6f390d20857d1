/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An exchange: one request, and the response of a backend (an upstream server or a CGI program). The exchange writes a new request
 * head from the parsed one. The request body is forwarded while it arrives, or after it has been received completely. The response
 * is forwarded while it arrives. Each side pauses when PEER_STREAM_ROOM bytes wait for the other.
 */
#ifndef TUX_ENGINE_BACKEND_EXCHANGE_H
#define TUX_ENGINE_BACKEND_EXCHANGE_H

#include "../request.h"
#include "cgi.h"

/* Events of CGI programs, for cgi_open(). */
extern const struct cgi_events exchange_cgi_events;

/*
 * Starts the exchange of a request, which is kept, with the backend of its route, and sets req->events. The sink's resume() is called
 * when next() may return a new result. Returns 0, or the status of an error response.
 */
uint16_t exchange_start(struct request *req);

#endif
