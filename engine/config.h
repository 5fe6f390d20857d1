/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration of the user engine: plain data that the program fills in, and every file of the engine reads. */
#ifndef TUX_ENGINE_CONFIG_H
#define TUX_ENGINE_CONFIG_H

#include <sys/socket.h>
#include <sys/stat.h>

#include "../core/host.h"
#include "../core/media_types.h"
#include "../core/record.h"
#include "../core/response.h"
#include "../core/route.h"
#include "../core/selection.h"

enum {
	TUX_MAX_THREADS = 256,
	TUX_MAX_INDEX_NAMES = 8,
	TUX_MAX_LISTENERS = 64,
	TUX_MAX_ERROR_PAGES = 64,   /* of a site */
	TUX_MAX_CGI = 64,       /* kinds of CGI programs */
	TUX_MAX_CGI_TEXTS = 64, /* arguments, variables set or passed, each, of one of them */
	TUX_MAX_PROGRAMS = 4096, /* CGI programs at a time, of all kinds */
	TUX_MAX_MODULES = 256,  /* names that routes say */
};

struct content_tags;

enum tux_loop_kind {
	TUX_LOOP_AUTO, /* io_uring where the kernel has what it takes and permits it, else epoll */
	TUX_LOOP_URING,
	TUX_LOOP_EPOLL,
};

/* How bodies that are not kept in memory are sent. */
enum tux_large_body {
	TUX_LARGE_AUTO,     /* what docs/performance.md measured as cheapest */
	TUX_LARGE_COPY,     /* read into memory, then send */
	TUX_LARGE_SENDFILE, /* sendfile(2): the page cache's pages by reference */
	TUX_LARGE_ZEROCOPY, /* MSG_ZEROCOPY/SEND_ZC of memory: for real network cards */
};

/*
 * A listening socket as the program opened it: one fd for every thread (SO_REUSEPORT), or one for all. A listener that was
 * opened for another number of threads is served too: of more fds a thread has several, of fewer they share each.
 */
struct tux_listener {
	int fd[TUX_MAX_THREADS];
	unsigned count; /* of fd */
};

/* Where a route redirects to. */
struct tux_redirect {
	const char *to;  /* a path or a URL, as it goes into Location */
	uint32_t len;    /* bytes */
	uint16_t status; /* 301, 302, 303, 307 or 308 */
	bool rest;       /* behind it comes what the path has behind the route's prefix, and the query */
};

/* What a site, or a route of it, has said of the fields of its answers. All is visible ASCII, spaces and tabs. */
struct tux_fields {
	struct tux_text lines;  /* "Name: value" and CRLF, as often as there are fields: added to every answer */
	struct tux_text cached; /* the same, and Cache-Control: added in its place to answers below 400 */
	const struct tux_text *removed; /* names in lower case: what another server or a program says in these is left out */
	unsigned removed_count;
	uint8_t omit;           /* enum tux_omission: what TUX leaves out of its own */
	const struct tux_media_types *types; /* media types of files; NULL: the built-in ones */
	struct tux_text type;   /* Content-Type of a file in place of its own, as an application has set it; len 0: not set */
};

/* What is added to an answer. */
static inline struct tux_text tux_fields_added(const struct tux_fields *fields, uint16_t status)
{
	return status < 400 ? fields->cached : fields->lines;
}

/* A file beneath the root that is the body of answers with a status, from 400 on. */
struct tux_error_page {
	uint16_t status;
	struct tux_text path; /* normalised; begins with '/' */
};

/* A network: the addresses that begin as this one does, IPv4 as ::ffff:a.b.c.d. */
struct tux_network {
	uint8_t address[16];
	uint8_t prefix_len; /* bits */
};

/* Who may see a route's status, besides clients on this machine. */
struct tux_status_route {
	const struct tux_network *allow;
	unsigned allow_count;
};

/* Which files may be served, by their mode bits. */
struct tux_modes {
	uint16_t allowed;   /* a file or directory has one of these at least, or is 403; 0: it need not */
	uint16_t forbidden; /* a file has none of these, or is 403 */
};

static inline bool tux_modes_permit(struct tux_modes modes, mode_t mode)
{
	return (modes.allowed == 0 || (mode & modes.allowed) != 0) && (S_ISDIR(mode) || (mode & modes.forbidden) == 0);
}

/* A site: what is served to those who ask for one of its names. It stays as it is, and where it is, while the engine runs. */
struct tux_site {
	int root_fd;     /* the document root, O_PATH | O_DIRECTORY; the engine does not close it. -1: it is not there, nor is any file */
	const char *path; /* the same, absolute: what programs are told, and X-Sendfile begins with */
	const char *alias; /* the root's absolute path as configured, if path is another one; else NULL. Links may begin with either */
	const char *name; /* the site's first whole name; NULL: it has none. For requests that say no host */
	bool browse;     /* listings for directories without an index */
	bool content_tags; /* entity tags are of the bytes; else of the file's inode and times */
	bool dot_files;  /* serve names that start with a dot */
	struct tux_modes modes;
	struct tux_selection selection; /* files that are not sent: programs, names of modules, and what another server has */
	bool spa;        /* answer a missing path without an extension with the root's index */
	const char *index[TUX_MAX_INDEX_NAMES];
	unsigned index_count;
	struct tux_routes routes; /* a path that no route matches is static; a route to a server needs handover_port */
	const struct tux_redirect *redirects; /* what the routes' arguments are numbers of */
	const struct tux_status_route *statuses; /* the same */
	struct tux_route program; /* for files that are programs: to the kind of CGI programs that has the root, and is root_owned */
	struct tux_fields fields;
	const struct tux_fields *route_fields; /* of each route, in place of the site's; NULL: no route has said any */
	uint64_t max_body_bytes;  /* of a request's body; more is 413 */
	const uint64_t *route_max_body; /* of each route, in place of the site's; NULL: no route has said any */
	const struct tux_error_page *pages;
	unsigned page_count;      /* at most TUX_MAX_ERROR_PAGES */
};

/* The fields of what a route of a site answers; of what none does with a number that no route has. */
static inline const struct tux_fields *tux_site_fields(const struct tux_site *site, uint32_t route)
{
	return site->route_fields != NULL && route < site->routes.count ? &site->route_fields[route] : &site->fields;
}

/* The same of the longest body. */
static inline uint64_t tux_site_max_body(const struct tux_site *site, uint32_t route)
{
	return site->route_max_body != NULL && route < site->routes.count ? site->route_max_body[route] : site->max_body_bytes;
}

enum {
	TUX_MAX_UPSTREAMS = 256,
	TUX_MAX_UPSTREAM_SERVERS = 64, /* of one upstream */
};

/* The address of a server, as it was resolved last: another process writes it, the engine's threads read it. */
struct tux_resolved {
	uint32_t sequence; /* odd while it is written; another one: another address */
	uint32_t len;      /* bytes of address; 0: the server has none now */
	struct sockaddr_storage address;
};

struct tux_upstream_server {
	const char *name; /* as written, for people */
	struct sockaddr_storage address;
	socklen_t address_len;        /* 0: not known */
	bool named;                   /* its host is a name, of which several servers may be the addresses */
	uint16_t port;                /* with named */
	struct tux_resolved *resolved; /* in place of address; NULL: that stays as it is */
};

enum tux_balance {
	TUX_BALANCE_ROUND_ROBIN,
	TUX_BALANCE_LEAST_CONNECTIONS, /* of a thread's own */
};

/* Servers that requests are forwarded to: any of them answers any. */
struct tux_upstream {
	const char *name;
	const struct tux_upstream_server *server;
	unsigned server_count;       /* 1 to TUX_MAX_UPSTREAM_SERVERS */
	enum tux_balance balance;
	unsigned keep_alive;         /* unused connections that a thread keeps, for each server */
	unsigned max_fails;          /* after so many within fail_timeout_ms a server is left alone for that long; 0: never */
	uint32_t fail_timeout_ms;
	uint32_t connect_timeout_ms; /* then the next server, or 504 */
	uint32_t send_timeout_ms;    /* without progress in taking a request; then 504 */
	uint32_t read_timeout_ms;    /* without a byte of a response; then 504, or the answer is cut short */
	uint32_t resolve_ms;         /* names of servers are resolved again after this */
	uint32_t unused_timeout_ms;  /* unused connections are closed then */
	uint32_t max_response_head;  /* bytes, at most TUX_MAX_RECEIVED_HEAD; more is 502 */
	bool proxy_protocol;         /* version 2 in front of what a connection carries, which is then of one client alone */
	bool request_buffering;      /* a request's body is kept until it is whole, before a server gets the request */
	bool trust_forwarded;        /* X-Forwarded-For and Forwarded of the client are gone on with, else replaced */
};

/* How CGI programs of one kind are started (RFC 3875). A number of 0 is no limit, a text of NULL is not done. */
struct tux_cgi {
	const char *name;               /* for people */
	const char *root;               /* a directory of scripts, beneath which the path says which; NULL: program is the program */
	const char *const *program;     /* its path and arguments up to a NULL; with root it runs the script, its last argument; NULL: the script itself is executed */
	const char *user;               /* NULL: the one that the server runs as */
	const char *chroot;             /* root and program are paths in there */
	const char *const *environment; /* "NAME=value" up to a NULL, in place of what a request has */
	const char *const *pass;        /* names up to a NULL of what the server's own environment has */
	uint32_t programs;              /* at a time, 1 or more */
	uint32_t waiting;               /* requests that wait for one of those to end; more are 503 */
	uint32_t time_ms;               /* that it has for itself, without that in which it waits for its client; then it is told to end */
	uint32_t total_ms;              /* the same, whoever waits */
	uint32_t cpu_s;                 /* of each process */
	uint64_t memory_bytes;          /* of each process: what it may write to and shares with nobody */
	uint64_t file_bytes;            /* of a file that it writes */
	uint32_t processes;             /* of its user, all together */
	uint32_t files;                 /* open ones, of each process */
	uint32_t nice;                  /* 0 to 19 */
	uint32_t max_response_head;     /* bytes, at most TUX_MAX_RECEIVED_HEAD; more is 502 */
	bool new_privileges;            /* set-user-id programs may be executed */
	bool finish_unwatched;          /* when its client disconnects, a program whose request is whole continues, within its limits */
	bool stream_chunked;            /* a body in chunks is given to the program as it comes, without its length */
	bool root_owned;                /* scripts are root's, user and group, and so are their directories: nobody else may write there */
};

/* Bounds and place of the spools of a thread. */
struct spool_limits {
	uint32_t memory_bytes; /* of one body; a longer one goes to a file */
	int directory_fd;      /* of those files; -1: they are in memory (memfd_create(2)) */
};

struct tux_engine_config {
	const struct tux_site *sites;
	unsigned site_count;        /* 1 to TUX_MAX_SITES */
	struct tux_hosts hosts;     /* which of them a request is for, at each listener */
	enum tux_loop_kind loop;
	int kernel_fd;              /* of tux_kernel_open(), the engine's from tux_engine_start() on, even if that fails; -1: no kernel engine */
	enum tux_large_body large_body;
	unsigned threads;           /* 1 to TUX_MAX_THREADS */
	const struct tux_listener *listeners; /* stay valid while the engine runs; the engine closes the fds when it stops */
	unsigned listener_count;
	unsigned max_connections;   /* of all threads together; at the limit accepting pauses */
	uint32_t head_timeout_ms;   /* from the first byte of a head to its end; then 408 */
	uint32_t body_timeout_ms;   /* without a byte of a request body; then 408 */
	uint32_t send_timeout_ms;   /* without progress in sending; then the connection is dropped */
	uint32_t idle_timeout_ms;   /* between requests; then the connection is closed */
	uint32_t tunnel_timeout_ms; /* without a byte in either direction behind an Upgrade; then both connections are closed */
	uint32_t recheck_ms;        /* how old what is known of a file may get where inotify cannot see it */
	uint32_t cache_entries;     /* objects a thread keeps */
	uint32_t cache_files;       /* of them, how many open files they may hold: bodies not kept in memory */
	uint64_t cache_bytes;       /* of bodies kept in memory, all threads together */
	uint32_t memory_object_bytes; /* larger bodies are not kept in memory */
	bool records;               /* make access records */
	struct content_tags *content_tags; /* tux_engine_start()'s own; NULL: no site has content_tags */
	bool addresses;             /* tux_engine_start()'s own: clients' addresses are wanted, for records or for who may see the status */
	const char *version;        /* of the program, for the status */
	uint16_t handover_port;     /* of a server on this machine that the kernel engine passes connections to; 0: none */
	const struct tux_upstream *upstreams; /* what the routes' arguments are numbers of */
	unsigned upstream_count;
	const struct tux_route *handover; /* to the upstream that stands for handover_port where the user engine answers; NULL: none does */
	unsigned max_programs;      /* CGI programs at a time, of all threads together */
	const struct tux_cgi *cgi;  /* what the arguments of routes to TUX_HANDLER_CGI are numbers of */
	unsigned cgi_count;
	const char *const *modules; /* names that the arguments of routes to TUX_HANDLER_MODULE are numbers of */
	unsigned module_count;
	const int *spawner_fd;      /* for each thread a socket to the spawner, of tux_spawner_start(); NULL: there is none. They stay the program's */
	struct spool_limits spool;  /* of request bodies that are kept until they are whole */
	int passed_fd;              /* connections of engines that retired come over it; -1: none do. It stays the program's, as the next */
	int pass_fd;                /* what is sent over it comes out of passed_fd of the engine that serves: our idle connections, when we retire */
	uint8_t etag_key[16];
};

#endif
