/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. One table of options defines both the parser and the help. */
#define _GNU_SOURCE 1
#include "command.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../engine/io/listener.h"
#include "suggestion.h"
#include "settings/units.h"

enum {
	DEFAULT_CONNECTIONS = 16384,
	DEFAULT_PROGRAMS = 256,
	MAX_CONNECTIONS = 4 * 1024 * 1024,
	MIN_CACHE_ENTRIES = 16,
	MAX_CACHE_ENTRIES = 1024 * 1024,
	MIN_LOG_ROTATE = 4096, /* bytes */
	MAX_LOG_KEEP = 1000,   /* files; a rotation renames them all */
	DAY_MS = 24 * 60 * 60 * 1000,
	NAME_MAX_LEN = 32,
};

static const uint64_t default_cache_bytes = 256ull << 20;
static const uint64_t default_body_bytes = 1ull << 20;
static const uint32_t default_memory_object = 64u << 10;
static const uint32_t default_body_memory = 64u << 10;

/* Values of getopt; the short options -h, -p and -V use their letters. */
enum option_id {
	OPTION_HELP = 'h',
	OPTION_PORT = 'p',
	OPTION_VERSION = 'V',
	OPTION_CONFIG = 256,
	OPTION_LISTEN,
	OPTION_ROOT,
	OPTION_BROWSE,
	OPTION_SPA,
	OPTION_INDEX,
	OPTION_DOTFILES,
	OPTION_ANY_MODE,
	OPTION_MODE_ALLOWED,
	OPTION_MODE_FORBIDDEN,
	OPTION_TYPES,
	OPTION_MODE_CGI,
	OPTION_MODE_MODULE,
	OPTION_CACHE_CONTROL,
	OPTION_ETAG,
	OPTION_LOG,
	OPTION_LOG_FORMAT,
	OPTION_LOG_ROTATE,
	OPTION_LOG_KEEP,
	OPTION_CONTROL,
	OPTION_USER,
	OPTION_NO_SANDBOX,
	OPTION_THREADS,
	OPTION_ENGINE,
	OPTION_HANDOVER,
	OPTION_LARGE_BODY,
	OPTION_CACHE_ENTRIES,
	OPTION_CACHE_BYTES,
	OPTION_MEMORY_OBJECT,
	OPTION_RECHECK,
	OPTION_MAX_CONNECTIONS,
	OPTION_MAX_PROGRAMS,
	OPTION_MAX_BODY,
	OPTION_BODY_MEMORY,
	OPTION_BODY_DIRECTORY,
	OPTION_HEAD_TIMEOUT,
	OPTION_BODY_TIMEOUT,
	OPTION_SEND_TIMEOUT,
	OPTION_IDLE_TIMEOUT,
	OPTION_TUNNEL_TIMEOUT,
	OPTION_DRAIN_DELAY,
	OPTION_DRAIN_TIMEOUT,
};

struct option_row {
	const char *name;     /* NULL = a heading in the help */
	const char *value;    /* name of the value in the help; NULL = no value */
	const char *expected; /* description of a valid value, for the error */
	const char *help;
	enum option_id id;
	uint32_t of_host; /* enum tux_host_saying if the option is allowed in a host; else 0 */
};

#define SECONDS "seconds from 0.1 to 86400, such as 20 or 0.5"
#define SECONDS_OR_0 "seconds from 0 to 86400, such as 10 or 0.5"

#define LISTEN "ADDR:PORT, :PORT or unix:PATH, at most 64 of them"

#define TYPES "TUX/CGI, TUX/module or TUX/redirect, and extensions that were not said before, such as TUX/CGI=cgi,pl"

static const struct option_row rows[] = {
	{ NULL, NULL, NULL, "Where", 0 },
	{ "config", "FILE", "the name of a file", "a file with options, which those given here\ntake the place of", OPTION_CONFIG },
	{ "listen", "ADDR:PORT", LISTEN, "where to listen, may be repeated: 0.0.0.0:80, [::1]:8080,\n"
	  "NAME:PORT, :PORT (all addresses), unix:PATH\n(127.0.0.1:8080 and [::1]:8080)", OPTION_LISTEN, TUX_SAID_LISTEN },
	{ "port", "N", "a port from 1 to 65535", "the default addresses, on port N; -p N, too (8080)", OPTION_PORT },
	{ NULL, NULL, NULL, "What", 0 },
	{ "root", "DIR", "the name of a directory", "the directory to serve, as DIR says it too", OPTION_ROOT, TUX_SAID_ROOT },
	{ "browse", NULL, NULL, "list directories that have no index", OPTION_BROWSE, TUX_SAID_BROWSE },
	{ "index", "NAME", "a file name without '/', at most 8 of them", "the index of a directory, may be repeated\n"
	  "(index.html)", OPTION_INDEX, TUX_SAID_INDEX },
	{ "spa", NULL, NULL, "answer missing pages with the root's index", OPTION_SPA, TUX_SAID_SPA },
	{ "dotfiles", NULL, NULL, "serve names that start with a dot, too", OPTION_DOTFILES, TUX_SAID_DOT_FILES },
	{ "any-mode", NULL, NULL, "serve files that are not world-readable, too", OPTION_ANY_MODE, TUX_SAID_MODE_ALLOWED },
	{ "mode-allowed", "BITS", "mode bits in octal from 0 to 7777, such as 0004", "serve what has one of these mode bits (0004)",
	  OPTION_MODE_ALLOWED, TUX_SAID_MODE_ALLOWED },
	{ "mode-forbidden", "BITS", "mode bits in octal from 0 to 7777, such as 1111", "serve no file that has one of these mode bits (0)",
	  OPTION_MODE_FORBIDDEN, TUX_SAID_MODE_FORBIDDEN },
	{ "types", "TYPE=EXT[,EXT]...", TYPES, "files that are not sent, by extension, may be repeated:\nTUX/CGI=cgi,pl are programs, TUX/module=tux name\n"
	  "modules, TUX/redirect=php are the server's on\nthe handover port. Programs and modules are root's,\nuser and group, or 403 (none)",
	  OPTION_TYPES, TUX_SAID_TYPES },
	{ "mode-cgi", "BITS", "mode bits in octal from 0 to 7777, such as 0100", "a file that has one of these mode bits is a program (0)",
	  OPTION_MODE_CGI, TUX_SAID_MODE_CGI },
	{ "mode-module", "BITS", "mode bits in octal from 0 to 7777, such as 4000", "a file that has one of these mode bits names a module (0)",
	  OPTION_MODE_MODULE, TUX_SAID_MODE_MODULE },
	{ "cache-control", "TEXT", "the value of a field, such as \"max-age=3600\"", "Cache-Control of what is no error (none)",
	  OPTION_CACHE_CONTROL, TUX_SAID_CACHE_CONTROL },
	{ "etag", "file|content", "file or content", "make entity tags of a file's inode and times, or of\nits bytes: the same on every machine (file)",
	  OPTION_ETAG, TUX_SAID_ETAG },
	{ NULL, NULL, NULL, "Log and privileges", 0 },
	{ "log", "FILE|-|off", "a file name, - or off", "where requests are logged; - is the standard output (-)",
	  OPTION_LOG, TUX_SAID_LOG },
	{ "log-format", "auto|combined|json|binary", "auto, combined, json or binary", "what is logged for each request; tux log makes\n"
	  "text of binary (auto: for people on a terminal,\nelse combined)", OPTION_LOG_FORMAT },
	{ "log-rotate", "BYTES", "0, or bytes from 4K on, such as 100M", "begin a new log before one grows beyond this; the\nold are FILE.1, FILE.2, ... (0: never)",
	  OPTION_LOG_ROTATE },
	{ "log-keep", "N", "a number from 1 to 1000", "how many old ones are kept (5)", OPTION_LOG_KEEP },
	{ "control", "DIR|off", "the name of a directory, or off", "where tux status asks: a socket there for root and\nthe server's user "
	  "(RUNTIME_DIRECTORY, or /run/tux\nfor root, or tux in XDG_RUNTIME_DIR)", OPTION_CONTROL },
	{ "user", "NAME", "the name or number of a user, with :GROUP if another is wanted",
	  "whom to run as when started as root (www-data);\nNAME:GROUP sets the group, too; or their numbers", OPTION_USER },
	{ "no-sandbox", NULL, NULL, "without Landlock and seccomp", OPTION_NO_SANDBOX },
	{ NULL, NULL, NULL, "Engine", 0 },
	{ "threads", "N", "a number from 1 to 256", "threads (one for each CPU)", OPTION_THREADS },
	{ "engine", "auto|kernel|user|uring|epoll", "auto, kernel, user, uring or epoll", "what serves: tux.ko, or the program "
	  "alone over\nio_uring or epoll (auto: the best there is)", OPTION_ENGINE },
	{ "handover", "PORT[,/PREFIX]...", "a port from 1 to 65535, and paths that begin with '/', such as 8080,/app/",
	  "with tux.ko: the server of this machine on\nPORT is given connections of requests for\nmissing files, with other methods or bodies,\n"
	  "or beneath PREFIX", OPTION_HANDOVER },
	{ "large-body", "auto|copy|sendfile|zerocopy", "auto, copy, sendfile or zerocopy",
	  "how to send bodies that are not kept in memory (auto)", OPTION_LARGE_BODY },
	{ "cache-entries", "N", "a number from 16 to 1048576", "files that a thread keeps ready (16384)",
	  OPTION_CACHE_ENTRIES },
	{ "cache-bytes", "BYTES", "bytes such as 0, 64M or 2G", "memory for small files, of all threads (256M)",
	  OPTION_CACHE_BYTES },
	{ "memory-object", "BYTES", "bytes from 0 to 1G, such as 256K", "larger files are not kept in memory (64K)",
	  OPTION_MEMORY_OBJECT },
	{ "recheck", "SECONDS", SECONDS_OR_0, "look at files again after this where inotify cannot\n"
	  "see changes, as on network file systems (1)", OPTION_RECHECK },
	{ NULL, NULL, NULL, "Limits", 0 },
	{ "max-connections", "N", "a number from 1 to 4194304", "connections at a time, of both engines; more have to wait (16384)",
	  OPTION_MAX_CONNECTIONS },
	{ "max-programs", "N", "a number from 1 to 4096", "CGI programs at a time, of all kinds; more have to\nwait (256)", OPTION_MAX_PROGRAMS },
	{ "max-body", "BYTES", "bytes such as 0, 64K or 1M", "of a request body; more is 413 (1M)", OPTION_MAX_BODY, TUX_SAID_MAX_BODY },
	{ "body-memory", "BYTES", "bytes from 0 to 1G, such as 256K", "of a request body that is kept until it is whole; more\nof it goes to a file (64K)",
	  OPTION_BODY_MEMORY },
	{ "body-directory", "DIR", "the name of a directory", "where those files are, without names\n(tux-UID in /var/tmp or /tmp, else memory)",
	  OPTION_BODY_DIRECTORY },
	{ "head-timeout", "SECONDS", SECONDS, "for a request head (20)", OPTION_HEAD_TIMEOUT },
	{ "body-timeout", "SECONDS", SECONDS, "without a byte of a request body (30)", OPTION_BODY_TIMEOUT },
	{ "send-timeout", "SECONDS", SECONDS, "without progress in sending (30)", OPTION_SEND_TIMEOUT },
	{ "idle-timeout", "SECONDS", SECONDS, "between two requests (75)", OPTION_IDLE_TIMEOUT },
	{ "tunnel-timeout", "SECONDS", SECONDS, "without a byte in either direction behind an\nUpgrade, as of a WebSocket (3600)", OPTION_TUNNEL_TIMEOUT },
	{ "drain-delay", "SECONDS", SECONDS_OR_0, "when told to stop, accept for so long, with\nConnection: close and the status \"not ready\"\n"
	  "(5 under a service manager or as process 1, else 0)", OPTION_DRAIN_DELAY },
	{ "drain-timeout", "SECONDS", SECONDS_OR_0, "for answers under way when told to stop (10)", OPTION_DRAIN_TIMEOUT },
	{ NULL, NULL, NULL, "Other", 0 },
	{ "help", NULL, NULL, "this text", OPTION_HELP },
	{ "version", NULL, NULL, "the version", OPTION_VERSION },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char *const verbs[] = { "serve", "check", "status", "log", "help" };

bool tux_command_is_near(const char *mistyped, const char *name)
{
	return tux_suggestion_distance(mistyped, name) < tux_suggestion_limit(mistyped);
}

const char *tux_command_option_near(const char *name)
{
	unsigned best = tux_suggestion_limit(name);
	const char *near = NULL;
	size_t i;

	for (i = 0; i < ROWS; i++) {
		unsigned distance = rows[i].name ? tux_suggestion_distance(name, rows[i].name) : TUX_NEAR_MISS + 1;

		if (distance < best) {
			best = distance;
			near = rows[i].name;
		}
	}
	return near;
}

/* Writes the error for an option that getopt does not know, as written in arg; letter is not 0 if it is a short one. */
static void unknown_option(const char *arg, int letter, char *error, size_t error_size)
{
	char name[NAME_MAX_LEN + 1];
	const char *near;
	size_t len;

	if (letter) {
		snprintf(error, error_size, "unknown option -%c%s", letter, tux_suggestion_for_letter(letter));
		return;
	}
	arg += strspn(arg, "-");
	len = strcspn(arg, "=");
	if (len > NAME_MAX_LEN)
		len = NAME_MAX_LEN;
	memcpy(name, arg, len);
	name[len] = '\0';
	near = tux_command_option_near(name);
	if (*tux_suggestion_for_option(name))
		snprintf(error, error_size, "unknown option --%s%s", name, tux_suggestion_for_option(name));
	else if (near)
		snprintf(error, error_size, "unknown option --%s; did you mean --%s?", name, near);
	else
		snprintf(error, error_size, "unknown option --%s", name);
}

static const struct option_row *row_find(int id)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (rows[i].name && (int)rows[i].id == id)
			return &rows[i];
	return NULL;
}

/* Returns the index of value in the count names; -1 if it is missing. */
static int choice(const char *value, const char *const *names, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (strcmp(value, names[i]) == 0)
			return i;
	return -1;
}

static bool engine_kind(const char *value, struct tux_command *command)
{
	static const char *const names[] = { "auto", "kernel", "user", "uring", "epoll" };
	static const enum tux_loop_kind loops[] = { TUX_LOOP_AUTO, TUX_LOOP_AUTO, TUX_LOOP_AUTO, TUX_LOOP_URING,
	                                            TUX_LOOP_EPOLL };
	static const enum tux_kernel_wish wishes[] = { TUX_KERNEL_AUTO, TUX_KERNEL_ALWAYS, TUX_KERNEL_NEVER,
	                                               TUX_KERNEL_NEVER, TUX_KERNEL_NEVER };
	int i = choice(value, names, 5);

	if (i < 0)
		return false;
	command->engine.loop = loops[i];
	command->kernel = wishes[i];
	return true;
}

/* Parses PORT[,/PREFIX]... */
static bool handover(const char *value, struct tux_command *command)
{
	const size_t port_len = strcspn(value, ",");
	const char *at = value[port_len] == ',' ? value + port_len + 1 : NULL;
	uint64_t port = 0;
	char text[8], pattern[256], error[256];

	if (port_len >= sizeof(text))
		return false;
	memcpy(text, value, port_len);
	text[port_len] = '\0';
	if (!tux_value_count(text, 1, 65535, &port))
		return false;
	command->engine.handover_port = (uint16_t)port;
	while (at) {
		const size_t len = strcspn(at, ",");

		if (*at != '/' || len >= sizeof(pattern))
			return false;
		memcpy(pattern, at, len);
		pattern[len] = '\0';
		if (!tux_routes_add(&command->top.routes, pattern, TUX_HANDLER_HANDOVER, 0, error, sizeof(error)))
			return false;
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	return true;
}

static bool large_body(const char *value, enum tux_large_body *way)
{
	static const char *const names[] = { "auto", "copy", "sendfile", "zerocopy" };
	static const enum tux_large_body ways[] = { TUX_LARGE_AUTO, TUX_LARGE_COPY, TUX_LARGE_SENDFILE,
	                                            TUX_LARGE_ZEROCOPY };
	int i = choice(value, names, 4);

	if (i >= 0)
		*way = ways[i];
	return i >= 0;
}

static bool log_format(const char *value, enum tux_log_format *format)
{
	static const char *const names[] = { "auto", "combined", "json", "binary" };
	static const enum tux_log_format formats[] = { TUX_LOG_FORMAT_AUTO, TUX_LOG_FORMAT_COMBINED, TUX_LOG_FORMAT_JSON,
	                                               TUX_LOG_FORMAT_BINARY };
	int i = choice(value, names, 4);

	if (i >= 0)
		*format = formats[i];
	return i >= 0;
}

static bool count32(const char *value, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t count = 0;

	if (!tux_value_count(value, min, max, &count))
		return false;
	*out = (uint32_t)count;
	return true;
}

static bool size32(const char *value, uint32_t max, uint32_t *out)
{
	uint64_t bytes = 0;

	if (!tux_value_size(value, 0, max, &bytes))
		return false;
	*out = (uint32_t)bytes;
	return true;
}

static bool index_add(struct tux_site *site, const char *name)
{
	if (site->index_count == TUX_MAX_INDEX_NAMES || *name == '\0' || strchr(name, '/') ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	site->index[site->index_count++] = name;
	return true;
}

/* Applies one option; returns false if its value is invalid. */
static bool option_apply(struct tux_command *command, struct tux_host_options *host, enum option_id id, const char *value)
{
	struct tux_engine_config *engine = &command->engine;
	struct tux_site *site = &host->site;

	switch (id) {
	case OPTION_HELP:
		command->verb = TUX_VERB_HELP_SERVE;
		return true;
	case OPTION_VERSION:
		command->verb = TUX_VERB_VERSION;
		return true;
	case OPTION_CONFIG:
		command->config = value;
		return *value != '\0';
	case OPTION_ROOT:
		host->directory = value;
		return *value != '\0';
	case OPTION_LISTEN:
		if (!tux_listener_spec_good(value) || host->listen_count == TUX_MAX_LISTENERS)
			return false;
		host->listen[host->listen_count++] = value;
		return true;
	case OPTION_PORT:
		return count32(value, 1, UINT16_MAX, &command->port);
	case OPTION_BROWSE:
		site->browse = !value;
		return true;
	case OPTION_SPA:
		site->spa = !value;
		return true;
	case OPTION_INDEX:
		return index_add(site, value);
	case OPTION_DOTFILES:
		site->dot_files = !value;
		return true;
	case OPTION_ANY_MODE:
		site->modes.allowed = value ? S_IROTH : 0;
		return true;
	case OPTION_MODE_ALLOWED:
		return tux_value_mode(value, &site->modes.allowed);
	case OPTION_MODE_FORBIDDEN:
		return tux_value_mode(value, &site->modes.forbidden);
	case OPTION_TYPES:
		return tux_host_type_add(host, value);
	case OPTION_MODE_CGI:
		return tux_value_mode(value, &site->selection.mode_cgi);
	case OPTION_MODE_MODULE:
		return tux_value_mode(value, &site->selection.mode_module);
	case OPTION_CACHE_CONTROL:
		host->cache_control = value;
		return tux_field_value_good(value);
	case OPTION_ETAG:
		site->content_tags = strcmp(value, "content") == 0;
		return site->content_tags || strcmp(value, "file") == 0;
	case OPTION_LOG:
		host->log = strcmp(value, "off") == 0 ? NULL : value;
		return *value != '\0' && strncmp(value, "syslog:", 7) != 0; /* supported by nginx; here it would be a file name */
	case OPTION_LOG_FORMAT:
		return log_format(value, &command->log_format);
	case OPTION_LOG_ROTATE:
		return tux_value_size(value, 0, 1ull << 50, &command->log_rotate) &&
		       (command->log_rotate == 0 || command->log_rotate >= MIN_LOG_ROTATE);
	case OPTION_CONTROL:
		command->control = value;
		return *value != '\0';
	case OPTION_LOG_KEEP:
		return count32(value, 1, MAX_LOG_KEEP, &command->log_keep);
	case OPTION_USER:
		command->user = value;
		return *value != '\0';
	case OPTION_NO_SANDBOX:
		command->sandbox = value != NULL;
		return true;
	case OPTION_THREADS:
		return count32(value, 1, TUX_MAX_THREADS, &engine->threads);
	case OPTION_ENGINE:
		return engine_kind(value, command);
	case OPTION_HANDOVER:
		return handover(value, command);
	case OPTION_LARGE_BODY:
		return large_body(value, &engine->large_body);
	case OPTION_CACHE_ENTRIES:
		return count32(value, MIN_CACHE_ENTRIES, MAX_CACHE_ENTRIES, &engine->cache_entries);
	case OPTION_CACHE_BYTES:
		return tux_value_size(value, 0, 1ull << 50, &engine->cache_bytes);
	case OPTION_MEMORY_OBJECT:
		return size32(value, 1u << 30, &engine->memory_object_bytes);
	case OPTION_RECHECK:
		return tux_value_seconds(value, 0, DAY_MS, &engine->recheck_ms);
	case OPTION_MAX_CONNECTIONS:
		return count32(value, 1, MAX_CONNECTIONS, &engine->max_connections);
	case OPTION_MAX_PROGRAMS:
		return count32(value, 1, TUX_MAX_PROGRAMS, &engine->max_programs);
	case OPTION_MAX_BODY:
		return tux_value_size(value, 0, TUX_MAX_BODY_LIMIT, &site->max_body_bytes);
	case OPTION_BODY_MEMORY:
		return size32(value, 1u << 30, &engine->spool.memory_bytes);
	case OPTION_BODY_DIRECTORY:
		command->body_directory = value;
		return *value != '\0';
	case OPTION_HEAD_TIMEOUT:
		return tux_value_seconds(value, 100, DAY_MS, &engine->head_timeout_ms);
	case OPTION_BODY_TIMEOUT:
		return tux_value_seconds(value, 100, DAY_MS, &engine->body_timeout_ms);
	case OPTION_SEND_TIMEOUT:
		return tux_value_seconds(value, 100, DAY_MS, &engine->send_timeout_ms);
	case OPTION_IDLE_TIMEOUT:
		return tux_value_seconds(value, 100, DAY_MS, &engine->idle_timeout_ms);
	case OPTION_TUNNEL_TIMEOUT:
		return tux_value_seconds(value, 100, DAY_MS, &engine->tunnel_timeout_ms);
	case OPTION_DRAIN_DELAY:
		return tux_value_seconds(value, 0, DAY_MS, &command->drain_delay_ms);
	case OPTION_DRAIN_TIMEOUT:
		return tux_value_seconds(value, 0, DAY_MS, &command->drain_timeout_ms);
	}
	return false;
}

static const struct option_row *row_named(const char *name)
{
	size_t i;

	for (i = 0; i < ROWS; i++)
		if (rows[i].name && strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

enum tux_option_use tux_command_option_use(const char *name)
{
	const struct option_row *row = row_named(name);

	if (!row || row->id == OPTION_HELP || row->id == OPTION_VERSION || row->id == OPTION_CONFIG)
		return TUX_OPTION_UNKNOWN;
	if (!row->value)
		return TUX_OPTION_SWITCH;
	return row->id == OPTION_LISTEN || row->id == OPTION_INDEX || row->id == OPTION_TYPES ? TUX_OPTION_LIST : TUX_OPTION_VALUE;
}

const char *tux_command_option_expects(const char *name)
{
	return row_named(name)->expected;
}

bool tux_command_option_of_host(const char *name)
{
	return row_named(name)->of_host != 0;
}

bool tux_command_option(struct tux_command *command, struct tux_host_options *host, const char *name, const char *value, char *error,
                        size_t error_size)
{
	const struct option_row *row = row_named(name);

	host->said |= row->of_host;
	if (option_apply(command, host, row->id, value))
		return true;
	snprintf(error, error_size, "%s: \"%s\" is not %s", name, value, row->expected);
	return false;
}

void tux_command_defaults(struct tux_command *command)
{
	memset(command, 0, sizeof(*command));
	command->top.directory = ".";
	command->top.log = "-";
	command->top.site.max_body_bytes = default_body_bytes;
	command->top.site.modes.allowed = S_IROTH;
	command->log_keep = 5;
	command->sandbox = true;
	command->drain_timeout_ms = 10000;
	command->drain_delay_ms = UINT32_MAX;
	command->engine = (struct tux_engine_config){
		.kernel_fd = -1,
		.max_connections = DEFAULT_CONNECTIONS,
		.max_programs = DEFAULT_PROGRAMS,
		.head_timeout_ms = 20000,
		.body_timeout_ms = 30000,
		.send_timeout_ms = 30000,
		.idle_timeout_ms = 75000,
		.tunnel_timeout_ms = 3600000,
		.recheck_ms = 1000,
		.cache_entries = TUX_DEFAULT_CACHE_ENTRIES,
		.cache_files = TUX_DEFAULT_CACHE_ENTRIES,
		.cache_bytes = default_cache_bytes,
		.memory_object_bytes = default_memory_object,
		.spool = { .memory_bytes = default_body_memory, .directory_fd = -1 },
	};
}

struct tux_host_options *tux_command_host_add(struct tux_command *command)
{
	struct tux_host_options *host = NULL;

	if (command->host_count < TUX_MAX_SITES)
		host = realloc(command->host, (command->host_count + 1) * sizeof(*host));
	if (!host)
		return NULL;
	command->host = host;
	host += command->host_count++;
	*host = (struct tux_host_options){ 0 };
	return host;
}

unsigned tux_command_listens(const struct tux_command *command, const char **specs)
{
	const struct tux_host_options *host = command->host_count > 0 ? command->host : &command->top;
	const struct tux_host_options *const end = host + (command->host_count > 0 ? command->host_count : 1);
	unsigned i, k, count = 0;

	for (; host < end; host++)
		for (i = 0; i < host->listen_count; i++) {
			for (k = 0; k < count && strcmp(specs[k], host->listen[i]) != 0; k++)
				;
			if (k == count && count < TUX_MAX_LISTENERS)
				specs[count++] = host->listen[i];
		}
	return count;
}

void tux_command_free(struct tux_command *command)
{
	while (command->host_count > 0)
		tux_host_free(&command->host[--command->host_count]);
	free(command->host);
	command->host = NULL;
	tux_host_free(&command->top);
	tux_cgis_free(&command->cgis);
	tux_upstreams_free(&command->upstreams);
}

/* Fills getopt's table from rows. */
static void getopt_table(struct option table[ROWS + 1])
{
	size_t i, count = 0;

	for (i = 0; i < ROWS; i++)
		if (rows[i].name)
			table[count++] = (struct option){ rows[i].name, rows[i].value ? required_argument : no_argument, NULL,
			                                  (int)rows[i].id };
	table[count] = (struct option){ 0 };
}

/* Writes the sentence for an error of getopt; got is its result, ':' or '?'. */
static void getopt_fault(int got, char **argv, char *error, size_t error_size)
{
	const struct option_row *row = row_find(optopt);

	if (got == ':' && row)
		snprintf(error, error_size, "option --%s needs a value: %s", row->name, row->expected);
	else if (row && strncmp(argv[optind - 1], "--", 2) == 0)
		snprintf(error, error_size, "option --%s takes no value", row->name);
	else
		unknown_option(argv[optind - 1], optopt, error, error_size);
}

/* Parses the arguments of `tux serve`: argv[0] is "serve". */
static bool serve_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	struct option table[ROWS + 1];
	bool listens = false, indexes = false, types = false, ports = false;
	const char *specs[TUX_MAX_LISTENERS];
	char suggestion[64];
	unsigned i;
	int got;

	getopt_table(table);
	command->verb = TUX_VERB_SERVE;
	opterr = 0;
	optind = 0; /* glibc: restart the scan */
	while ((got = getopt_long(argc, argv, ":hp:V", table, NULL)) != -1) {
		if (got == ':' || got == '?') {
			getopt_fault(got, argv, error, error_size);
			return false;
		}
		/* A list on the command line replaces the file's list. */
		if (got == OPTION_LISTEN && !listens) {
			listens = true;
			command->top.listen_count = 0;
			command->port = ports ? command->port : 0;
		}
		if (got == OPTION_PORT && !ports) {
			ports = true;
			command->top.listen_count = listens ? command->top.listen_count : 0;
		}
		if (got == OPTION_INDEX && !indexes) {
			indexes = true;
			command->top.site.index_count = 0;
		}
		if (got == OPTION_TYPES && !types) {
			types = true;
			command->top.type_count = 0;
		}
		if (!option_apply(command, &command->top, (enum option_id)got, optarg)) {
			const struct option_row *row = row_find(got);

			snprintf(error, error_size, "option --%s: \"%s\" is not %s", row->name, optarg, row->expected);
			return false;
		}
		if (command->verb != TUX_VERB_SERVE)
			return true; /* --help and --version take precedence over later errors */
	}
	if (command->port != 0 && tux_command_listens(command, specs) > 0) {
		snprintf(error, error_size, "port is for the default addresses; listen says its port itself, such as --listen :%u", command->port);
		return false;
	}
	if (optind < argc) {
		tux_suggestion_for_directory(argv[argc - 1], suggestion, sizeof(suggestion));
		if (argc - optind == 1 && *suggestion)
			snprintf(error, error_size, "there is no directory \"%s\"%s", argv[optind], suggestion);
		else if (argc - optind > 1)
			snprintf(error, error_size, "one directory is served, but there is \"%s\" behind \"%s\"%s", argv[optind + 1], argv[optind], suggestion);
		if (*error)
			return false;
	}
	if (optind < argc)
		command->top.directory = argv[optind];
	if (*command->top.directory == '\0') {
		snprintf(error, error_size, "the name of the directory to serve is empty");
		return false;
	}
	if (command->top.site.index_count == 0)
		command->top.site.index[command->top.site.index_count++] = "index.html";
	for (i = 0; i < command->host_count; i++)
		tux_host_inherit(&command->host[i], &command->top);
	return true;
}

static bool help_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	command->verb = TUX_VERB_HELP;
	if (argc < 2)
		return true;
	if (strcmp(argv[1], "serve") == 0) {
		command->verb = TUX_VERB_HELP_SERVE;
		return true;
	}
	snprintf(error, error_size, "there is no help on \"%s\"; there is on: serve", argv[1]);
	return false;
}

/* Parses the arguments of `tux log`: argv[0] is "log". */
static bool log_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	static const struct option table[] = { { "format", required_argument, NULL, 'f' }, { 0 } };
	int got;

	command->verb = TUX_VERB_LOG;
	opterr = 0;
	optind = 0;
	while ((got = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (got == 'f' && log_format(optarg, &command->log_format) && command->log_format != TUX_LOG_FORMAT_BINARY)
			continue;
		if (got == 'f')
			snprintf(error, error_size, "option --format: \"%s\" is not auto, combined or json", optarg);
		else if (got == ':')
			snprintf(error, error_size, "option --format needs a value: auto, combined or json");
		else
			snprintf(error, error_size, "\"log\" does not know %s: tux log [--format auto|combined|json] [FILE...]",
			         argv[optind - 1]);
		return false;
	}
	command->log_files = argv + optind;
	return true;
}

/* Parses the arguments of `tux status`: argv[0] is "status". */
static bool status_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	static const struct option table[] = { { "json", no_argument, NULL, 'j' }, { "prometheus", no_argument, NULL, 'p' },
	                                       { "control", required_argument, NULL, 'c' }, { 0 } };
	int got;

	command->verb = TUX_VERB_STATUS;
	command->status_form = TUX_REPORT_TEXT;
	opterr = 0;
	optind = 0;
	while ((got = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (got == 'j') {
			command->status_form = TUX_REPORT_JSON;
		} else if (got == 'p') {
			command->status_form = TUX_REPORT_PROMETHEUS;
		} else if (got == 'c') {
			command->control = optarg;
		} else {
			snprintf(error, error_size, "\"status\" does not know %s: tux status [--json|--prometheus] [--control DIR] [PROCESS]",
			         argv[optind - 1]);
			return false;
		}
	}
	if (argc - optind > 1 || (optind < argc && !count32(argv[optind], 1, UINT32_MAX, &command->status_pid))) {
		snprintf(error, error_size, "\"status\" takes the number of one process, but there is \"%s\"", argv[argc - 1]);
		return false;
	}
	return true;
}

/* True for the short form: options, or the name of a directory, instead of a command. */
static bool is_quick(const char *first)
{
	struct stat st;

	return *first == '-' || (stat(first, &st) == 0 && S_ISDIR(st.st_mode));
}

/* Parses `tux [DIR] [OPTION]...`, which is `tux serve` with --browse. */
static bool quick_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	command->top.site.browse = true;
	return serve_parse(argc, argv, command, error, error_size);
}

bool tux_command_parse(int argc, char **argv, struct tux_command *command, char *error, size_t error_size)
{
	const char *first = argc > 1 ? argv[1] : NULL;
	char suggestion[64];
	size_t i;

	error[0] = '\0';
	if (!first)
		return quick_parse(argc, argv, command, error, error_size);
	if (strcmp(first, "serve") == 0)
		return serve_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "check") == 0) {
		command->verb = TUX_VERB_CHECK;
		command->config = argc > 2 ? argv[2] : NULL;
		if (argc != 3)
			snprintf(error, error_size, "\"check\" takes one file: tux check FILE");
		return argc == 3;
	}
	if (strcmp(first, "status") == 0)
		return status_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "log") == 0)
		return log_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "help") == 0)
		return help_parse(argc - 1, argv + 1, command, error, error_size);
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
		command->verb = TUX_VERB_HELP;
		return true;
	}
	if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
		command->verb = TUX_VERB_VERSION;
		return true;
	}
	if (is_quick(first))
		return quick_parse(argc, argv, command, error, error_size);
	if (*tux_suggestion_for_command(first)) {
		snprintf(error, error_size, "unknown command \"%s\"%s", first, tux_suggestion_for_command(first));
		return false;
	}
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (tux_suggestion_distance(first, verbs[i]) <= TUX_NEAR_MISS) {
			snprintf(error, error_size, "unknown command \"%s\"; did you mean \"%s\"?", first, verbs[i]);
			return false;
		}
	}
	tux_suggestion_for_directory(first, suggestion, sizeof(suggestion));
	if (*suggestion)
		snprintf(error, error_size, "there is no directory \"%s\"%s", first, suggestion);
	else
		snprintf(error, error_size, "\"%s\" is neither a command nor a directory; to serve one: tux serve DIR", first);
	return false;
}

void tux_command_usage(FILE *out)
{
	fputs("usage: tux [DIR] [OPTION]...         look at DIR (the current directory): tux serve DIR --browse\n"
	      "       tux serve [DIR] [OPTION]...   serve the files in DIR (the current directory) over HTTP\n"
	      "       tux check FILE                what is wrong with a configuration file\n"
	      "       tux status [OPTION] [PROCESS] what the servers on this machine do; --json, --prometheus\n"
	      "       tux log [--format F] [FILE]   text of binary logs, or of the standard input\n"
	      "       tux help [serve]              what there is, and every option\n"
	      "       tux --version\n", out);
}

void tux_command_help(FILE *out)
{
	fputs("TUX serves static files over HTTP, fast.\n\n", out);
	tux_command_usage(out);
	fputs("\nTo begin with:\n"
	      "  tux                           look at the current directory on http://localhost:8080/\n"
	      "  tux serve /srv/www --listen :80\n\n"
	      "SIGTERM and Ctrl-C finish the answers under way and stop, twice stops at once; SIGHUP opens the log\n"
	      "and the document root anew and reads the file of --config again.\n"
	      "All options: tux help serve. The manual: man tux.\n", out);
}

/* Prints one option and its help, with further lines of the help below the first. */
static void help_row(FILE *out, const struct option_row *row)
{
	enum { COLUMN = 28 };
	const char *help = row->help;
	int width = fprintf(out, "  --%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");

	if (width >= COLUMN)
		fprintf(out, "\n%*s", COLUMN, "");
	else
		fprintf(out, "%*s", COLUMN - width, "");
	while (*help) {
		size_t len = strcspn(help, "\n");

		fprintf(out, "%.*s\n", (int)len, help);
		help += len;
		if (*help == '\n') {
			help++;
			fprintf(out, "%*s", COLUMN, "");
		}
	}
}

void tux_command_help_serve(FILE *out)
{
	size_t i;

	fputs("usage: tux serve [DIR] [OPTION]...\n\n"
	      "Serves the files in DIR, the current directory if it is not given, over HTTP/1.1.\n"
	      "What stands in brackets is used when the option is not given.\n", out);
	for (i = 0; i < ROWS; i++) {
		if (rows[i].name)
			help_row(out, &rows[i]);
		else
			fprintf(out, "\n%s\n", rows[i].help);
	}
}
