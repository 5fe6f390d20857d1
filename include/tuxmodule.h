/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For modules of the historic interface of TUX: see <tux.h>. A module is a shared object that defines TUXAPI_init() and
 * TUXAPI_handle_events(). It includes this file first, because modules of the time count on the headers below.
 */
#ifndef TUXMODULE_H
#define TUXMODULE_H

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tux.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Functions of the module. */
void TUXAPI_init(void);
int TUXAPI_handle_events(user_req_t *req);

/* Declares the version of the interface that the module was written for. */
#define TUXAPI_declare int TUXAPI_protocol_version = 3

/* Names of the server, and the length of each. */
extern char *TUXAPI_version;
extern unsigned long TUXAPI_version_len;
extern char *TUXAPI_docroot;
extern unsigned long TUXAPI_docroot_len;
extern char *TUXAPI_servername;
extern unsigned long TUXAPI_servername_len;
extern char **TUXAPI_modulename_array; /* by module_index */

/* Returns zeroed memory that processes share which fork() makes later; NULL if out of memory. */
void *TUXAPI_malloc_shared(unsigned int len);

/*
 * Returns objectlen bytes: of the object of GET_OBJECT, or else of the descriptor fd. Returns NULL on failure. TUXAPI_free_objectbuf()
 * frees them.
 */
char *TUXAPI_alloc_read_objectbuf(user_req_t *req, int fd);
void TUXAPI_free_objectbuf(user_req_t *req, void *buffer);

/* Locks and unlocks. *lock is 0 while unlocked. Other processes may use it if it is in memory of TUXAPI_malloc_shared(). */
void TUXAPI_down(int *lock);
void TUXAPI_up(int *lock);

/* Variables of CGI for a request. */
#define CGI_SERVER_NAME(req) TUXAPI_servername
#define CGI_SERVER_NAME_LEN(req) TUXAPI_servername_len
#define CGI_GATEWAY_INTERFACE(req) "CGI/1.1"
#define CGI_SERVER_PROTOCOL(req) ((req)->http_version == HTTP_1_0 ? "HTTP/1.0" : "HTTP/1.1")
#define CGI_SERVER_PORT(req) 80
#define CGI_REQUEST_METHOD(req) TUXAPI_method_text((int)(req)->http_method)
#define CGI_HTTP_ACCEPT(req) ((char *)(req)->accept)
#define CGI_HTTP_USER_AGENT(req) ((char *)(req)->user_agent)
#define CGI_HTTP_REFERER(req) ((char *)(req)->referer)
#define CGI_PATH_INFO(req) ((char *)(req)->query)
#define CGI_PATH_TRANSLATED(req) TUXAPI_docroot
#define CGI_DOCUMENT_ROOT(req) TUXAPI_docroot
#define CGI_QUERY_STRING(req) ((char *)(req)->query)
#define CGI_SCRIPT_NAME(req) TUXAPI_modulename_array[(req)->module_index]
#define CGI_REMOTE_USER(req) ""
#define CGI_REMOTE_AUTH_TYPE(req) ""
#define CGI_ANNOTATION_SERVER(req) ""
#define CGI_CONTENT_TYPE(req) ((char *)(req)->content_type)

static inline char *TUXAPI_method_text(int method)
{
	return (char *)(method == METHOD_GET ? "GET" : method == METHOD_HEAD ? "HEAD" : method == METHOD_POST ? "POST" :
	                method == METHOD_PUT ? "PUT" : "NONE");
}

/* Modules pass client_host to inet_ntoa(), which wants a structure. */
#ifndef __cplusplus
typedef union {
	struct in_addr address;
	uint32_t number;
	int signed_number;
} tuxapi_ipv4 __attribute__((transparent_union));

static inline char *TUXAPI_inet_ntoa(tuxapi_ipv4 host)
{
	return inet_ntoa(host.address);
}
#define inet_ntoa(host) TUXAPI_inet_ntoa(host)
#endif

#ifndef TUX_DEBUG
#define TUX_DEBUG 0
#endif
#define Dprintk(...) do { if (TUX_DEBUG) fprintf(stderr, __VA_ARGS__); } while (0)
#define HTTP_TRACE(req, info) do { } while (0)

/* Ends the module after a mistake. */
#define BUG()                                                                                                                 \
	do {                                                                                                                  \
		fprintf(stderr, "BUG at %s:%d\n", __FILE__, __LINE__);                                                        \
		tux(TUX_ACTION_STOPTHREAD, NULL);                                                                             \
		tux(TUX_ACTION_SHUTDOWN, NULL);                                                                               \
		abort();                                                                                                      \
	} while (0)

#ifdef __cplusplus
}
#endif

#endif
