/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configuration of the user engine: plain data. The program writes it, and every file of the engine reads it. */
#ifndef TUX_ENGINE_CONFIG_H
#define TUX_ENGINE_CONFIG_H

#include <sys/socket.h>
#include <sys/stat.h>

#include "../core/host.h"
#include "../core/media_types.h"
#include "../core/access_record.h"
#include "../core/response.h"
#include "../core/route.h"
#include "../core/file_handler.h"

enum {
	TUX_MAX_THREADS = 256,
	TUX_MAX_INDEX_NAMES = 8,
	TUX_MAX_LISTENERS = 64,
	TUX_MAX_ERROR_PAGES = 64,   /* per host */
	TUX_MAX_CGI = 64,       /* kinds of CGI programs */
	TUX_MAX_CGI_TEXTS = 64, /* per kind: arguments, variables set, or variables passed */
	TUX_MAX_PROGRAMS = 4096, /* CGI programs running at a time, of all kinds */
	TUX_MAX_MODULES = 256,
	TUX_MAX_MODULE_VALUES = 256, /* values in config { } of a module */
	TUX_MAX_MODULE_THREADS = 256,
};

struct content_tags;
struct tls_client;
struct tls_context;
struct tux_loaded;

enum tux_loop_kind {
	TUX_LOOP_AUTO, /* io_uring if the kernel supports and permits it, else epoll */
	TUX_LOOP_URING,
	TUX_LOOP_EPOLL,
};

/* Method of sending bodies that are not cached in memory. */
enum tux_large_body {
	TUX_LARGE_AUTO,     /* the cheapest method in the measurements of docs/performance.md */
	TUX_LARGE_COPY,     /* read into memory, then send */
	TUX_LARGE_SENDFILE, /* sendfile(2): the page cache's pages by reference */
	TUX_LARGE_ZEROCOPY, /* MSG_ZEROCOPY/SEND_ZC from memory: for hardware network cards */
};

/* Protocol versions and ciphers of TLS, by the names of Mozilla's recommendations. */
enum tux_tls_profile {
	TUX_TLS_INTERMEDIATE, /* TLS 1.2 and 1.3 */
	TUX_TLS_MODERN,       /* TLS 1.3 */
};

/*
 * A listening socket that the program opened: one fd per thread (SO_REUSEPORT), or one fd for all threads. The number of fds may
 * differ from the number of threads. With more fds a thread has several. With fewer fds several threads share one.
 */
struct tux_listener {
	int fd[TUX_MAX_THREADS];
	unsigned count; /* entries of fd */
	bool tls;       /* its connections speak TLS; then each host that responds there has certificates */
};

/* Target of a redirecting route. */
struct tux_redirect {
	const char *to;  /* a path or a URL, copied into Location */
	uint32_t len;    /* bytes */
	uint16_t status; /* 301, 302, 303, 307 or 308 */
	bool rest;       /* append the path after the route's prefix, and the query */
};

/* Settings of a host or route for header fields of responses. All texts are visible ASCII, spaces and tabs. */
struct tux_fields {
	struct tux_text lines;  /* fields to add to every response, each "Name: value" and CRLF */
	struct tux_text cached; /* lines with Cache-Control: replaces lines in responses below 400 */
	const struct tux_text *removed; /* names, in lower case, of fields to remove from responses of backends and modules */
	struct tux_text removed_text;   /* these names, each followed by NUL */
	unsigned removed_count;
	uint32_t secure_len;    /* bytes at the start of lines and cached: fields of responses over TLS only */
	uint8_t omit;           /* enum tux_omission: fields of TUX to leave out */
	const struct tux_media_types *types; /* media types of files; NULL: the built-in types */
	struct tux_text type;   /* Content-Type that an application has set for a file; len 0: not set */
};

/* Returns the fields to add to a response, which is sent over TLS or not. */
static inline struct tux_text tux_fields_added(const struct tux_fields *fields, uint16_t status, bool secure)
{
	const struct tux_text text = status < 400 ? fields->cached : fields->lines;

	return secure || fields->secure_len == 0 ? text : (struct tux_text){ text.at + fields->secure_len, text.len - fields->secure_len };
}

/* A file beneath the root: the body of responses with a status of 400 or more. */
struct tux_error_page {
	uint16_t status;
	struct tux_text path; /* normalised; begins with '/' */
};

/* A network: all addresses with the same first prefix_len bits. IPv4 is ::ffff:a.b.c.d. */
struct tux_network {
	uint8_t address[16];
	uint8_t prefix_len; /* bits */
};

/* Networks that may see a status route, besides clients on this machine. */
struct tux_status_route {
	const struct tux_network *allow;
	unsigned allow_count;
};

/* Mode bits of files that may be served. */
struct tux_modes {
	uint16_t allowed;   /* a file or directory without any of these is 403; 0: no requirement */
	uint16_t forbidden; /* a file with any of these is 403 */
};

static inline bool tux_modes_permit(struct tux_modes modes, mode_t mode)
{
	return (modes.allowed == 0 || (mode & modes.allowed) != 0) && (S_ISDIR(mode) || (mode & modes.forbidden) == 0);
}

/* A host: the resources of its names. Its contents and its address stay constant while the engine runs. */
struct tux_host {
	int root_fd;     /* document root, O_PATH | O_DIRECTORY; owned by the caller; -1: missing, so every file is missing */
	const char *path; /* absolute path of the root: for CGI programs, and the start of every X-Sendfile path */
	const char *alias; /* configured absolute path of the root, for links too; NULL: equal to path */
	const char *name; /* first whole host name, for requests without a host; NULL: no such name */
	bool browse;     /* listings for directories without an index */
	bool content_tags; /* derive entity tags from the file's bytes; else from its inode and times */
	bool dot_files;  /* serve names that start with a dot */
	struct tux_modes modes;
	struct tux_file_handlers selection; /* files that are never sent: programs, module names, and files of another server */
	bool spa;        /* respond with the root's index if a path without an extension is missing */
	const char *const *index;
	unsigned index_count; /* at most TUX_MAX_INDEX_NAMES */
	struct tux_routes routes; /* a path without a matching route is static; a route to a server needs handover_port */
	const struct tux_redirect *redirects; /* array that arguments of redirecting routes index */
	const struct tux_status_route *statuses; /* array that arguments of status routes index */
	const struct tux_route *program; /* route of files that are programs: to a root_owned kind of CGI programs with this root; NULL: no
	                                    file is a program */
	const struct tux_fields *fields; /* hosts with the same settings may share them, like other arrays */
	const struct tux_fields *route_fields; /* per route, replaces fields; NULL: no route has its own */
	uint64_t max_body_bytes;  /* of a request body; more is 413 */
	const uint64_t *route_max_body; /* per route, replaces max_body_bytes; NULL: no route has its own */
	const struct tux_error_page *pages;
	unsigned page_count;      /* at most TUX_MAX_ERROR_PAGES */
	uint16_t https_port;      /* port to which plain requests are redirected; 0: they are served */
	const struct tls_context *tls; /* certificates; NULL: responds on no listener with TLS. Hosts may share them */
};

/* Returns the field settings of a route, or those of the host if no route has this number. */
static inline const struct tux_fields *tux_host_fields(const struct tux_host *host, uint32_t route)
{
	return host->route_fields != NULL && route < host->routes.count ? &host->route_fields[route] : host->fields;
}

/* Like tux_host_fields(), but for the longest request body, in bytes. */
static inline uint64_t tux_host_max_body(const struct tux_host *host, uint32_t route)
{
	return host->route_max_body != NULL && route < host->routes.count ? host->route_max_body[route] : host->max_body_bytes;
}

enum {
	TUX_MAX_UPSTREAMS = 256,
	TUX_MAX_UPSTREAM_SERVERS = 64, /* per upstream */
};

/* The last resolved address of a server. Another process writes it, and the engine's threads read it. */
struct tux_resolved {
	uint32_t sequence; /* odd during a write; changes with the address */
	uint32_t len;      /* bytes of address; 0: no address now */
	struct sockaddr_storage address;
};

struct tux_upstream_server {
	const char *name; /* as written, for people */
	uint16_t host_at;  /* place of the host in name */
	uint16_t host_len; /* bytes; 0: a Unix socket */
	bool tls;         /* connections speak TLS */
	struct sockaddr_storage address;
	socklen_t address_len;        /* 0: unknown */
	bool named;                   /* the host is a name, and several servers may be its addresses */
	uint16_t port;                /* valid if named */
	struct tux_resolved *resolved; /* replaces address; NULL: address is constant */
};

enum tux_balance {
	TUX_BALANCE_ROUND_ROBIN,
	TUX_BALANCE_LEAST_CONNECTIONS, /* counted per thread */
};

/* A value in the block config { } of a module, which the module reads. */
struct tux_module_value {
	const char *key;
	const char *text;
};

/* A module: a shared object with handlers. */
struct tux_module_config {
	const char *name; /* in the configuration */
	const char *file; /* path of the shared object; NULL: a route names the module, but the configuration has no file of it */
	unsigned threads; /* that call it, because it may block; 0: the engine's own */
	uint32_t timeout_ms; /* for a request that the module keeps; then 504 */
	bool kernel;         /* while a module of this name is registered in the kernel, the kernel engine lets it respond */
	const char *bpf;     /* path of a verified handler, which the supervisor registers in the kernel; NULL: none */
	bool verified;       /* the supervisor has attached the handler: then the kernel engine lets it respond, but no .ko without kernel */
	bool isolate;        /* in a process of its own, for which the members from user to files are */
	const char *user;    /* NULL: the user of the server */
	const char *root;    /* new root directory; NULL: none */
	uint64_t memory_bytes; /* private writable memory; 0: no limit */
	uint32_t processes;  /* of its user, in total; 0: no limit */
	uint32_t files;      /* open files; 0: no limit */
	bool programs;       /* may start processes and execute programs */
	bool writes;         /* may change files that its user may change */
	bool network;        /* may open sockets */
	bool require_sandbox; /* does not run if the kernel lacks Landlock or seccomp */
	const struct tux_module_value *value;
	unsigned value_count;
};

/* Settings of TLS of an upstream, as they are configured. */
struct tux_upstream_tls {
	const char *ca;          /* file of authorities; NULL: those of the system */
	const char *certificate; /* file of the certificate of TUX as a client; NULL: none */
	const char *key;         /* file; NULL: in that of the certificate */
	const char *password;    /* file with the passphrase of the key; NULL: none */
	const char *name;        /* of every server; NULL: the host of each one */
	uint8_t unverified;      /* 1: no certificate is verified */
	unsigned line;           /* in the configuration file; 0: no block */
};

/* Servers that receive forwarded requests. Each server can respond to each request. */
struct tux_upstream {
	const char *name;
	const struct tux_upstream_server *server;
	unsigned server_count;       /* 1 to TUX_MAX_UPSTREAM_SERVERS */
	enum tux_balance balance;
	unsigned keep_alive;         /* idle connections kept, per thread and server */
	unsigned max_fails;          /* failures within fail_timeout_ms that exclude a server as long; 0: never exclude */
	uint32_t fail_timeout_ms;
	uint32_t connect_timeout_ms; /* then the next server, or 504 */
	uint32_t send_timeout_ms;    /* without progress in sending a request; then 504 */
	uint32_t read_timeout_ms;    /* without a byte of a response; then 504, or the response is truncated */
	uint32_t resolve_ms;         /* interval between resolutions of server names */
	uint32_t unused_timeout_ms;  /* until an idle connection is closed */
	uint32_t max_response_head;  /* bytes, at most TUX_MAX_RECEIVED_HEAD; more is 502 */
	bool proxy_protocol;         /* start connections with a version 2 header; each then carries a single request */
	bool request_buffering;      /* receive the complete request body before a server gets the request */
	bool trust_forwarded;        /* extend X-Forwarded-For and Forwarded of the client; else replace them */
	struct tux_upstream_tls files; /* for the program */
	const struct tls_client *tls; /* settings of connections to servers with tls; NULL: no server has it */
};

/* True if a server of an upstream speaks TLS. */
static inline bool tux_upstream_has_tls(const struct tux_upstream *upstream)
{
	for (unsigned i = 0; i < upstream->server_count; i++)
		if (upstream->server[i].tls)
			return true;
	return false;
}

/* Settings of one kind of CGI programs (RFC 3875). A number of 0 is no limit. A text of NULL is unset. */
struct tux_cgi {
	const char *name;               /* for messages */
	const char *root;               /* directory of scripts, one of which the path selects; NULL: run program */
	const char *const *program;     /* path and arguments up to a NULL; with root it runs the script; NULL: execute the script */
	const char *user;               /* NULL: the user of the server */
	const char *chroot;             /* new root directory: root and program are paths beneath it */
	const char *const *environment; /* "NAME=value" up to a NULL; overrides variables of the request */
	const char *const *pass;        /* names, up to a NULL, of variables passed from the server's environment */
	uint32_t programs;              /* running at a time, 1 or more */
	uint32_t waiting;               /* requests that wait for one of those to end; more are 503 */
	uint32_t time_ms;               /* until it is terminated, without the time that it waits for its client */
	uint32_t total_ms;              /* like time_ms, but with all waiting */
	uint32_t cpu_s;                 /* per process */
	uint64_t memory_bytes;          /* private writable memory, per process */
	uint64_t file_bytes;            /* size of a file that it writes */
	uint32_t processes;             /* of its user, in total */
	uint32_t files;                 /* open files, per process */
	uint32_t nice;                  /* 0 to 19 */
	uint32_t max_response_head;     /* bytes, at most TUX_MAX_RECEIVED_HEAD; more is 502 */
	bool new_privileges;            /* set-user-id programs may be executed */
	bool finish_unwatched;          /* a program with its whole request continues after its client disconnects */
	bool stream_chunked;            /* send a chunked body to the program while it arrives, without CONTENT_LENGTH */
	const struct tux_module_config *module; /* the program is the process of this isolated module, and chroot its root; NULL: CGI */
	int module_fd;                  /* sealed copy of the module's file */
	bool unconfined;                /* the module's process has no sandbox */
	bool root_owned;                /* user and group of scripts and their directories must be root, and only root may write */
};

/* Limits and location of a thread's spools. */
struct spool_limits {
	uint32_t memory_bytes; /* per body; a longer body goes to a file */
	int directory_fd;      /* of those files; -1: memory files (memfd_create(2)) */
};

/* A certificate that is in use, for the status. */
struct tux_certificate_state {
	const char *host;   /* first name of the first host with it; "": a host without names */
	const char *file;
	int64_t end;        /* time at which it expires, seconds since 1970 */
	bool temporary;     /* it signs itself, until an authority has signed another one */
};

struct tux_engine_config {
	const struct tux_host *hosts;
	unsigned host_count;        /* 1 to TUX_MAX_HOSTS */
	bool tls_kernel;            /* the kernel encrypts what is sent over TLS, if it has the cipher */
	const char *tls_description; /* library and kernel, for people; NULL: no listener has TLS */
	const struct tux_certificate_state *certificates;
	unsigned certificate_count;
	struct tux_host_names names; /* select the host of a request, per listener */
	enum tux_loop_kind loop;
	int kernel_fd;              /* from tux_kernel_open(); tux_engine_start() owns it, even if it fails; -1: no kernel engine */
	enum tux_large_body large_body;
	unsigned threads;           /* 1 to TUX_MAX_THREADS */
	const struct tux_listener *listeners; /* valid while the engine runs; the engine closes the fds when it stops */
	unsigned listener_count;
	unsigned max_connections;   /* of all threads together; at the limit accepting pauses */
	uint32_t handshakes_per_client; /* handshakes of TLS under way at a time; more are closed; 0: no limit */
	uint32_t head_timeout_ms;   /* from the first byte of a request head to its end; then 408 */
	uint32_t body_timeout_ms;   /* without a byte of a request body; then 408 */
	uint32_t send_timeout_ms;   /* without progress in sending; then the connection is closed */
	uint32_t idle_timeout_ms;   /* between requests; then the connection is closed */
	uint32_t tunnel_timeout_ms; /* without a byte in either direction after an Upgrade; then both connections are closed */
	uint32_t recheck_ms;        /* maximum age of cached file attributes if inotify does not cover the file */
	uint32_t cache_entries;     /* cached objects, per thread */
	uint32_t cache_files;       /* open files of cached objects, per thread: bodies that are not in memory */
	uint64_t cache_bytes;       /* of bodies in memory, all threads together */
	uint32_t memory_object_bytes; /* larger bodies are not cached in memory */
	bool records;               /* make access records */
	struct content_tags *content_tags; /* set by tux_engine_start(); NULL: no host has content_tags */
	bool addresses;             /* set by tux_engine_start(): read the addresses of clients */
	const struct challenges *challenges; /* of certificate authorities; NULL: no certificate of one is automatic */
	const char *version;        /* of the program, for the status */
	uint16_t handover_port;     /* of a server on this machine that gets connections from the kernel engine; 0: no server */
	const struct tux_upstream *upstreams; /* array that arguments of routes to TUX_HANDLER_UPSTREAM index */
	unsigned upstream_count;
	const struct tux_route *handover; /* route to the upstream for handover_port in the user engine; NULL: no upstream */
	unsigned max_programs;      /* CGI programs running at a time, of all threads together */
	const struct tux_cgi *cgi;  /* array that arguments of routes to TUX_HANDLER_CGI index */
	unsigned cgi_count;
	const struct tux_module_config *modules; /* array that arguments of routes to TUX_HANDLER_MODULE index */
	unsigned module_count;
	int module_spawner_fd;      /* socket to the spawner of isolated modules; owned by the program; -1: no module is isolated */
	struct isolated_manager *isolated; /* set by tux_engine_start(); NULL: no module is isolated */
	struct tux_loaded *loaded;  /* of modules, from modules_load(), owned by the program; NULL: no module has a file */
	const int *spawner_fd;      /* per thread, from tux_spawner_start(), owned by the program; NULL: no spawner */
	struct spool_limits spool;  /* of request bodies that are received completely before they are forwarded */
	int passed_fd;              /* receives connections of retired engines; owned by the program, like pass_fd; -1: no socket */
	int pass_fd;                /* sends idle connections, after retiring, to passed_fd of the serving engine; -1: no socket */
	uint8_t etag_key[16];
};

#endif
