/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All settings of a server: those of the configuration file and the command line. */
#ifndef TUX_PROGRAM_SETTINGS_SETTINGS_H
#define TUX_PROGRAM_SETTINGS_SETTINGS_H

#include "cgis.h"
#include "host.h"
#include "modules.h"
#include "upstreams.h"

/* Values of the option engine, in its order. */
enum tux_engine_choice {
	TUX_ENGINE_AUTO, /* the kernel engine if it is available, else like TUX_ENGINE_USER */
	TUX_ENGINE_KERNEL,
	TUX_ENGINE_USER, /* io_uring if the kernel supports and permits it, else epoll */
	TUX_ENGINE_URING,
	TUX_ENGINE_EPOLL,
};

/* Values of the option tls-kernel, in its order. */
enum tux_tls_kernel_choice {
	TUX_TLS_KERNEL_AUTO, /* the kernel encrypts if it can */
	TUX_TLS_KERNEL_ON,
	TUX_TLS_KERNEL_OFF,
};

/* Values of the option key-process, in its order. */
enum tux_key_process_choice {
	TUX_KEY_PROCESS_AUTO, /* the keys are in a process of their own if root starts TUX */
	TUX_KEY_PROCESS_ON,
	TUX_KEY_PROCESS_OFF,
};

/* tux_options_init() sets the defaults. Texts belong to the command line and the file. */
struct tux_settings {
	struct tux_host_settings top;   /* the only host, or the defaults of all hosts. Without a listen: the default addresses, or
	                                  passed sockets */
	struct tux_host_settings *host; /* hosts of the file; none = top is the only host */
	unsigned host_count;
	struct tux_upstream_table upstreams;
	struct tux_cgis cgis;
	struct tux_modules modules;
	const char *file;          /* name of the configuration file, for messages; NULL = no file */
	uint32_t port;             /* port of the default addresses; 0 = default */
	uint32_t log_format;       /* enum tux_log_format */
	uint64_t log_rotate;       /* bytes of a log file before it is rotated; 0 = no rotation */
	uint32_t log_keep;         /* number of rotated files to keep */
	const char *control;       /* directory of the control socket, or "off"; NULL = default */
	const char *user;          /* NULL = default */
	bool no_sandbox;
	uint32_t tls_profile;      /* enum tux_tls_profile */
	uint32_t tls_kernel;       /* enum tux_tls_kernel_choice */
	uint32_t key_process;      /* enum tux_key_process_choice */
	struct tux_acme acme;      /* for automatic certificates of hosts that specify no other one */
	uint32_t acme_retry_ms;    /* delay after the first failure */
	const char *state_directory; /* NULL = default, see certificates/store.h */
	bool defer_accept;
	uint32_t threads;          /* 0 = number of CPUs */
	uint32_t engine;           /* enum tux_engine_choice */
	uint16_t handover_port;    /* 0 = no server */
	uint32_t large_body;       /* enum tux_large_body */
	uint32_t cache_entries; /* 0: it follows the memory; see server/memory.h */
	uint64_t cache_bytes;   /* UINT64_MAX: like cache_entries */
	uint32_t memory_object_bytes;
	uint32_t recheck_ms;
	uint32_t max_connections;
	uint32_t handshakes_per_client; /* 0 = no limit */
	uint32_t max_programs;
	uint32_t body_memory_bytes;
	const char *body_directory; /* NULL = tux-UID in /var/tmp or /tmp */
	uint32_t head_timeout_ms;
	uint32_t body_timeout_ms;
	uint32_t send_timeout_ms;
	uint32_t idle_timeout_ms;
	uint32_t tunnel_timeout_ms;
	uint32_t drain_delay_ms;   /* UINT32_MAX = default, see tux_serve_drain_delay() */
	uint32_t drain_timeout_ms;
};

/* Adds a host; returns NULL if there are too many. Invalidates pointers that it returned earlier. */
struct tux_host_settings *tux_settings_host_add(struct tux_settings *settings);

/* Collects all listen specs without duplicates in specs, which has room for TUX_MAX_LISTENERS. Returns their number. */
unsigned tux_settings_listens(const struct tux_settings *settings, const char **specs);

/* True if the top or a host has certificates. */
bool tux_settings_have_certificates(const struct tux_settings *settings);

/* Frees all allocated members. */
void tux_settings_free(struct tux_settings *settings);

#endif
