/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdicts of parsing a message, and the reasons to refuse one. */
#ifndef TUX_CORE_REFUSAL_H
#define TUX_CORE_REFUSAL_H

#include "types.h"

enum tux_verdict {
	TUX_MORE,    /* the head is not complete and has no fault so far */
	TUX_REFUSED, /* respond to a request with tux_refusal_status(refusal), replace a response by 502; then close */
	TUX_PARSED,
};

/* The reasons to refuse a message. refusal.c has the text and status of each, one line each. */
enum tux_refusal {
	TUX_ACCEPTED,
	TUX_REFUSED_METHOD,            /* 400: the method is not a token */
	TUX_REFUSED_TARGET,            /* 400: an invalid byte, or a form that does not fit the method */
	TUX_REFUSED_TARGET_LONG,       /* 414 */
	TUX_REFUSED_ESCAPE,            /* 400: a '%' without two hexadecimal digits, or %00 */
	TUX_REFUSED_DOT_DOT,           /* 400: '..' leads above the root */
	TUX_REFUSED_VERSION_SYNTAX,    /* 400: not HTTP/d.d */
	TUX_REFUSED_VERSION,           /* 505: not 1.x */
	TUX_REFUSED_LINE_END,          /* 400: CR or LF alone */
	TUX_REFUSED_FOLD,              /* 400: a field line that starts with white space */
	TUX_REFUSED_FIELD_NAME,        /* 400: empty, not a token, or white space before the colon */
	TUX_REFUSED_FIELD_VALUE,       /* 400: a control character */
	TUX_REFUSED_FIELD_COUNT,       /* 431 */
	TUX_REFUSED_HEAD_LONG,         /* 431 */
	TUX_REFUSED_HOST_MISSING,      /* 400: HTTP/1.1 without Host */
	TUX_REFUSED_HOST_TWICE,        /* 400 */
	TUX_REFUSED_HOST,              /* 400: not host [":" port] */
	TUX_REFUSED_LENGTH,            /* 400: Content-Length that is not a number, too large, or repeated */
	TUX_REFUSED_LENGTH_AND_CODING, /* 400: Content-Length beside Transfer-Encoding */
	TUX_REFUSED_CODING_ORDER,      /* 400: chunked is not last, or twice */
	TUX_REFUSED_CODING,            /* 501: an unsupported transfer coding */
	TUX_REFUSED_CODING_VERSION,    /* 400: Transfer-Encoding in HTTP/1.0 */
	TUX_REFUSED_EXPECT,            /* 417 */
	TUX_REFUSED_CHUNK,             /* 400: broken chunked framing */
	TUX_REFUSED_TRAILER_LONG,      /* 431 */
	TUX_REFUSED_BODY_LONG,         /* 413: more body than the limit of the engine */
	TUX_REFUSED_TIMEOUT,           /* 408: a timeout of the engine */
	TUX_REFUSED_PLAIN,             /* 400: no TLS where the engine expects it */
	TUX_REFUSED_MISDIRECTED,       /* 421: the host is not one of those that the connection is for (RFC 9110 7.4) */
	TUX_REFUSED_STATUS,            /* 502: no status line, or a status that is not 100 to 599 */
	TUX_REFUSED_CGI,               /* 502: a CGI response without a CGI field, with one twice, or with a transfer coding */
	TUX_REFUSALS
};

/* For the proof: a verdict and the refusal are consistent. */
/*@ predicate verdict_answers(integer verdict, integer refusal) =
  @   ((verdict == TUX_MORE || verdict == TUX_PARSED) && refusal == TUX_ACCEPTED) ||
  @   (verdict == TUX_REFUSED && TUX_ACCEPTED < refusal < TUX_REFUSALS);
  @*/

/* Return the status of a refusal, and a short text for people in static memory. Any context. */
/*@ assigns \nothing; */
uint16_t tux_refusal_status(enum tux_refusal refusal);

/*@ assigns \nothing; */
const char *tux_refusal_text(enum tux_refusal refusal);

#endif
