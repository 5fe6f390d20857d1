/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The historic interface of TUX, version 3: tux(2) and its structure. Modules that were written for TUX 2 and 3 compile with this header
 * and run in TUX: see libtux/README.md. New modules use <tux/module.h>.
 *
 * Version 3 declares addresses as 64-bit numbers and texts as unsigned char. Modules of version 2 assign pointers and signed numbers:
 * compile them with -DINTERFACE_VERSION=2, or with -DTUXAPI_POINTERS. The layout is the same.
 */
#ifndef TUX_H
#define TUX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(TUXAPI_POINTERS) && defined(INTERFACE_VERSION)
#if INTERFACE_VERSION < 3
#define TUXAPI_POINTERS 1
#endif
#endif

/* Actions of tux(). */
enum {
	TUX_ACTION_STARTUP = 1,
	TUX_ACTION_SHUTDOWN = 2,
	TUX_ACTION_STARTTHREAD = 3,
	TUX_ACTION_STOPTHREAD = 4,
	TUX_ACTION_EVENTLOOP = 5,
	TUX_ACTION_GET_OBJECT = 6,
	TUX_ACTION_SEND_OBJECT = 7,
	TUX_ACTION_READ_OBJECT = 8,
	TUX_ACTION_FINISH_REQ = 9,
	TUX_ACTION_FINISH_CLOSE_REQ = 10,
	TUX_ACTION_REGISTER_MODULE = 11,
	TUX_ACTION_UNREGISTER_MODULE = 12,
	TUX_ACTION_CURRENT_DATE = 13,
	TUX_ACTION_REGISTER_MIMETYPE = 14,
	TUX_ACTION_READ_HEADERS = 15,
	TUX_ACTION_POSTPONE_REQ = 16,
	TUX_ACTION_CONTINUE_REQ = 17,
	TUX_ACTION_REDIRECT_REQ = 18,
	TUX_ACTION_READ_POST_DATA = 19,
	TUX_ACTION_SEND_BUFFER = 20,
	TUX_ACTION_WATCH_PROXY_SOCKET = 21,
	TUX_ACTION_WAIT_PROXY_SOCKET = 22,
	TUX_ACTION_QUERY_VERSION = 23,
	MAX_TUX_ACTION = 24
};

/* Results of tux(), and of TUXAPI_handle_events(). */
enum {
	TUX_ERROR = -1,                    /* errno has the cause, which is EINVAL in nearly all cases */
	TUX_RETURN_USERSPACE_REQUEST = 0,  /* the structure has a request, perhaps another one */
	TUX_RETURN_EXIT = 1,               /* the server ends */
	TUX_RETURN_SIGNAL = 2,
	TUX_CONTINUE_EVENTLOOP = 3         /* for TUXAPI_handle_events(): ends the request and waits for the next one */
};

/* Values of http_version. */
enum {
	HTTP_1_0 = 0,
	HTTP_1_1 = 1
};

/* Values of http_method. */
enum {
	METHOD_NONE = 0,
	METHOD_GET = 1,
	METHOD_HEAD = 2,
	METHOD_POST = 3,
	METHOD_PUT = 4,
	NR_METHODS = 5
};

/* Sizes of the texts, with their NUL. */
#define MAX_URI_LEN 256
#define MAX_COOKIE_LEN 128
#define MAX_FIELD_LEN 64
#define DATE_LEN 32

#ifdef TUXAPI_POINTERS
typedef int tuxapi_number;
typedef char tuxapi_text;
#define TUXAPI_ADDRESS(type, name) union { type *name; uint64_t name##_number; }
#else
typedef uint32_t tuxapi_number;
typedef unsigned char tuxapi_text;
#define TUXAPI_ADDRESS(type, name) uint64_t name
#endif

/* A request. "state": the module sets it, and it stays with the request. */
typedef struct user_req_s {
	tuxapi_number version_major; /* of the interface */
	tuxapi_number version_minor;
	tuxapi_number version_patch;
	tuxapi_number http_version;  /* HTTP_1_0 or HTTP_1_1 */
	tuxapi_number http_method;   /* METHOD_GET, ... */
	tuxapi_number http_status;   /* state */
	tuxapi_number sock;          /* descriptor that takes the response */
	tuxapi_number event;         /* state; 0 at first */
	tuxapi_number error;         /* of the last action: 0 or a negative errno */
	tuxapi_number thread_nr;
	tuxapi_number bytes_sent;    /* state */
	uint32_t client_host;        /* IPv4 address of the client, in network byte order; 0: it has none */
	uint32_t objectlen;          /* bytes of the object, of the request body, or of room at object_addr */
	tuxapi_number module_index;  /* in TUXAPI_modulename_array */
	tuxapi_number keep_alive;    /* 1: the client keeps the connection */
	uint32_t cookies_len;        /* bytes of cookies */
	TUXAPI_ADDRESS(void, id);    /* number of the request */
	TUXAPI_ADDRESS(void, priv);  /* state */
	TUXAPI_ADDRESS(char, object_addr);
	tuxapi_text query[MAX_URI_LEN];      /* behind the '?' */
	tuxapi_text objectname[MAX_URI_LEN]; /* path, without its first '/' */
	tuxapi_text cookies[MAX_COOKIE_LEN];
	tuxapi_text content_type[MAX_FIELD_LEN];
	tuxapi_text user_agent[MAX_FIELD_LEN];
	tuxapi_text accept[MAX_FIELD_LEN];
	tuxapi_text accept_charset[MAX_FIELD_LEN];
	tuxapi_text accept_encoding[MAX_FIELD_LEN];
	tuxapi_text accept_language[MAX_FIELD_LEN];
	tuxapi_text cache_control[MAX_FIELD_LEN];
	tuxapi_text if_modified_since[MAX_FIELD_LEN];
	tuxapi_text negotiate[MAX_FIELD_LEN];
	tuxapi_text pragma[MAX_FIELD_LEN];
	tuxapi_text referer[MAX_FIELD_LEN];
	tuxapi_text new_date[DATE_LEN];      /* date and time now, as in the field Date */
#ifdef TUXAPI_POINTERS
	TUXAPI_ADDRESS(char, post_data);     /* request body, which ends in NUL; NULL: no body. Only in the structure that the handler gets */
#endif
} user_req_t;

/*
 * Does an action. Returns TUX_ERROR with errno, or a result above. After EVENTLOOP, GET_OBJECT, SEND_OBJECT, FINISH_REQ,
 * FINISH_CLOSE_REQ, REDIRECT_REQ, SEND_BUFFER and WAIT_PROXY_SOCKET the structure may have another request: return its result. For
 * CONTINUE_REQ req is the number of the descriptor sock.
 */
int tux(unsigned int action, user_req_t *req);

#ifdef __cplusplus
}
#endif

#endif
