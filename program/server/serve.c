/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `tux serve`. Opens first everything that needs privileges: roots, sockets, logs. Then drops the privileges, and only then starts
 * the engine, which talks to clients.
 */
#define _GNU_SOURCE 1
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../core/etag.h"
#include "../../engine/kernel_link.h"
#include "../../engine/modules/loaded.h"
#include "body_directory.h"
#include "certificates.h"
#include "forward.h"
#include "handshakes.h"
#include "status_socket.h"
#include "memory.h"
#include "rlimit.h"
#include "../log/log.h"
#include "supervisor_msg.h"
#include "../confine/locked_memory.h"
#include "../confine/privileges.h"
#include "resolver.h"
#include "../confine/sandbox.h"
#include "systemd.h"
#include "../cgi/spawner.h"
#include "../modules/process.h"
#include "hosts.h"
#include "keys.h"
#include "../settings/units.h"

enum {
	ERROR_MAX = 512,
	FDS_OF_HOST = 16,     /* of a process of an isolated module, beside those of its threads */
	WATCH_STEP_MS = 1000, /* interval at which calls of modules are looked at */
	DRAIN_STEP_MS = 50,   /* interval at which draining checks for a second order */
	RETIRE_STEP_MS = 200, /* interval at which a retired process checks for orders */
	LEAVE_STEP_MS = 1,    /* interval at which a retiring process checks whether it still accepts */
	DRAIN_QUIET_MS = 300, /* longer draining prints a message on a terminal */
	DRAIN_DELAY_MS = 5000, /* default with a service manager, which may have a load balancer */
	HANDSHAKE_MS = 3000,  /* limit for handshakes under way when listeners close: enough to send a lost SYN-ACK again, after
	                         1 s */
	HANDSHAKE_STEP_MS = 10, /* between two checks */
	HANDSHAKE_LOOKS = 2,    /* checks in a row without handshakes: the kernel's tables may omit a line while they change */
	UNSEEN_HANDSHAKE_MS = 300, /* limit if the tables are not visible, or until the supervisor has shut the listeners */
};

struct serving {
	const struct tux_settings *settings;
	const struct tux_charge *charge;
	struct tux_engine_config config;
	struct tux_hosts hosts;
	struct tux_tls_contexts tls;
	struct tux_keys keys;
	char *root;               /* absolute, for messages; the first host's */
	struct tux_addresses addresses;
	struct tux_handshakes handshakes;
	char *urls;               /* one a line; made before the sandbox */
	struct tux_log *log;      /* NULL = off */
	struct tux_control *control; /* NULL = no control socket */
	struct tux_user user;
	struct tux_forward forward;
	struct tux_cgi cgi[TUX_MAX_CGI]; /* kinds in the file, and one for each root whose files are programs */
	unsigned cgi_count;
	struct tux_route program[TUX_MAX_CGI]; /* to each of them, for files that are programs */
	struct tux_spawner spawner; /* used if there are CGI programs */
	struct tux_cgi module[TUX_MAX_CGI]; /* kinds of processes: one for each isolated module */
	unsigned module_count;
	struct tux_spawner module_spawner; /* used if there are isolated modules */
	char no_user[128];        /* why root stays root, for messages; "" = it does not */
	char no_kernel[256];      /* why the kernel engine is not available, for messages; "" = it is, or is not wanted */
	char files[96];           /* active file restrictions, for messages */
	char sandbox[512];        /* active restrictions, for messages */
	struct tux_engine *engine;
	struct tux_counters counters; /* copied after the engine has stopped */
	struct timespec started;
	char error[ERROR_MAX];
};

/* Returns the number of CPUs that this process may run on. */
static unsigned cpu_count(void)
{
	cpu_set_t *set = CPU_ALLOC(4096);
	const size_t size = CPU_ALLOC_SIZE(4096);
	int count = 1;

	if (set && sched_getaffinity(0, size, set) == 0)
		count = CPU_COUNT_S(size, set);
	CPU_FREE(set);
	if (count < 1)
		return 1;
	return count > TUX_MAX_THREADS ? TUX_MAX_THREADS : (unsigned)count;
}

unsigned tux_serve_threads(const struct tux_settings *settings)
{
	return settings->threads > 0 ? settings->threads : cpu_count();
}

uint32_t tux_serve_drain_delay(const struct tux_settings *settings)
{
	if (settings->drain_delay_ms != UINT32_MAX)
		return settings->drain_delay_ms;
	return tux_service_manages() ? DRAIN_DELAY_MS : 0;
}

enum { MACHINE_ID_MAX = 64 };

/* Reads an id of 32 characters or more. Returns its bytes, or 0 if the file has none. */
static size_t id_read(const char *path, uint8_t id[MACHINE_ID_MAX])
{
	ssize_t len = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		len = read(fd, id, MACHINE_ID_MAX);
		close(fd);
	}
	return len >= 32 ? (size_t)len : 0;
}

/*
 * Writes an id of this machine that outlives a restart: the machine id. Most containers have no machine id; then it is the inode
 * and birth time of the root directory, which last as long as a container. Without a birth time it is the boot id. Returns its
 * bytes.
 */
static size_t machine_identify(uint8_t id[MACHINE_ID_MAX])
{
	struct statx st;
	size_t len = id_read("/etc/machine-id", id);

	if (len > 0)
		return len;
	if (statx(AT_FDCWD, "/", 0, STATX_INO | STATX_BTIME, &st) == 0 && (st.stx_mask & STATX_BTIME) && st.stx_btime.tv_sec > 0) {
		memset(id, 0, MACHINE_ID_MAX);
		memcpy(id, &st.stx_ino, sizeof(st.stx_ino));
		memcpy(id + 8, &st.stx_btime.tv_sec, sizeof(st.stx_btime.tv_sec));
		memcpy(id + 16, &st.stx_btime.tv_nsec, sizeof(st.stx_btime.tv_nsec));
		return MACHINE_ID_MAX;
	}
	len = id_read("/proc/sys/kernel/random/boot_id", id);
	if (len == 0 && getrandom(id, MACHINE_ID_MAX, 0) == MACHINE_ID_MAX)
		len = MACHINE_ID_MAX;
	return len;
}

/*
 * Makes the key of entity tags by hashing this machine's id. Tags thus outlive a restart and a reload, and a client cannot learn
 * the id. Another machine has other inodes anyway.
 */
static void etag_key_make(uint8_t key[16])
{
	static const uint8_t first[16] = "tux: etag key 1", second[16] = "tux: etag key 2";
	uint8_t id[MACHINE_ID_MAX];
	const size_t len = machine_identify(id);
	const uint64_t half[2] = { tux_etag_content(first, id, len), tux_etag_content(second, id, len) };

	memcpy(key, half, sizeof(half));
}

/* Returns the number of files that the hosts keep open: roots and logs. Neighbours may have the same ones. */
static uint64_t host_fds(const struct tux_hosts *hosts)
{
	uint64_t count = 0;
	unsigned i;

	for (i = 0; i < hosts->count; i++) {
		const char *const log = hosts->settings[i].log, *const before = i > 0 ? hosts->settings[i - 1].log : NULL;

		count += i == 0 || hosts->host[i].root_fd != hosts->host[i - 1].root_fd;
		count += log && !(before && strcmp(log, before) == 0);
	}
	return count;
}

/* Opens the logs of all hosts. Returns false with serving->error. */
static bool log_open(struct serving *serving)
{
	const struct tux_settings *settings = serving->settings;
	const struct tux_hosts *hosts = &serving->hosts;
	unsigned i;

	for (i = 0; i < hosts->count; i++) {
		if (!hosts->settings[i].log)
			continue;
		if (!serving->log)
			serving->log = tux_log_open(hosts->count);
		if (!serving->log) {
			snprintf(serving->error, ERROR_MAX, "no memory for the log");
			return false;
		}
		if (i > 0 && hosts->settings[i - 1].log && strcmp(hosts->settings[i].log, hosts->settings[i - 1].log) == 0)
			tux_log_share(serving->log, i, i - 1);
		else if (!tux_log_add(serving->log, i, hosts->settings[i].log, (enum tux_log_format)settings->log_format, &serving->user, serving->error, ERROR_MAX))
			return false;
	}
	if (serving->log)
		tux_log_rotate(serving->log, settings->log_rotate, settings->log_keep);
	serving->config.records = serving->log != NULL;
	return true;
}

/* Opens the kernel engine, which needs privileges. With "auto" it is optional, and the banner says why it is missing. */
static bool kernel_open(struct serving *serving)
{
	if (serving->settings->engine != TUX_ENGINE_AUTO && serving->settings->engine != TUX_ENGINE_KERNEL)
		return true;
	serving->config.kernel_fd = tux_kernel_open(serving->no_kernel, sizeof(serving->no_kernel));
	if (serving->config.kernel_fd >= 0 || serving->settings->engine == TUX_ENGINE_AUTO)
		return true;
	snprintf(serving->error, ERROR_MAX, "the kernel engine cannot be had: %s", serving->no_kernel);
	return false;
}

/* Returns the number of the CGI kind for files beneath a root. Adds it if it is new; returns -1 if there are too many. */
static int program_kind(struct serving *serving, const char *root)
{
	const struct tux_cgis *const cgis = &serving->settings->cgis;
	unsigned i;

	for (i = cgis->count; i < serving->cgi_count; i++)
		if (strcmp(serving->cgi[i].root, root) == 0)
			return (int)i;
	if (serving->cgi_count == TUX_MAX_CGI)
		return -1;
	serving->cgi[serving->cgi_count] = tux_cgis_of_files(cgis, root);
	return (int)serving->cgi_count++;
}

/* Makes the kinds of CGI programs: those of the file, and one for each root whose files are programs. */
static bool programs_make(struct serving *serving)
{
	const struct tux_cgis *const cgis = &serving->settings->cgis;
	unsigned i;

	memcpy(serving->cgi, cgis->cgi, cgis->count * sizeof(*cgis->cgi));
	serving->cgi_count = cgis->count;
	for (i = 0; i < serving->hosts.count; i++) {
		struct tux_host *const host = &serving->hosts.host[i];
		int number;

		if (!tux_host_has_programs(&serving->hosts.settings[i]))
			continue;
		number = program_kind(serving, host->path);
		if (number < 0) {
			snprintf(serving->error, ERROR_MAX, "there are more than %d kinds of CGI programs, each root with such files counted",
			         TUX_MAX_CGI);
			return false;
		}
		serving->program[number] = (struct tux_route){ .handler = TUX_HANDLER_CGI, .argument = (uint32_t)number, .prefix_len = 1 };
		host->program = &serving->program[number];
	}
	return true;
}

/* Starts the spawner of CGI programs before this process opens its sockets and its log, because the spawner would inherit them. */
static bool spawner_start(struct serving *serving)
{
	struct tux_engine_config *const config = &serving->config;

	if (serving->cgi_count == 0)
		return true;
	if (!tux_spawner_start(&serving->spawner, serving->cgi, serving->cgi_count, config->max_programs, config->threads, &serving->user,
	                       serving->error, ERROR_MAX))
		return false;
	config->cgi = serving->cgi;
	config->cgi_count = serving->cgi_count;
	config->spawner_fd = serving->spawner.fd;
	return true;
}

/* Like spawner_start(), but for the processes of isolated modules. */
static bool module_spawner_start(struct serving *serving)
{
	struct tux_engine_config *const config = &serving->config;
	const char *const *const historic = serving->settings->modules.historic;
	const bool of_root = geteuid() == 0;
	unsigned i;

	for (i = 0; i < config->module_count; i++) {
		if (!config->modules[i].isolate || !config->modules[i].file)
			continue;
		if (config->modules[i].require_sandbox && serving->settings->no_sandbox) {
			snprintf(serving->error, ERROR_MAX, "module %s: require-sandbox is on, and so is no-sandbox", config->modules[i].name);
			return false;
		}
		if (historic[i] && !module_file_permitted(config->modules[i].name, historic[i], of_root, serving->error, ERROR_MAX))
			return false;
		if (serving->module_count == TUX_MAX_CGI) {
			snprintf(serving->error, ERROR_MAX, "more than %d modules are isolated", TUX_MAX_CGI);
			return false;
		}
		if (config->modules[i].files && config->modules[i].files < FDS_OF_HOST + 4 * config->threads) {
			snprintf(serving->error, ERROR_MAX, "module %s: files is %u, and its process needs %u for the %u threads of the server",
			         config->modules[i].name, config->modules[i].files, FDS_OF_HOST + 4 * config->threads, config->threads);
			return false;
		}
		if (!tux_module_kind(&serving->module[serving->module_count], &config->modules[i], of_root, serving->settings->no_sandbox, serving->error,
		                     ERROR_MAX))
			return false;
		serving->module_count++;
	}
	if (serving->module_count == 0)
		return true;
	if (!tux_spawner_start(&serving->module_spawner, serving->module, serving->module_count, 2 * serving->module_count, 1, &serving->user,
	                       serving->error, ERROR_MAX))
		return false;
	for (i = 0; i < serving->module_count; i++)
		close(serving->module[i].module_fd);
	config->module_spawner_fd = serving->module_spawner.fd[0];
	return true;
}

/* Writes the URLs as text. Listing the interfaces needs a socket, which the sandbox does not permit. */
static void urls_write(struct serving *serving)
{
	size_t size;
	FILE *out = open_memstream(&serving->urls, &size);

	if (!out)
		return;
	tux_addresses_print(&serving->addresses, out, "  ");
	fclose(out);
}

/* Returns the TCP ports of the upstream servers; NULL if out of memory. */
static uint16_t *ports_list(const struct tux_engine_config *config, unsigned *count)
{
	uint16_t *ports = calloc((size_t)config->upstream_count * TUX_MAX_UPSTREAM_SERVERS + 1, sizeof(*ports));

	*count = 0;
	for (unsigned i = 0; ports && i < config->upstream_count; i++)
		for (unsigned j = 0; j < config->upstreams[i].server_count; j++) {
			const uint16_t port = tux_upstream_port(&config->upstreams[i].server[j]);

			if (port != 0)
				ports[(*count)++] = port;
		}
	return ports;
}

static bool control_open(struct serving *serving)
{
	const struct tux_settings *settings = serving->settings;

	if (settings->control && strcmp(settings->control, "off") == 0)
		return true;
	serving->control = tux_control_open(settings->control, &serving->user, serving->error, ERROR_MAX);
	return serving->control || serving->error[0] == '\0';
}

/*
 * Drops privileges and restricts the process, and threads that start later, to its files. Describes the restrictions in
 * serving->files. roots and directories have room for all hosts.
 */
static bool confine_to(struct serving *serving, int *roots, const char **directories)
{
	const struct tux_hosts *hosts = &serving->hosts;
	struct tux_sandbox sandbox = {
		.root_fd = roots,
		.root_count = hosts->count,
		.log_directory = directories,
		.log_directory_count = serving->log ? tux_log_directories(serving->log, directories) : 0,
		.log_rotates = serving->settings->log_rotate > 0,
		.control_directory = serving->control ? tux_control_directory(serving->control) : NULL,
		.body_directory_fd = -1,
	};
	unsigned i;
	uint16_t *ports;
	const bool of_root = geteuid() == 0;
	bool entered;

	if ((of_root && !modules_permitted(&serving->config, serving->error, ERROR_MAX)) ||
	    !tux_privileges_drop(&serving->user, serving->error, ERROR_MAX))
		return false;
	if ((serving->tls.count > 0 || serving->forward.has_key) && !tux_tls_hide()) {
		snprintf(serving->error, ERROR_MAX, "cannot keep the keys of TLS from core dumps: %s", strerror(errno));
		return false;
	}
	serving->config.loaded = modules_load(&serving->config, of_root, serving->error, ERROR_MAX);
	if (!serving->config.loaded)
		return false;
	for (i = 0; i < hosts->count; i++) {
		roots[i] = hosts->host[i].root_fd;
		if (roots[i] < 0 || faccessat(roots[i], ".", X_OK, 0) == 0 || serving->charge->served || hosts->settings[i].found_by)
			continue;
		snprintf(serving->error, ERROR_MAX, "user %s may not look into %s (%s): chmod o+rx it, or say another --user",
		         serving->user.name, hosts->settings[i].directory, strerror(errno));
		return false;
	}
	for (i = 0; i < sandbox.log_directory_count && sandbox.log_rotates; i++) {
		if (faccessat(AT_FDCWD, directories[i], W_OK | X_OK, AT_EACCESS) == 0)
			continue;
		snprintf(serving->error, ERROR_MAX, "user %s may not rename files in %s, as --log-rotate does (%s)", serving->user.name,
		         directories[i], strerror(errno));
		return false;
	}
	if (tux_body_directory_needed(&serving->config) &&
	    !tux_body_directory_open(serving->settings->body_directory, &serving->config.spool.directory_fd, serving->error, ERROR_MAX))
		return false;
	sandbox.body_directory_fd = serving->config.spool.directory_fd;
	ports = ports_list(&serving->config, &sandbox.port_count);
	if (!ports) {
		snprintf(serving->error, ERROR_MAX, "no memory for the ports of upstream servers");
		return false;
	}
	sandbox.ports = ports;
	entered = serving->settings->no_sandbox ||
	          tux_sandbox_files(&sandbox, serving->files, sizeof(serving->files), serving->error, ERROR_MAX);
	free(ports);
	return entered;
}

static bool confine(struct serving *serving)
{
	int *const roots = calloc(serving->hosts.count, sizeof(*roots));
	const char **const directories = calloc(serving->hosts.count, sizeof(*directories));
	bool entered = false;

	if (roots && directories)
		entered = confine_to(serving, roots, directories);
	else
		snprintf(serving->error, ERROR_MAX, "no memory for the roots of the hosts");
	free(roots);
	free(directories);
	return entered;
}

/*
 * Restricts all threads to the system calls of serving. The workers' rings exist by then, so calls that create or change a ring are
 * not permitted. Describes the restrictions in serving->sandbox.
 */
static bool seal(struct serving *serving)
{
	char calls[64], parts[192] = "neither landlock nor seccomp (--no-sandbox)";
	const struct tux_engine_config *const config = &serving->config;
	struct tux_sandbox_sockets sockets = { .pairs = serving->module_count > 0 };
	unsigned i, j;

	for (i = 0; i < config->upstream_count; i++)
		for (j = 0; j < config->upstreams[i].server_count; j++)
			*(tux_upstream_port(&config->upstreams[i].server[j]) != 0 ? &sockets.tcp : &sockets.unix_stream) = true;
	if (!serving->settings->no_sandbox) {
		if (!tux_sandbox_calls(&sockets, calls, sizeof(calls), serving->error, ERROR_MAX))
			return false;
		snprintf(parts, sizeof(parts), "%s, %s", serving->files, calls);
	}
	snprintf(serving->sandbox, sizeof(serving->sandbox), "user %.40s%s%s%s, no capabilities, no_new_privs, %s", serving->user.name,
	         serving->no_user[0] ? " (" : "", serving->no_user, serving->no_user[0] ? ")" : "", parts);
	return true;
}

/* Returns the memory of the machine. */
static uint64_t machine_bytes(void)
{
	const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_C(1) << 30;
}

/* Sets what the engine takes from the settings as it is. */
static void engine_config_make(struct tux_engine_config *config, const struct tux_settings *settings)
{
	*config = (struct tux_engine_config){
		.loop = settings->engine == TUX_ENGINE_URING ? TUX_LOOP_URING : settings->engine == TUX_ENGINE_EPOLL ? TUX_LOOP_EPOLL : TUX_LOOP_AUTO,
		.kernel_fd = -1,
		.module_spawner_fd = -1,
		.large_body = (enum tux_large_body)settings->large_body,
		.threads = tux_serve_threads(settings),
		.max_connections = settings->max_connections,
		.handshakes_per_client = settings->handshakes_per_client,
		.head_timeout_ms = settings->head_timeout_ms,
		.body_timeout_ms = settings->body_timeout_ms,
		.send_timeout_ms = settings->send_timeout_ms,
		.idle_timeout_ms = settings->idle_timeout_ms,
		.tunnel_timeout_ms = settings->tunnel_timeout_ms,
		.recheck_ms = settings->recheck_ms,
		.cache_entries = settings->cache_entries,
		.cache_bytes = settings->cache_bytes,
		.memory_object_bytes = settings->memory_object_bytes,
		.version = TUX_VERSION,
		.handover_port = settings->handover_port,
		.max_programs = settings->max_programs,
		.modules = settings->modules.module,
		.module_count = settings->modules.count,
		.spool = { .memory_bytes = settings->body_memory_bytes, .directory_fd = -1 },
	};
	tux_memory_share(config, tux_memory_bytes("", machine_bytes()));
}

/* Puts the keys into a process of their own, by configuration. It starts when the first key is read, after others that would have its sockets. */
static void keys_plan(struct serving *serving)
{
	const struct tux_settings *settings = serving->settings;

	if (settings->key_process == TUX_KEY_PROCESS_OFF || (settings->key_process == TUX_KEY_PROCESS_AUTO && geteuid() != 0))
		return;
	tux_keys_plan(&serving->keys, serving->config.threads, &serving->user, settings->no_sandbox, settings->key_process == TUX_KEY_PROCESS_AUTO);
	serving->tls.keys = serving->forward.keys = &serving->keys;
}

/* Sets `defer-accept` of the listeners. A passed socket keeps its own setting unless the option is on. */
static void listeners_defer(const struct serving *serving)
{
	const struct tux_addresses *addresses = &serving->addresses;
	const bool defer = serving->settings->defer_accept;

	for (unsigned i = 0; i < addresses->count; i++)
		if (defer || addresses->spec[i])
			tux_listener_defer(&addresses->listener[i], defer);
}

/* Does everything before the first request. Returns false with serving->error. */
static bool prepare(struct serving *serving)
{
	const struct tux_settings *settings = serving->settings;
	struct tux_engine_config *config = &serving->config;

	engine_config_make(config, settings);
	if (!tux_forward_make(&serving->forward, settings, config, serving->error, ERROR_MAX))
		return false;
	etag_key_make(config->etag_key);
	config->challenges = serving->charge->challenges;
	config->passed_fd = serving->charge->passed_fd;
	config->pass_fd = serving->charge->pass_fd;
	tux_limits_raise_for_roots(settings->host_count);
	if (!tux_privileges_user(settings->user, &serving->user, serving->no_user, sizeof(serving->no_user), serving->error, ERROR_MAX) ||
	    !tux_hosts_open(&serving->hosts, settings, &serving->user, serving->charge->served,
	                    serving->error, ERROR_MAX))
		return false;
	config->hosts = serving->hosts.host;
	config->host_count = serving->hosts.count;
	if (!tux_resolver_start(config, &serving->user, serving->error, ERROR_MAX) || !programs_make(serving) || !spawner_start(serving) ||
	    !module_spawner_start(serving))
		return false;
	tux_limits_raise(config, host_fds(&serving->hosts), stderr);
	serving->addresses = *serving->charge->addresses;
	serving->root = realpath(serving->hosts.settings[0].directory, NULL);
	urls_write(serving);
	if (!tux_hosts_place(&serving->hosts, &serving->addresses, serving->error, ERROR_MAX))
		return false;
	config->names = serving->hosts.names;
	keys_plan(serving);
	if (!tux_tls_contexts_open(&serving->tls, &serving->hosts, settings, &serving->addresses, serving->charge->tickets, serving->error, ERROR_MAX) ||
	    !tux_tls_kernel_find(&serving->tls, settings, &config->tls_kernel, serving->error, ERROR_MAX) ||
	    !tux_forward_open_tls(&serving->forward, settings->file, serving->error, ERROR_MAX) || !tux_keys_seal(&serving->keys, serving->error, ERROR_MAX))
		return false;
	if ((serving->tls.count > 0 || serving->forward.has_key) && (serving->keys.pid == 0 || serving->keys.foreign))
		tux_memory_lock_heap();
	config->tls_description = serving->tls.count > 0 ? serving->tls.description : NULL;
	config->certificates = serving->tls.certificate;
	config->certificate_count = serving->tls.certificate_count;
	if (!log_open(serving) || !kernel_open(serving))
		return false;
	if (!control_open(serving))
		return false;
	tux_service_connect();
	tux_handshakes_open(&serving->handshakes);
	if (!confine(serving))
		return false;
	tux_orders_take(serving->charge->supervisor_fd);
	if (serving->cgi_count > 0)
		tux_orders_helper(serving->spawner.end_fd, TUX_REPORT_LOST);
	if (serving->module_count > 0)
		tux_orders_helper(serving->module_spawner.end_fd, TUX_REPORT_LOST);
	if (serving->keys.pid > 0) {
		tux_orders_helper(serving->keys.lost_fd, TUX_REPORT_KEYS_HANG);
		tux_orders_helper(serving->keys.end_fd, TUX_REPORT_KEYS);
	}
	config->listeners = serving->addresses.listener;
	config->listener_count = serving->addresses.count;
	serving->engine = tux_engine_start(config, serving->error, ERROR_MAX);
	if (!serving->engine || !seal(serving))
		return false;
	if (serving->log && !tux_log_start(serving->log, serving->engine, serving->error, ERROR_MAX))
		return false;
	if (serving->control && !tux_control_start(serving->control, serving->engine, serving->error, ERROR_MAX))
		return false;
	listeners_defer(serving);
	return true;
}

static void banner_print(const struct serving *serving)
{
	const char *colour = getenv("NO_COLOR");
	const bool bold = isatty(STDERR_FILENO) && (!colour || !*colour);
	const unsigned threads = serving->config.threads;
	char hosts[32];

	snprintf(hosts, sizeof(hosts), "%u hosts", serving->hosts.count);
	fprintf(stderr, "%stux %s serving %s%s\n%s", bold ? "\033[1m" : "", TUX_VERSION,
	        serving->hosts.count > 1 ? hosts : serving->root ? serving->root : serving->hosts.settings[0].directory,
	        bold ? "\033[0m" : "", serving->urls ? serving->urls : "");
	fprintf(stderr, "engine: %s, %u thread%s", tux_engine_describe(serving->engine), threads, threads == 1 ? "" : "s");
	fprintf(stderr, serving->no_kernel[0] ? "; no kernel engine: %s\n" : "%s\n", serving->no_kernel);
	if (serving->config.handover)
		fprintf(stderr, "handover: %s %s\n", serving->config.kernel_fd >= 0 ? "connections go to" : "requests are forwarded to",
		        serving->forward.handover_name);
	if (serving->tls.count > 0)
		fprintf(stderr, "tls: %s\n", serving->tls.description);
	fprintf(stderr, "sandbox: %s\n", serving->sandbox);
}

/* Reopens the log after a rotation. */
static void reopen(struct serving *serving)
{
	tux_service_reloading();
	if (serving->log)
		tux_log_reopen(serving->log);
	tux_service_notify("READY=1");
}

/* Returns the next order, after handling those for the log. Returns TUX_ORDER_NONE after the timeout. */
static enum tux_order order_wait(struct serving *serving, int timeout_ms)
{
	enum tux_order order = tux_order_wait(timeout_ms);

	while (order == TUX_ORDER_REOPEN) {
		reopen(serving);
		order = tux_order_wait(timeout_ms);
	}
	return order;
}

static uint64_t passed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)((now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000);
}

/* Waits while the workers serve. Returns false after TUX_ORDER_END. */
static bool serve_on(struct serving *serving, uint32_t wait_ms)
{
	struct timespec since;
	uint64_t passed;

	clock_gettime(CLOCK_MONOTONIC, &since);
	while ((passed = passed_ms(&since)) < wait_ms)
		if (order_wait(serving, (int)(wait_ms - passed)) == TUX_ORDER_END)
			return false;
	return true;
}

/* True if all listeners are shut, except those with stays[i] set; stays may be NULL. */
static bool are_shut(const struct serving *serving, const bool *stays)
{
	unsigned i = 0;

	while (i < serving->addresses.count && ((stays && stays[i]) || !serving->addresses.spec[i] ||
	                                        tux_listener_is_shut(&serving->addresses.listener[i])))
		i++;
	return i == serving->addresses.count;
}

/*
 * Serves until the handshakes under way are complete, or a time limit. stays, if not NULL, marks listeners that do not close.
 * Returns an order that arrived meanwhile.
 */
static enum tux_order handshakes_await(struct serving *serving, const bool *stays)
{
	const bool visible = tux_handshakes_visible(&serving->handshakes);
	enum tux_order order;
	struct timespec since;
	unsigned clean = 0; /* consecutive checks without handshakes */
	bool shut;

	clock_gettime(CLOCK_MONOTONIC, &since);
	do {
		shut = are_shut(serving, stays); /* before the wait: an earlier handshake is in the tables after it */
		order = order_wait(serving, HANDSHAKE_STEP_MS);
		if (!visible || !shut ||
		    tux_handshakes_pending(&serving->handshakes, serving->addresses.listener, serving->addresses.count, stays))
			clean = 0;
		else
			clean++;
	} while (order == TUX_ORDER_NONE && clean < HANDSHAKE_LOOKS &&
	         passed_ms(&since) < (visible && shut ? HANDSHAKE_MS : UNSEEN_HANDSHAKE_MS));
	return order;
}

/*
 * Accepts for drain-delay, so that load balancers notice. Then stops new connections and completes handshakes under way. Returns
 * false after TUX_ORDER_END.
 */
static bool leave(struct serving *serving)
{
	const uint32_t delay_ms = tux_serve_drain_delay(serving->settings);

	tux_engine_leave(serving->engine);
	if (delay_ms > 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "accepting for another %u s, with Connection: close; once more stops at once\n", (delay_ms + 999) / 1000);
	if (!serve_on(serving, delay_ms))
		return false;
	if (tux_addresses_shut(&serving->addresses, NULL, true) && handshakes_await(serving, NULL) == TUX_ORDER_END)
		return false;
	tux_addresses_shut(&serving->addresses, NULL, false);
	return true;
}

/* Lets current responses finish, until the limit or a second order. */
static void drain(struct serving *serving)
{
	const uint32_t limit_ms = serving->settings->drain_timeout_ms;
	bool said = !isatty(STDERR_FILENO);
	struct tux_counters counters;
	struct timespec since;

	clock_gettime(CLOCK_MONOTONIC, &since);
	tux_engine_drain(serving->engine);
	while (order_wait(serving, 0) != TUX_ORDER_END) {
		const uint64_t passed = passed_ms(&since);

		if (passed >= limit_ms)
			return;
		if (!said && passed >= DRAIN_QUIET_MS) {
			tux_engine_counters(serving->engine, &counters);
			fprintf(stderr, "finishing %llu connections, for at most %u s; once more stops at once\n",
			        (unsigned long long)counters.open, (limit_ms + 999) / 1000);
			said = true;
		}
		if (tux_engine_wait(serving->engine, limit_ms - passed < DRAIN_STEP_MS ? (uint32_t)(limit_ms - passed)
		                                                                       : DRAIN_STEP_MS))
			return;
	}
}

/* True if the new process has each of our listeners. */
static bool all_stay(const struct serving *serving)
{
	const bool *const stays = tux_order_stays();
	unsigned i = 0;

	while (i < serving->addresses.count && stays[i])
		i++;
	return i == serving->addresses.count;
}

/*
 * Retires because another process serves: serves the open connections. Returns true if an order to stop arrives before they close.
 */
static bool retire(struct serving *serving)
{
	enum tux_order order = TUX_ORDER_NONE;

	if (serving->log)
		tux_log_reopen(serving->log); /* the new process has opened a new file */
	if (!all_stay(serving))
		order = handshakes_await(serving, tux_order_stays()); /* the supervisor has shut the other listeners */
	tux_engine_retire(serving->engine, tux_order_stays());
	while (tux_engine_accepts(serving->engine) && !tux_engine_wait(serving->engine, LEAVE_STEP_MS))
		;
	tux_order_done(-1);
	while (order != TUX_ORDER_STOP && order != TUX_ORDER_END) {
		if (tux_engine_wait(serving->engine, RETIRE_STEP_MS))
			return false;
		tux_engine_watch(serving->engine);
		order = order_wait(serving, 0);
	}
	return order == TUX_ORDER_STOP;
}

/* Follows orders until the process must exit. Returns true if serving ends, not only this process. */
static bool obey(struct serving *serving)
{
	enum tux_order order;

	for (;;) {
		order = order_wait(serving, tux_engine_needs_watch(serving->engine) ? WATCH_STEP_MS : -1);
		if (order != TUX_ORDER_NONE)
			break;
		tux_engine_watch(serving->engine);
	}
	if (order == TUX_ORDER_RETIRE) {
		if (retire(serving))
			drain(serving);
		return false;
	}
	if (order == TUX_ORDER_STOP) {
		tux_service_notify("STOPPING=1\nSTATUS=Not ready: it stops.");
		if (leave(serving))
			drain(serving);
	}
	return true;
}

static void summary_print(const struct serving *serving)
{
	const struct tux_counters *const counters = &serving->counters;
	char requests[TUX_VALUE_TEXT], sent[TUX_VALUE_TEXT], refused[TUX_VALUE_TEXT], errors[TUX_VALUE_TEXT];
	char connections[TUX_VALUE_TEXT], lost[TUX_VALUE_TEXT], duration[TUX_VALUE_TEXT];
	const uint64_t hits = counters->cache_hits, all = counters->requests;

	tux_value_write_count(all, requests);
	tux_value_write_bytes(counters->sent_bytes, sent);
	tux_value_write_count(counters->refused, refused);
	tux_value_write_count(counters->errors, errors);
	tux_value_write_count(counters->connections, connections);
	tux_value_write_count(counters->records_lost, lost);
	tux_value_write_time(passed_ms(&serving->started) * 1000, duration);
	fprintf(stderr, "%s requests, %s sent, %s refused, %s errors in %s\n", requests, sent, refused, errors, duration);
	fprintf(stderr, "%s connections, %u %% from cache, %s log records lost\n", connections,
	        all ? (unsigned)((double)hits * 100 / (double)all) : 0, lost);
}

/* Undoes prepare(), even if that failed. */
static void release(struct serving *serving)
{
	bool log_ended = true;

	if (serving->control)
		tux_control_close(serving->control);
	if (serving->engine)
		tux_engine_stop(serving->engine); /* closes the listeners */
	else
		tux_addresses_close(&serving->addresses, NULL);
	tux_spawner_stop(&serving->spawner);
	tux_spawner_stop(&serving->module_spawner);
	tux_keys_stop(&serving->keys);
	if (serving->log)
		log_ended = tux_log_close(serving->log);
	if (serving->engine)
		tux_engine_counters(serving->engine, &serving->counters);
	if (serving->engine && log_ended)
		tux_engine_free(serving->engine);
	if (!modules_unload(serving->config.loaded, serving->config.module_count)) {
		fflush(NULL);
		_exit(EXIT_SUCCESS); /* a thread is still in a module, and may use what would be freed here and at the exit */
	}
	tux_forward_close(&serving->forward);
	free(serving->urls);
	free(serving->root);
	tux_tls_contexts_close(&serving->tls);
	tux_hosts_close(&serving->hosts);
}

int tux_serve(const struct tux_settings *settings, const struct tux_charge *charge)
{
	static struct serving serving; /* static, because its listeners are too large for the stack */
	bool over;

	serving.settings = settings;
	serving.charge = charge;
	serving.config.kernel_fd = -1;
	if (!prepare(&serving)) {
		fprintf(stderr, "tux: %s\n", serving.error);
		release(&serving);
		return EXIT_FAILURE;
	}
	clock_gettime(CLOCK_MONOTONIC, &serving.started);
	if (!charge->quiet)
		banner_print(&serving);
	tux_service_notify("READY=1");
	/* Before the first request, which may end this process: the supervisor would take that for a start that failed. */
	tux_order_done(serving.keys.pid > 0 ? serving.keys.pidfd : -1);
	tux_engine_accept(serving.engine);
	over = obey(&serving);
	release(&serving);
	if (over)
		summary_print(&serving);
	return EXIT_SUCCESS;
}
