/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Causes of a 403 or 5xx response, of a truncated response, or of a handshake of TLS that failed. */
#ifndef TUX_ENGINE_LOG_CAUSE_H
#define TUX_ENGINE_LOG_CAUSE_H

#include <stddef.h>
#include <stdint.h>

/* cause.c has the texts. */
enum why {
	WHY_UNKNOWN,
	WHY_REQUEST, /* detail: enum tux_refusal */
	WHY_METHOD,
	/* files */
	WHY_MODE, /* detail and error: the mode bits */
	WHY_DIRECTORY_MODE, /* detail and error: the mode bits */
	WHY_NO_INDEX,
	WHY_LINK_OUTSIDE,
	WHY_LINK_LOOP,
	WHY_PERMISSION,
	WHY_SPECIAL_FILE,
	WHY_NOT_TRUSTED,
	WHY_NO_HANDOVER,
	WHY_DESCRIPTORS,
	WHY_MEMORY,
	WHY_FILE_SYSTEM,
	WHY_READ_TIME,
	WHY_LOAD_TIME,
	WHY_LOADS,
	WHY_LISTING,
	WHY_MODULE,
	WHY_MODULE_STATUS,
	WHY_MODULE_FAILED,
	WHY_MODULE_TIME,
	WHY_MODULE_DECLINED,
	WHY_MODULE_CUT,
	WHY_MODULE_ENDED,
	WHY_MODULE_START,
	WHY_MODULE_BUSY,
	WHY_MODULE_UNLOADED,
	/* responses of TUX itself */
	WHY_FIELDS_LONG,
	WHY_REDIRECT_LONG,
	WHY_STATUS_CLIENT,
	WHY_STATUS_HOST,
	WHY_STATUS_PAGE,
	WHY_STOPPING,
	/* backends */
	WHY_HANDOVER,
	WHY_NO_ADDRESS,
	WHY_CONNECT,
	WHY_CONNECT_TIME,
	WHY_TLS_HANDSHAKE, /* detail: OpenSSL's library; error: its reason */
	WHY_TLS_CERTIFICATE, /* detail: X509_V_ERR_* */
	WHY_TLS_TIME,
	WHY_TLS, /* like WHY_TLS_HANDSHAKE */
	WHY_SEND,
	WHY_SEND_TIME,
	WHY_HEAD_TIME,
	WHY_BODY_TIME,
	WHY_CLOSED,
	WHY_CLOSED_IN_HEAD,
	WHY_CLOSED_IN_BODY,
	WHY_RESET,
	WHY_UNASKED,
	WHY_HEAD_LONG,
	WHY_HEAD, /* detail: enum tux_refusal */
	WHY_STATUS_LINE,
	WHY_CGI_STATUS_LINE,
	WHY_CGI_TYPE,
	WHY_UPGRADE,
	WHY_BODY, /* detail: enum tux_refusal */
	WHY_HEAD_WRITE,
	WHY_INTERNAL_COUNT,
	WHY_INTERNAL_FIELDS,
	WHY_INTERNAL_TARGET,
	WHY_KEEP,
	WHY_REQUEST_BODY,
	/* CGI programs */
	WHY_SPAWN, /* detail: enum tux_spawn_step */
	WHY_START,
	WHY_SPAWNER,
	WHY_EXIT, /* detail: the exit status */
	WHY_SIGNAL, /* detail: the signal */
	WHY_PROGRAM_TIME,
	/* handshakes of TLS with clients */
	WHY_HANDSHAKE, /* detail: OpenSSL's library; error: its reason */
	WHY_HANDSHAKE_CERTIFICATE, /* detail: X509_V_ERR_* */
	WHY_HANDSHAKE_ALERT, /* like WHY_HANDSHAKE */
	WHY_HANDSHAKE_CLOSED,
	WHY_HANDSHAKE_TIME,
	WHY_HANDSHAKE_CLIENT,
	WHY_HANDSHAKE_ROOM,
	WHYS
};

struct cause {
	uint8_t why;    /* enum why */
	uint8_t detail;
	uint16_t error; /* errno; 0 = no system call failed */
};

enum { CAUSE_TEXT = 256 }; /* bytes of the longest text, its NUL included */

/* Returns a cause; error is an errno or 0. */
static inline struct cause because(enum why why, int error)
{
	return (struct cause){ .why = (uint8_t)why, .error = (uint16_t)error };
}

/* Like because(), but with a detail. */
static inline struct cause because_of(enum why why, unsigned detail, int error)
{
	return (struct cause){ .why = (uint8_t)why, .detail = (uint8_t)detail, .error = (uint16_t)error };
}

/* Returns a cause that is about the mode bits of a file. */
static inline struct cause because_of_mode(enum why why, unsigned mode)
{
	return (struct cause){ .why = (uint8_t)why, .detail = (uint8_t)(mode >> 8 & 0xf), .error = (uint8_t)mode };
}

/* Writes the text of a cause to out, CAUSE_TEXT bytes. Returns its length. Any thread. */
size_t cause_print(struct cause cause, char *out);

/* Returns the text without details, for lines about several requests. Any thread. */
const char *cause_text(enum why why);

#endif
