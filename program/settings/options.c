/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../../engine/io/listener.h"
#include "../suggestion.h"
#include "automatic.h"
#include "units.h"

#define KB (UINT64_C(1) << 10)
#define MB (UINT64_C(1) << 20)
#define GB (UINT64_C(1) << 30)
#define DAY_MS (24u * 60 * 60 * 1000)

/* Where a row may be set. */
#define COMMAND_ONLY .scope = TUX_SCOPE_COMMAND
#define SERVER .scope = TUX_SCOPE_COMMAND | TUX_SCOPE_TOP
#define HOSTS .scope = TUX_SCOPE_COMMAND | TUX_SCOPE_TOP | TUX_SCOPE_HOST
#define FILE_HOSTS .scope = TUX_SCOPE_TOP | TUX_SCOPE_HOST
#define FILE_TOP .scope = TUX_SCOPE_TOP
#define FILE_HOST .scope = TUX_SCOPE_HOST
#define ROUTE .scope = TUX_SCOPE_ROUTE
#define HEADER .scope = TUX_SCOPE_HEADER
#define UPSTREAM .scope = TUX_SCOPE_UPSTREAM
#define CGI .scope = TUX_SCOPE_CGI
#define MODULE .scope = TUX_SCOPE_MODULE
#define TLS .scope = TUX_SCOPE_TLS
#define TLS_CLIENT .scope = TUX_SCOPE_TLS_CLIENT

/* Which values a row takes. */
#define SWITCH .type = TUX_TYPE_SWITCH
#define COUNT(least, most) .type = TUX_TYPE_COUNT, .min = (least), .max = (most)
#define SIZE(least, most, words) .type = TUX_TYPE_SIZE, .min = (least), .max = (most), .expected = (words)
#define SECONDS(least_ms) .type = TUX_TYPE_SECONDS, .min = (least_ms), .max = DAY_MS
#define MODE(words) .type = TUX_TYPE_MODE, .expected = (words)
#define CHOICE .type = TUX_TYPE_CHOICE
#define TEXT(words) .type = TUX_TYPE_TEXT, .expected = (words)
#define SPECIAL(function, words) .type = TUX_TYPE_SPECIAL, .read = (function), .expected = (words)
#define BLOCK(words) .type = TUX_TYPE_BLOCK, .expected = (words)

/* Where its value is: a member, or a list followed by its count. */
#define MEMBER(type, member) .at = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define SETTING(member) MEMBER(struct tux_settings, member)
#define OF_HOST(member) MEMBER(struct tux_host_settings, member)
#define OF_ROUTE(member) MEMBER(struct tux_route_fields, member)
#define OF_UPSTREAM(member) MEMBER(struct tux_upstream, member)
#define OF_CGI(member) MEMBER(struct tux_cgi, member)
#define OF_MODULE(member) MEMBER(struct tux_module_config, member)
#define OF_TLS(member) MEMBER(struct tux_certificate_files, member)
#define OF_TLS_CLIENT(member) MEMBER(struct tux_client_demand, member)
#define LIST_OF_HOST(member, count) .list = true, .at = offsetof(struct tux_host_settings, member), \
	.size = offsetof(struct tux_host_settings, count) + sizeof(unsigned) - offsetof(struct tux_host_settings, member)

#define HEADING(text) { .help = text }

static bool listen_add(void *object, const char *value)
{
	struct tux_host_settings *const host = object;

	if (!tux_listener_has_tls(value))
		value = tux_listener_address(value); /* with http:// or without, it is the same address */
	return tux_listener_spec_good(value) && tux_host_listen_add(host, value);
}

static bool hsts_set(void *object, const char *value)
{
	const size_t digits = strncmp(value, "max-age=", 8) == 0 ? strspn(value + 8, "0123456789") : 0;

	((struct tux_host_settings *)object)->hsts = value;
	return digits > 0 && (value[8 + digits] == '\0' || value[8 + digits] == ';') && tux_field_value_good(value) && strlen(value) <= TUX_MAX_HSTS;
}

static bool https_redirect_set(void *object, const char *value)
{
	uint64_t port = strcmp(value, "on") == 0 ? TUX_HTTPS_PORT_OWN : 0;
	const bool good = port != 0 || strcmp(value, "off") == 0 || tux_value_count(value, 1, UINT16_MAX, &port);

	((struct tux_host_settings *)object)->https_port = (uint32_t)port;
	return good;
}

static bool certificate_add(void *object, const char *value)
{
	struct tux_settings *const settings = object;

	return *value != '\0' && tux_certificates_add(&settings->top.tls, (struct tux_certificate_files){ .certificate = value });
}

static bool automatic_add(void *object, const char *value)
{
	return tux_automatic_add(object, value);
}

/* True if a text has visible ASCII only, no space. */
static bool is_visible(const char *text)
{
	while (*text > ' ' && *text < 0x7f)
		text++;
	return *text == '\0';
}

/* Takes a directory of ACME: a URL in visible ASCII, or the name of one of Let's Encrypt. */
static bool directory_set(const char **directory, const char *value)
{
	*directory = value;
	if (strcmp(value, "production") == 0 || strcmp(value, "staging") == 0)
		return true;
	return strncmp(value, "https://", 8) == 0 && value[8] != '\0' && strlen(value) <= TUX_MAX_DIRECTORY && is_visible(value);
}

static bool acme_directory_set(void *object, const char *value)
{
	return directory_set(&((struct tux_settings *)object)->acme.directory, value);
}

static bool tls_directory_set(void *object, const char *value)
{
	return directory_set(&((struct tux_certificate_files *)object)->directory, value);
}

/* Takes the address of a contact: text before and after one '@'. An option of uacme, or a second address, is refused. */
static bool email_set(const char **email, const char *value)
{
	const char *const at = strchr(value, '@');

	*email = value;
	return *value != '-' && at && at != value && at[1] != '\0' && !strchr(at + 1, '@') && strlen(value) <= TUX_MAX_EMAIL && is_visible(value) &&
	       !strpbrk(value, ",?&%<>\"\\");
}

static bool acme_email_set(void *object, const char *value)
{
	return email_set(&((struct tux_settings *)object)->acme.email, value);
}

static bool tls_email_set(void *object, const char *value)
{
	return email_set(&((struct tux_certificate_files *)object)->email, value);
}

static bool key_set(void *object, const char *value)
{
	struct tux_settings *const settings = object;

	return *value != '\0' && tux_certificates_key(&settings->top.tls, value);
}

static bool index_add(void *object, const char *value)
{
	return tux_host_index_add(object, value);
}

static bool any_mode_set(void *object, const char *value)
{
	((struct tux_host_settings *)object)->values.modes.allowed = value ? S_IROTH : 0;
	return true;
}

static bool types_add(void *object, const char *value)
{
	return tux_host_type_add(object, value);
}

static bool log_set(void *object, const char *value)
{
	((struct tux_host_settings *)object)->log = strcmp(value, "off") == 0 ? NULL : value;
	return *value != '\0' && strncmp(value, "syslog:", 7) != 0; /* supported by nginx; here it would be a file name */
}

static bool cache_control_set(void *object, const char *value)
{
	((struct tux_host_settings *)object)->cache_control = value;
	return tux_field_value_good(value);
}

static bool route_cache_control_set(void *object, const char *value)
{
	((struct tux_route_fields *)object)->cache_control = value;
	return tux_field_value_good(value);
}

/* Reads PORT[,/PREFIX]... */
static bool handover_set(void *object, const char *value)
{
	struct tux_settings *const settings = object;
	const size_t port_len = strcspn(value, ",");
	const char *at = value[port_len] == ',' ? value + port_len + 1 : NULL;
	uint64_t port = 0;
	char text[8], pattern[256], error[256];

	if (port_len >= sizeof(text))
		return false;
	memcpy(text, value, port_len);
	text[port_len] = '\0';
	if (!tux_value_count(text, 1, UINT16_MAX, &port))
		return false;
	settings->handover_port = (uint16_t)port;
	while (at) {
		const size_t len = strcspn(at, ",");

		if (*at != '/' || len >= sizeof(pattern))
			return false;
		memcpy(pattern, at, len);
		pattern[len] = '\0';
		if (!tux_host_routes(&settings->top) ||
		    !tux_routes_add(settings->top.routes, pattern, TUX_HANDLER_HANDOVER, 0, error, sizeof(error)))
			return false;
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	return true;
}

const struct tux_option tux_options[] = {
	HEADING("Addresses"),
	{ "config", "FILE", "0.1", "a file with options; those given here override it",
	  COMMAND_ONLY, BLOCK("the name of a file") },
	{ "listen", "ADDR:PORT", "0.1",
	  "address to listen on: 0.0.0.0:80, [::1]:8080, NAME:PORT, :PORT (all addresses), unix:PATH; https://ADDR:PORT speaks TLS",
	  "A host with `listen` is on those addresses only. With --tls or --certificate all addresses of the command line speak TLS, if none begins "
	  "with http:// or https://, and --tls adds port 80 beside port 443, 8080 beside 8443, which redirects. Under socket activation the passed "
	  "sockets are the default.",
	  HOSTS, SPECIAL(listen_add, "ADDR:PORT, :PORT or unix:PATH, with https:// before it for TLS, at most 64 of them"),
	  LIST_OF_HOST(listen, listen_count),
	  .names = TUX_NAMES_SOCKET, .without = "127.0.0.1:8080 and [::1]:8080; with certificates https:// at port 8443 of both" },
	{ "port", "N", "0.1", "port of the default addresses",
	  SERVER, COUNT(1, UINT16_MAX), SETTING(port), .letter = 'p', .expected = "a port from 1 to 65535",
	  .without = "8080; with certificates 8443" },

	HEADING("TLS"),
	{ "tls", "NAME", "0.1", "name of the server, for which TUX gets a certificate; serves https, and redirects http to it",
	  "Names such as `localhost`, `*.internal` and private addresses get a certificate of TUX's own authority (`tux trust`). Others get one of "
	  "`acme-directory`, by uacme. The default addresses are ports 443 and 80 of all addresses, or 8443 and 8080 if the user may not listen on "
	  "the former; for `localhost` those of the loopback interface. There https-redirect is on.",
	  COMMAND_ONLY, SPECIAL(automatic_add, "a name such as example.org, localhost or files.internal, or a private address"), .list = true,
	  .at = offsetof(struct tux_settings, top.name),
	  .size = offsetof(struct tux_host_settings, name_count) + sizeof(unsigned) - offsetof(struct tux_host_settings, name),
	  .without = "no TLS" },
	{ "acme-email", "EMAIL", "0.1", "contact of the account for automatic certificates of public names",
	  SERVER, SPECIAL(acme_email_set, "an address such as me@example.org"), SETTING(acme.email), .without = "no contact" },
	{ "acme-directory", "URL", "0.1", "directory of the authority for automatic certificates of public names (ACME)",
	  "`production` and `staging` are those of Let's Encrypt. To use one is to agree to its terms.",
	  SERVER, SPECIAL(acme_directory_set, "production, staging, or a URL that begins with https://"), SETTING(acme.directory),
	  .fallback = "production" },
	{ "acme-binding", "FILE", "0.1", "file with KEYID:KEY, which binds the account to one of a customer (external account binding)",
	  "The authority gives both; KEY is in base64url. Only root, or the user that starts TUX, should be able to read the file. uacme gets "
	  "KEY on its command line, where every local user can read it while uacme runs, unless /proc is mounted with hidepid.",
	  SERVER, TEXT("the name of a file"), SETTING(acme.binding), .names = TUX_NAMES_FILE, .without = "no binding" },
	{ "acme-challenge", "auto|http-01|tls-alpn-01", "0.1", "how authorities verify public names: at port 80, or at port 443 within the handshake",
	  "`auto` is http-01 if TUX listens at port 80, else tls-alpn-01 if at port 443; without both, http-01 if an address is http://.",
	  SERVER, CHOICE, SETTING(acme.challenge), .fallback = "auto" },
	{ "acme-retry", "SECONDS", "0.1", "delay after an authority gave no certificate; doubled after each further failure, up to a day",
	  SERVER, SECONDS(1000), SETTING(acme_retry_ms), .fallback = "300" },
	{ "state-directory", "DIR", "0.1", "where automatic certificates and their keys are kept",
	  SERVER, TEXT("the name of a directory"), SETTING(state_directory),
	  .without = "that of the service manager; else /var/lib/tux for root, tux in $XDG_STATE_HOME or ~/.local/state for others" },
	{ "certificate", "FILE", "0.1", "certificate in PEM, followed by those of its issuers; once for each kind of key",
	  COMMAND_ONLY, SPECIAL(certificate_add, "the name of a file, at most 8 of them"), .list = true,
	  .at = offsetof(struct tux_settings, top.tls), .size = offsetof(struct tux_certificates, count) + sizeof(unsigned),
	  .without = "no TLS" },
	{ "key", "FILE", "0.1", "key of the certificate before it, in PEM without a passphrase",
	  COMMAND_ONLY, SPECIAL(key_set, "the name of a file, after the --certificate that it belongs to"), SETTING(top.tls),
	  .without = "in the file of the certificate" },
	{ "tls-profile", "intermediate|modern", "0.1", "Mozilla's intermediate: TLS 1.2 and 1.3; or modern: TLS 1.3 alone",
	  "Both have ciphers with authenticated encryption and forward secrecy only.",
	  SERVER, CHOICE, SETTING(tls_profile), .fallback = "intermediate" },
	{ "tls-kernel", "auto|on|off", "0.1", "the kernel encrypts what is sent (kTLS), so that files go out by sendfile",
	  "It needs the kernel's module tls, which a start as root loads. `auto` encrypts in the program where the kernel cannot; `on` refuses to start.",
	  SERVER, CHOICE, SETTING(tls_kernel), .fallback = "auto" },
	{ "key-process", "auto|on|off", "0.1", "the keys of certificates are in a process of their own, which signs for the server",
	  "A server that was broken into can then use a key, but not read it. `auto` does so if root starts TUX (others could read the file of a key, too), "
	  "and leaves keys that the process cannot have with the server.",
	  SERVER, CHOICE, SETTING(key_process), .fallback = "auto" },
	{ "https-redirect", "on|off|PORT", "0.1", "redirect plain requests to https:// by 308, with their own host",
	  "`on` is the port of the host's first https:// address. A status route and files beneath /.well-known/acme-challenge/ are served "
	  "without TLS, too.",
	  HOSTS, SPECIAL(https_redirect_set, "on, off, or a port from 1 to 65535"), OF_HOST(https_port), .without = "off" },
	{ "hsts", "max-age=SECONDS...", "0.1", "Strict-Transport-Security of responses over TLS: browsers use https:// only",
	  "RFC 6797. Such as `max-age=31536000; includeSubDomains`. It cannot be taken back before SECONDS have passed.",
	  HOSTS, SPECIAL(hsts_set, "max-age=SECONDS, with further directives after ';', at most 255 bytes"), OF_HOST(hsts), .without = "no field" },

	HEADING("Files"),
	{ "root", "DIR", "0.1", "the directory to serve, like the argument DIR",
	  "In a host, `/srv/hosts/%h` makes each directory in /srv/hosts a host of that name; `%2.%1` is the last two labels of a name, "
	  "and `%%` a percent sign.",
	  HOSTS, TEXT("the name of a directory"), OF_HOST(directory), .names = TUX_NAMES_DIRECTORY, .fallback = ".",
	  .without = "the current directory" },
	{ "browse", NULL, "0.1", "list directories that have no index",
	  HOSTS, SWITCH, OF_HOST(values.browse) },
	{ "index", "NAME", "0.1", "index of a directory; the first one that exists",
	  HOSTS, SPECIAL(index_add, "a file name without '/', at most 8 of them"), LIST_OF_HOST(values.index, values.index_count),
	  .without = "index.html" },
	{ "spa", NULL, "0.1", "respond to missing pages with the root's index",
	  HOSTS, SWITCH, OF_HOST(values.spa) },
	{ "dotfiles", NULL, "0.1", "serve names that start with a dot, too",
	  "Without it only `/.well-known/` of the root is served, for RFC 8615.",
	  HOSTS, SWITCH, OF_HOST(values.dot_files) },
	{ "any-mode", NULL, "0.1", "serve files that are not world-readable, too",
	  HOSTS, SPECIAL(any_mode_set, "on or off"), OF_HOST(values.modes.allowed) },
	{ "mode-allowed", "BITS", "0.1", "serve files and directories that have one of these mode bits",
	  "Others are 403. Octal; 0 is like `any-mode`.",
	  HOSTS, MODE("mode bits in octal from 0 to 7777, such as 0004"), OF_HOST(values.modes.allowed), .fallback = "0004" },
	{ "mode-forbidden", "BITS", "0.1", "serve no file that has one of these mode bits",
	  "With 1111 every executable or sticky file is 403.",
	  HOSTS, MODE("mode bits in octal from 0 to 7777, such as 1111"), OF_HOST(values.modes.forbidden), .without = "0" },
	{ "types", "TYPE=EXT[,EXT]...", "0.1", "files that are not sent, by extension: TUX/CGI=cgi,pl are programs, "
	  "TUX/module=tux name modules, TUX/redirect=php are for the server at the handover port",
	  "Owner and group of programs and modules must be root; others are 403.",
	  HOSTS,
	  SPECIAL(types_add, "TUX/CGI, TUX/module or TUX/redirect, and extensions that were not said before, such as TUX/CGI=cgi,pl"),
	  LIST_OF_HOST(type, type_count), .without = "no extension" },
	{ "mode-cgi", "BITS", "0.1", "a file that has one of these mode bits is a CGI program",
	  HOSTS, MODE("mode bits in octal from 0 to 7777, such as 0100"), OF_HOST(values.mode_cgi), .without = "0" },
	{ "mode-module", "BITS", "0.1", "a file that has one of these mode bits names a module",
	  HOSTS, MODE("mode bits in octal from 0 to 7777, such as 4000"), OF_HOST(values.mode_module), .without = "0" },
	{ "cache-control", "TEXT", "0.1", "Cache-Control of responses below 400",
	  HOSTS, SPECIAL(cache_control_set, "the value of a field, such as \"max-age=3600\""), OF_HOST(cache_control),
	  .without = "no field" },
	{ "etag", "file|content", "0.1", "make entity tags of a file's inode and times, or of its bytes",
	  "Replicas of a site need `content`: the same bytes have the same tag on every machine. TUX then reads each version of a file "
	  "of up to 1 GiB once. A longer file has a weak tag.",
	  HOSTS, CHOICE, OF_HOST(values.content_tags), .fallback = "file" },

	HEADING("Log and privileges"),
	{ "log", "FILE|-|off", "0.1", "access log; - is the standard output",
	  HOSTS, SPECIAL(log_set, "a file name, - or off"), OF_HOST(log), .names = TUX_NAMES_FILE, .fallback = "-" },
	{ "log-format", "auto|combined|json|binary", "0.1", "format of the access log; tux log makes text of binary",
	  "`auto` is lines for people on a terminal, else `combined`, the Combined Log Format. `json` is an object on each line.",
	  SERVER, CHOICE, SETTING(log_format), .fallback = "auto" },
	{ "log-rotate", "BYTES", "0.1", "start a new log before it grows beyond this; the old ones are FILE.1, FILE.2 and so on",
	  "The user of the server must be allowed to rename files in its directory.",
	  SERVER, SIZE(4 * KB, UINT64_C(1) << 50, "0, or bytes from 4K on, such as 100M"), SETTING(log_rotate), .or_zero = true,
	  .fallback = "0", .without = "0: never" },
	{ "log-keep", "N", "0.1", "number of old logs to keep",
	  SERVER, COUNT(1, 1000), SETTING(log_keep), .fallback = "5" },
	{ "control", "DIR|off", "0.1", "directory of the socket for tux status",
	  "Only root and the user of the server get a response.",
	  SERVER, TEXT("the name of a directory, or off"), SETTING(control), .names = TUX_NAMES_FILE,
	  .without = "RUNTIME_DIRECTORY, or /run/tux for root, or tux in XDG_RUNTIME_DIR" },
	{ "user", "NAME[:GROUP]", "0.1", "user to run as when started as root; names or numbers",
	  "If root may not change its user, TUX stays root without capabilities, unless `user` is set.",
	  SERVER, TEXT("the name or number of a user, with :GROUP if another is wanted"), SETTING(user), .names = TUX_NAMES_USER,
	  .without = "www-data, else nobody, else 65534" },
	{ "no-sandbox", NULL, "0.1", "run without Landlock and seccomp",
	  SERVER, SWITCH, SETTING(no_sandbox) },

	HEADING("Engine"),
	{ "threads", "N", "0.1", "number of threads",
	  SERVER, COUNT(1, TUX_MAX_THREADS), SETTING(threads), .without = "one for each CPU" },
	{ "engine", "auto|kernel|user|uring|epoll", "0.1", "tux.ko, or the program alone over io_uring or epoll",
	  "`kernel` is tux.ko, which responds to requests for cached files in the kernel and leaves all others to the program. `user` "
	  "is the program alone, over `uring` (io_uring) or `epoll`. `auto` takes tux.ko if it is loaded and /dev/tux may be opened "
	  "(CAP_NET_ADMIN).",
	  SERVER, CHOICE, SETTING(engine), .fallback = "auto" },
	{ "defer-accept", NULL, "0.1", "accept a connection when its first data arrives",
	  "It saves work for connections of one request. Until then, at most a second or two, such a connection has no time limit, is "
	  "neither counted nor on the status page, and is reset if the server stops. Browsers open some that they do not use.",
	  SERVER, SWITCH, SETTING(defer_accept) },
	{ "handover", "PORT[,/PREFIX]...", "0.1", "with tux.ko: the server of this machine on PORT gets the connections of "
	  "requests for missing files, with other methods or bodies, or beneath PREFIX",
	  "It sees the client's address and the whole request. Without such a server, or if its backlog is full, the response is 503. "
	  "Without tux.ko TUX forwards the same requests to 127.0.0.1 and that port.",
	  SERVER, SPECIAL(handover_set, "a port from 1 to 65535, and paths that begin with '/', such as 8080,/app/"),
	  SETTING(handover_port), .without = "no server" },
	{ "large-body", "auto|copy|sendfile|zerocopy", "0.1", "how to send bodies that are not kept in memory",
	  "`auto` is sendfile. With `copy` and `zerocopy` bodies of upstream servers and programs are copied as well, else moved by "
	  "splice.",
	  SERVER, CHOICE, SETTING(large_body), .fallback = "auto" },
	{ "cache-entries", "N", "0.1", "number of files that a thread keeps ready",
	  "A file takes about half a kilobyte besides its bytes. The memory is that of the machine, or the limit of the control group, if "
	  "that is less.",
	  SERVER, COUNT(16, 1048576), SETTING(cache_entries),
	  .without = "one for each 64 KB of memory, divided among the threads; at least 4096" },
	{ "cache-bytes", "BYTES", "0.1", "memory for small files, of all threads",
	  SERVER, SIZE(0, UINT64_C(1) << 50, "bytes such as 0, 64M or 2G"), SETTING(cache_bytes),
	  .without = "a sixteenth of the memory, from 16M to 4G" },
	{ "memory-object", "BYTES", "0.1", "larger files are not kept in memory",
	  SERVER, SIZE(0, GB, "bytes from 0 to 1G, such as 256K"), SETTING(memory_object_bytes), .fallback = "64K" },
	{ "recheck", "SECONDS", "0.1",
	  "interval between checks of files for which inotify reports no changes, as on network file systems",
	  SERVER, SECONDS(0), SETTING(recheck_ms), .fallback = "1" },

	HEADING("Limits"),
	{ "max-connections", "N", "0.1", "connections at a time, of both engines; more wait",
	  SERVER, COUNT(1, 4194304), SETTING(max_connections), .fallback = "16384" },
	{ "handshakes-per-client", "N", "0.1", "handshakes of TLS that a client may have under way at a time; more are closed; 0: no limit",
	  "A client is an address, of IPv6 a network of 64 bits. All handshakes together have half of `max-connections`.",
	  SERVER, COUNT(0, 1048576), SETTING(handshakes_per_client), .fallback = "256" },
	{ "max-programs", "N", "0.1", "CGI programs at a time, of all kinds; more wait",
	  SERVER, COUNT(1, TUX_MAX_PROGRAMS), SETTING(max_programs), .fallback = "256" },
	{ "max-body", "BYTES", "0.1", "length of a request body; more is 413",
	  HOSTS, SIZE(0, UINT64_C(1) << 60, "bytes such as 0, 64K or 1M"), OF_HOST(values.max_body_bytes), .fallback = "1M" },
	{ "body-memory", "BYTES", "0.1",
	  "memory for a request body that is kept until it is complete; the rest goes to a file without a name",
	  "`request-buffering` of an upstream and `chunked-bodies` of a cgi keep bodies.",
	  SERVER, SIZE(0, GB, "bytes from 0 to 1G, such as 256K"), SETTING(body_memory_bytes), .fallback = "64K" },
	{ "body-directory", "DIR", "0.1", "directory of those files",
	  SERVER, TEXT("the name of a directory"), SETTING(body_directory), .names = TUX_NAMES_DIRECTORY,
	  .without = "tux-UID in /var/tmp or /tmp, else memory" },
	{ "head-timeout", "SECONDS", "0.1", "time for a request head; then 408",
	  SERVER, SECONDS(100), SETTING(head_timeout_ms), .fallback = "20" },
	{ "body-timeout", "SECONDS", "0.1", "time without a byte of a request body; then 408",
	  SERVER, SECONDS(100), SETTING(body_timeout_ms), .fallback = "30" },
	{ "send-timeout", "SECONDS", "0.1", "time without progress in sending",
	  "So long may one read of a file last, too. Then the connection is closed. A file that takes as long to open gets 503.",
	  SERVER, SECONDS(100), SETTING(send_timeout_ms), .fallback = "30" },
	{ "idle-timeout", "SECONDS", "0.1", "time between two requests",
	  SERVER, SECONDS(100), SETTING(idle_timeout_ms), .fallback = "75" },
	{ "tunnel-timeout", "SECONDS", "0.1", "time without a byte in either direction after an Upgrade, as of a WebSocket",
	  "Then both connections are closed.",
	  SERVER, SECONDS(100), SETTING(tunnel_timeout_ms), .fallback = "3600" },
	{ "drain-delay", "SECONDS", "0.1",
	  "when stopping, accept for this long, with Connection: close and the status \"not ready\"",
	  SERVER, SECONDS(0), SETTING(drain_delay_ms), .without = "5 under a service manager or as process 1, else 0" },
	{ "drain-timeout", "SECONDS", "0.1", "time for responses under way when stopping",
	  SERVER, SECONDS(0), SETTING(drain_timeout_ms), .fallback = "10" },

	HEADING("Other"),
	{ "help", NULL, "0.1", "this text",
	  COMMAND_ONLY, BLOCK(""), .letter = 'h' },
	{ "version", NULL, "0.1", "the version",
	  COMMAND_ONLY, BLOCK(""), .letter = 'V' },

	HEADING("Hosts and routes, in the file only"),
	{ "host", "NAME { }", "0.1", "a host: its options override those of the top",
	  FILE_TOP, BLOCK("a name such as example.org or *.example.org, and { }"), .list = true },
	{ "name", "NAME", "0.1", "another name of the host; `*.example.org` stands for all names that end so",
	  FILE_HOST, BLOCK("a name such as example.org or *.example.org"), .list = true },
	{ "default", "on|off", "0.1", "the host gets requests for all other names at its addresses, too",
	  FILE_HOST, BLOCK("on or off"), .without = "off; if no host has it, the first one does" },
	{ "error", "{ STATUS PATH }", "0.1", "pages beneath the root for error responses",
	  FILE_HOSTS, BLOCK("statuses from 400 to 599, and paths of files"), .without = "404 \"/404.html\"" },
	{ "header", "{ }", "0.1", "changes to the fields of every response; rules of the top, the host and the route all apply",
	  FILE_HOSTS, BLOCK("add, set and remove") },
	{ "tls", "{ }", "0.1", "a certificate for TLS and its key; once for each kind of key",
	  "A host with `tls` has no certificates of the top.",
	  FILE_HOSTS, BLOCK("certificate and key"), .list = true, .without = "those of the top" },
	{ "tls-client", "{ }", "0.1", "certificates that clients have to present",
	  FILE_HOSTS, BLOCK("ca, and verify"), .without = "that of the top; else clients need none" },
	{ "types", "{ TYPE = [EXT] }", "0.1", "media types by file name extension; the route's setting wins, then the host's",
	  FILE_HOSTS, BLOCK("media types and extensions"), .without = "Debian's table, with additions for the web" },
	{ "default-type", "TYPE", "0.1", "media type of files whose names say nothing",
	  FILE_HOSTS, BLOCK("a media type of at most 127 bytes"), .without = "application/octet-stream" },
	{ "route", "PATTERN { }", "0.1", "handler of a path: /PREFIX, /PREFIX*SUFFIX or =/PATH; the longest prefix wins",
	  "A host with a route has no routes of the top.",
	  FILE_HOSTS, BLOCK("a pattern, and { } with one handler"), .list = true },
	{ "cgi", "NAME { }", "0.1", "a kind of CGI programs",
	  FILE_TOP, BLOCK("a name, and { }"), .list = true },
	{ "module", "NAME { }", "0.1", "a module: a shared object whose handlers respond to requests",
	  FILE_TOP, BLOCK("a name, and { }"), .list = true },
	{ "upstream", "NAME { }", "0.1", "servers that requests are forwarded to",
	  FILE_TOP, BLOCK("a name, and { }"), .list = true },

	HEADING("In a route"),
	{ "static", "on", "0.1", "handler: files",
	  ROUTE, BLOCK("on") },
	{ "hidden", "on", "0.1", "handler: files for X-Accel-Redirect and X-Sendfile of backends; clients get 404",
	  ROUTE, BLOCK("on") },
	{ "redirect", "TO", "0.1", "handler: redirect to a path or URL; * at its end is the rest of the path, and the query",
	  ROUTE, BLOCK("a path or a URL") },
	{ "handover", "PORT", "0.1",
	  "handler: the server at this port of the machine gets the connection; without the kernel engine, the request",
	  ROUTE, BLOCK("a port from 1 to 65535, the same in all routes") },
	{ "upstream", "NAME", "0.1", "handler: the request is forwarded to an upstream, or to an address",
	  ROUTE, BLOCK("the name of an upstream, or ADDR:PORT, https://ADDR:PORT or unix:PATH") },
	{ "cgi", "NAME", "0.1", "handler: a CGI program",
	  ROUTE, BLOCK("the name of a cgi") },
	{ "module", "NAME", "0.1", "handler: a module; 503 if no block has its file",
	  ROUTE, BLOCK("the name of a module") },
	{ "status", "on|CODE", "0.1", "on: handler: the status of the server; a number: status of a redirect",
	  ROUTE, BLOCK("on, or 301, 302, 303, 307 or 308"), .without = "301 for a redirect" },
	{ "allow", "NETWORK", "0.1", "networks that may see the status, besides this machine",
	  ROUTE, BLOCK("networks such as \"192.0.2.0/24\", at most 64 of them"), .list = true },
	{ "header", "{ }", "0.1", "changes to the fields of its responses, after those of the host",
	  ROUTE, BLOCK("add, set and remove") },
	{ "cache-control", "TEXT", "0.1", "Cache-Control of its responses below 400",
	  ROUTE, SPECIAL(route_cache_control_set, "the value of a field, such as \"max-age=3600\""), OF_ROUTE(cache_control),
	  .without = "that of the host" },
	{ "max-body", "BYTES", "0.1", "length of a request body; more is 413",
	  ROUTE, SIZE(0, UINT64_C(1) << 60, "bytes such as 0, 64K or 1M"), OF_ROUTE(max_body_bytes),
	  .without = "that of the host" },
	{ "type", "TYPE", "0.1", "media type of every file of the route",
	  ROUTE, BLOCK("a media type of at most 127 bytes"), .without = "by the file's name" },
	{ "types", "{ TYPE = [EXT] }", "0.1", "media types by file name extension",
	  ROUTE, BLOCK("media types and extensions"), .without = "those of the host" },
	{ "default-type", "TYPE", "0.1", "media type of files whose names say nothing",
	  ROUTE, BLOCK("a media type of at most 127 bytes"), .without = "that of the host" },

	HEADING("In header"),
	{ "add", "\"NAME: VALUE\"", "0.1", "add a field",
	  HEADER, BLOCK("\"Name: value\" in visible ASCII"), .list = true },
	{ "set", "\"NAME: VALUE\"", "0.1", "set a field, in place of every other one of its name",
	  HEADER, BLOCK("\"Name: value\" in visible ASCII"), .list = true },
	{ "remove", "NAME", "0.1", "remove a field",
	  HEADER, BLOCK("the name of a field"), .list = true },

	HEADING("In tls"),
	{ "automatic", "on|off", "0.1", "TUX gets the certificate, for all names of the host, and renews it",
	  TLS, SWITCH, OF_TLS(automatic) },
	{ "email", "EMAIL", "0.1", "like acme-email, for this host",
	  TLS, SPECIAL(tls_email_set, "an address such as me@example.org"), OF_TLS(email), .without = "acme-email" },
	{ "directory", "URL", "0.1", "like acme-directory, for this host",
	  TLS, SPECIAL(tls_directory_set, "production, staging, or a URL that begins with https://"), OF_TLS(directory), .without = "acme-directory" },
	{ "binding", "FILE", "0.1", "like acme-binding, for this host",
	  TLS, TEXT("the name of a file"), OF_TLS(binding), .without = "acme-binding" },
	{ "challenge", "auto|http-01|tls-alpn-01", "0.1", "like acme-challenge, for this host",
	  TLS, CHOICE, OF_TLS(challenge), .without = "acme-challenge" },
	{ "certificate", "FILE", "0.1", "certificate in PEM, followed by those of its issuers; or all with the key in PKCS#12",
	  TLS, TEXT("the name of a file"), OF_TLS(certificate) },
	{ "key", "FILE", "0.1", "its key in PEM",
	  TLS, TEXT("the name of a file"), OF_TLS(key), .without = "in the file of the certificate" },
	{ "key-password-file", "FILE", "0.1", "file whose first line is the passphrase of the key, or of the file in PKCS#12",
	  TLS, TEXT("the name of a file"), OF_TLS(password), .without = "the key has no passphrase" },
	{ "ocsp", "FILE", "0.1", "OCSP response in DER, which clients get with the certificate; read again when it changes",
	  TLS, TEXT("the name of a file"), OF_TLS(staple), .without = "clients get none" },

	HEADING("In tls-client"),
	{ "ca", "FILE", "0.1", "certificates in PEM of the authorities that sign those of clients",
	  TLS_CLIENT, TEXT("the name of a file"), OF_TLS_CLIENT(ca) },
	{ "verify", "required|optional|off", "0.1", "required: a client without a certificate gets no connection; optional: backends decide; "
	  "off: no certificate, although the top wants one",
	  TLS_CLIENT, CHOICE, OF_TLS_CLIENT(verify), .fallback = "required" },

	HEADING("In an upstream"),
	{ "server", "ADDR:PORT", "0.1", "address of a server, with https:// before it for TLS; all addresses of a name are servers",
	  UPSTREAM, BLOCK("addresses, as \"127.0.0.1:8080\", \"https://app.internal:8443\" or \"unix:/run/app.sock\""), .list = true },
	{ "verify", "on|off", "0.1", "verify the certificates of https:// servers, and that they are for their names",
	  "With `off` anyone between TUX and the server can read and change everything.",
	  UPSTREAM, CHOICE, OF_UPSTREAM(files.unverified), .fallback = "on" },
	{ "ca", "FILE", "0.1", "certificates in PEM that the certificate of an https:// server has to be signed with, or be itself",
	  UPSTREAM, TEXT("the name of a file"), OF_UPSTREAM(files.ca), .without = "the authorities of the system" },
	{ "tls-name", "NAME", "0.1", "name that https:// servers are asked for (SNI), and that their certificates have to have",
	  UPSTREAM, TEXT("a name or a numeric address of at most 255 bytes"), OF_UPSTREAM(files.name), .without = "that of `server`" },
	{ "certificate", "FILE", "0.1", "certificate in PEM that TUX presents to https:// servers, followed by those of its issuers",
	  UPSTREAM, TEXT("the name of a file"), OF_UPSTREAM(files.certificate), .without = "none" },
	{ "key", "FILE", "0.1", "its key in PEM",
	  UPSTREAM, TEXT("the name of a file"), OF_UPSTREAM(files.key), .without = "in the file of the certificate" },
	{ "key-password-file", "FILE", "0.1", "file whose first line is the passphrase of the key",
	  UPSTREAM, TEXT("the name of a file"), OF_UPSTREAM(files.password), .without = "the key has no passphrase" },
	{ "balance", "round-robin|least-connections", "0.1", "order of the servers; connections are counted for each thread",
	  UPSTREAM, CHOICE, OF_UPSTREAM(balance), .fallback = "round-robin" },
	{ "keep-alive", "N", "0.1", "unused connections that a thread keeps for each server",
	  UPSTREAM, COUNT(0, 65536), OF_UPSTREAM(keep_alive), .fallback = "32" },
	{ "max-fails", "N", "0.1", "failures within fail-timeout after which a server is left alone; 0: never",
	  UPSTREAM, COUNT(0, 65536), OF_UPSTREAM(max_fails), .fallback = "1" },
	{ "fail-timeout", "SECONDS", "0.1", "time of max-fails, and for which the server is left alone",
	  UPSTREAM, SECONDS(1), OF_UPSTREAM(fail_timeout_ms), .fallback = "10" },
	{ "connect-timeout", "SECONDS", "0.1", "time to connect, with the handshake of TLS; then the next server, or 504",
	  UPSTREAM, SECONDS(1), OF_UPSTREAM(connect_timeout_ms), .fallback = "5" },
	{ "send-timeout", "SECONDS", "0.1", "time without progress in sending a request; then 504",
	  UPSTREAM, SECONDS(1), OF_UPSTREAM(send_timeout_ms), .fallback = "60" },
	{ "read-timeout", "SECONDS", "0.1", "time without a byte of a response; then 504",
	  UPSTREAM, SECONDS(1), OF_UPSTREAM(read_timeout_ms), .fallback = "60" },
	{ "unused-timeout", "SECONDS", "0.1", "time after which an unused connection is closed",
	  UPSTREAM, SECONDS(1), OF_UPSTREAM(unused_timeout_ms), .fallback = "60" },
	{ "proxy-protocol", NULL, "0.1",
	  "send the client's address by PROXY protocol version 2; each connection then serves one client",
	  UPSTREAM, SWITCH, OF_UPSTREAM(proxy_protocol) },
	{ "trust-forwarded", NULL, "0.1", "extend X-Forwarded-For and Forwarded of the client in place of replacing them",
	  UPSTREAM, SWITCH, OF_UPSTREAM(trust_forwarded) },
	{ "request-buffering", NULL, "0.1", "a server gets a request when its body is complete",
	  UPSTREAM, SWITCH, OF_UPSTREAM(request_buffering) },
	{ "resolve", "SECONDS", "0.1", "interval between resolutions of names",
	  UPSTREAM, SECONDS(1), OF_UPSTREAM(resolve_ms), .fallback = "30" },
	{ "max-response-head", "BYTES", "0.1", "length of a response head; more is 502",
	  UPSTREAM, SIZE(KB, TUX_MAX_RECEIVED_HEAD, "bytes such as 32K, from 1K to 64K"), OF_UPSTREAM(max_response_head),
	  .fallback = "16K" },

	HEADING("In a cgi"),
	{ "root", "DIR", "0.1", "directory of scripts: the first file along the path is the script, the rest is PATH_INFO",
	  CGI, BLOCK("a path that begins with '/'") },
	{ "program", "PATH", "0.1",
	  "the program and its arguments; with root it runs the script, whose path is the last argument",
	  CGI, BLOCK("a path that begins with '/', and arguments, at most 64 of all"), .list = true },
	{ "user", "NAME[:GROUP]", "0.1", "user of the programs; another one than the server's needs a start as root",
	  CGI, TEXT("the name or number of a user, with :GROUP if another is wanted"), OF_CGI(user), .without = "the server's" },
	{ "chroot", "DIR", "0.1", "root directory of the programs, with root and program beneath it; needs a start as root",
	  CGI, BLOCK("a path that begins with '/'") },
	{ "env", "{ NAME = VALUE }", "0.1", "variables, which override those of a request",
	  CGI, BLOCK("NAME = value, at most 64 of them"), .list = true, .without = "PATH=/usr/local/bin:/usr/bin:/bin" },
	{ "pass", "NAME", "0.1", "variables of the server's environment to pass",
	  CGI, BLOCK("names of variables, at most 64 of them"), .list = true },
	{ "programs", "N", "0.1", "programs at a time",
	  CGI, COUNT(1, TUX_MAX_PROGRAMS), OF_CGI(programs), .fallback = "64" },
	{ "waiting", "N", "0.1", "requests that wait for a program to end, at most 10 s; more are 503",
	  CGI, COUNT(0, TUX_MAX_PROGRAMS), OF_CGI(waiting), .fallback = "64" },
	{ "time", "SECONDS", "0.1", "time until SIGTERM, and SIGKILL 2 s later; waiting for the client does not count",
	  CGI, SECONDS(100), OF_CGI(time_ms), .or_zero = true, .fallback = "60" },
	{ "total", "SECONDS", "0.1", "like time, but with all waiting",
	  CGI, SECONDS(100), OF_CGI(total_ms), .or_zero = true, .fallback = "3600" },
	{ "cpu", "SECONDS", "0.1", "CPU time of each process; 0: no limit",
	  CGI, COUNT(0, 86400), OF_CGI(cpu_s), .expected = "whole seconds from 0 to 86400", .fallback = "60" },
	{ "memory", "BYTES", "0.1", "private memory of each process (RLIMIT_DATA); 0: no limit",
	  CGI, SIZE(MB, UINT64_C(1) << 50, "bytes such as 512M, or 0"), OF_CGI(memory_bytes), .or_zero = true, .fallback = "512M" },
	{ "file-size", "BYTES", "0.1", "length of a file that a process writes; 0: no limit",
	  CGI, SIZE(0, UINT64_C(1) << 60, "bytes such as 1G, or 0"), OF_CGI(file_bytes), .without = "0" },
	{ "processes", "N", "0.1", "processes of its user in total, except root; 0: no limit",
	  CGI, COUNT(0, 4194304), OF_CGI(processes), .fallback = "1024" },
	{ "files", "N", "0.1", "open files of each process; 0: no limit",
	  CGI, COUNT(8, 1048576), OF_CGI(files), .or_zero = true, .fallback = "1024" },
	{ "nice", "N", "0.1", "lower priority",
	  CGI, COUNT(0, 19), OF_CGI(nice), .without = "0" },
	{ "new-privileges", NULL, "0.1", "programs may execute set-user-id programs",
	  CGI, SWITCH, OF_CGI(new_privileges) },
	{ "chunked-bodies", "buffer|stream", "0.1", "buffer: a chunked body is kept until it is complete, and CONTENT_LENGTH is "
	  "its length; stream: the program gets it as it comes, without CONTENT_LENGTH",
	  CGI, CHOICE, OF_CGI(stream_chunked), .fallback = "buffer" },
	{ "on-disconnect", "kill|finish", "0.1",
	  "kill: a program whose client disconnects ends; finish: it continues if it has its whole request",
	  CGI, CHOICE, OF_CGI(finish_unwatched), .fallback = "kill" },
	{ "max-response-head", "BYTES", "0.1", "length of a response head; more is 502",
	  CGI, SIZE(KB, TUX_MAX_RECEIVED_HEAD, "bytes such as 32K, from 1K to 64K"), OF_CGI(max_response_head), .fallback = "16K" },

	HEADING("In a module"),
	{ "file", "PATH", "0.1", "the shared object; a start as root needs one that only root can change",
	  MODULE, BLOCK("a path that begins with '/'") },
	{ "bpf", "PATH", "0.1", "a verified handler, which responds in the kernel where this machine can run it; else the file does",
	  MODULE, BLOCK("a path that begins with '/'") },
	{ "historic", "PATH", "0.1", "in place of file: a module of the historic tux(2), which libtux.so runs in a process of its own",
	  MODULE, BLOCK("a path that begins with '/'") },
	{ "threads", "N", "0.1", "threads of its own, for a module that waits; 0: the threads of the server call it",
	  MODULE, COUNT(0, TUX_MAX_MODULE_THREADS), OF_MODULE(threads), .without = "0" },
	{ "timeout", "SECONDS", "0.1", "time for which it may keep a request; then 504",
	  MODULE, SECONDS(100), OF_MODULE(timeout_ms), .fallback = "60" },
	{ "kernel", NULL, "0.1", "the module of this name in the kernel responds while it is loaded there; else the file does",
	  MODULE, SWITCH, OF_MODULE(kernel) },
	{ "isolate", NULL, "0.1", "runs in a process of its own; a crash costs its requests alone",
	  MODULE, SWITCH, OF_MODULE(isolate) },
	{ "user", "NAME[:GROUP]", "0.1", "user of the process; another one than the server's needs a start as root",
	  MODULE, TEXT("the name or number of a user, with :GROUP if another is wanted"), OF_MODULE(user), .without = "the server's" },
	{ "root", "DIR", "0.1", "root directory of the process, whose files it may read; needs a start as root. Without it, it opens no file after load()",
	  MODULE, BLOCK("a path that begins with '/'") },
	{ "memory", "BYTES", "0.1", "private memory of the process (RLIMIT_DATA); 0: no limit",
	  MODULE, SIZE(MB, UINT64_C(1) << 50, "bytes such as 512M, or 0"), OF_MODULE(memory_bytes), .or_zero = true, .fallback = "512M" },
	{ "processes", "N", "0.1", "processes and threads of its user in total, except root; 0: no limit",
	  MODULE, COUNT(0, 4194304), OF_MODULE(processes), .without = "0" },
	{ "files", "N", "0.1", "open files of the process; 0: no limit",
	  MODULE, COUNT(64, 1048576), OF_MODULE(files), .or_zero = true, .fallback = "4096" },
	{ "programs", NULL, "0.1", "the process may start others, and execute programs",
	  MODULE, SWITCH, OF_MODULE(programs) },
	{ "writes", NULL, "0.1", "the process may change files in its root",
	  MODULE, SWITCH, OF_MODULE(writes) },
	{ "network", NULL, "0.1", "the process may open sockets",
	  MODULE, SWITCH, OF_MODULE(network) },
	{ "require-sandbox", NULL, "0.1", "does not start the process if the kernel lacks Landlock or seccomp",
	  MODULE, SWITCH, OF_MODULE(require_sandbox) },
	{ "config", "{ KEY = VALUE }", "0.1", "values that the module reads itself",
	  MODULE, BLOCK("KEY = VALUE, at most 256 of them"), .list = true },
};

enum { OPTIONS = sizeof(tux_options) / sizeof(tux_options[0]) };

_Static_assert((int)OPTIONS <= (int)TUX_OPTION_ROWS, "arrays by row have room");

const unsigned tux_option_count = OPTIONS;

const struct tux_option *tux_option_find(const char *name, unsigned scopes)
{
	unsigned i;

	for (i = 0; i < OPTIONS; i++)
		if (tux_options[i].name && (tux_options[i].scope & scopes) && strcmp(tux_options[i].name, name) == 0)
			return &tux_options[i];
	return NULL;
}

const struct tux_option *tux_option_near(const char *mistyped, unsigned scopes)
{
	unsigned best = tux_suggestion_limit(mistyped), i;
	const struct tux_option *near = NULL;

	for (i = 0; i < OPTIONS; i++) {
		const bool here = tux_options[i].name && (tux_options[i].scope & scopes);
		const unsigned distance = here ? tux_suggestion_distance(mistyped, tux_options[i].name) : best;

		if (distance < best) {
			best = distance;
			near = &tux_options[i];
		}
	}
	return near;
}

/* Applies the defaults of all options in a scope whose values are in one structure. */
static void defaults_apply(enum tux_scope scope, bool of_host, void *object)
{
	unsigned i;

	for (i = 0; i < OPTIONS; i++)
		if ((tux_options[i].scope & scope) && ((tux_options[i].scope & TUX_SCOPE_HOST) != 0) == of_host && tux_options[i].fallback)
			tux_option_read(&tux_options[i], object, tux_options[i].fallback);
}

void tux_options_init(struct tux_settings *settings)
{
	*settings = (struct tux_settings){ .drain_delay_ms = UINT32_MAX, .cache_bytes = UINT64_MAX };
	defaults_apply(TUX_SCOPE_TOP, false, settings);
	defaults_apply(TUX_SCOPE_TOP, true, &settings->top);
	defaults_apply(TUX_SCOPE_UPSTREAM, false, &settings->upstreams.defaults);
	defaults_apply(TUX_SCOPE_CGI, false, &settings->cgis.defaults);
	defaults_apply(TUX_SCOPE_MODULE, false, &settings->modules.defaults);
}

/* Returns the bit of a host's option in tux_host_settings.said. Options with the same place share it. */
static uint32_t said_bit(const struct tux_option *option)
{
	unsigned number = 0, i;

	for (i = 0; tux_options[i].at != option->at || tux_options[i].size == 0 || !(tux_options[i].scope & TUX_SCOPE_HOST); i++)
		number += (tux_options[i].scope & TUX_SCOPE_HOST) != 0;
	return UINT32_C(1) << number;
}

bool tux_options_set(struct tux_settings *settings, struct tux_host_settings *host, const struct tux_option *option, const char *value,
                     char *error, size_t error_size)
{
	const bool of_host = (option->scope & TUX_SCOPE_HOST) != 0;

	if (of_host)
		host->said |= said_bit(option);
	return tux_option_set(option, of_host ? (void *)host : settings, value, error, error_size);
}

bool tux_options_said(const struct tux_host_settings *host, const char *name)
{
	for (unsigned i = 0; i < OPTIONS; i++)
		if ((tux_options[i].scope & TUX_SCOPE_HOST) && tux_options[i].size > 0 && strcmp(tux_options[i].name, name) == 0)
			return (host->said & said_bit(&tux_options[i])) != 0;
	return false;
}

void tux_options_clear(struct tux_settings *settings, struct tux_host_settings *host, const struct tux_option *option)
{
	char *const object = option->scope & TUX_SCOPE_HOST ? (char *)host : (char *)settings;

	memset(object + option->at + option->size - sizeof(unsigned), 0, sizeof(unsigned)); /* its count; an array keeps its memory */
}

void tux_options_inherit(struct tux_host_settings *hosts, unsigned count, const struct tux_host_settings *top)
{
	unsigned i, k;

	for (i = 0; i < OPTIONS; i++) {
		const struct tux_option *const option = &tux_options[i];
		const uint32_t bit = (option->scope & TUX_SCOPE_HOST) && option->size > 0 ? said_bit(option) : 0;

		for (k = 0; bit != 0 && k < count; k++)
			if (!(hosts[k].said & bit))
				memcpy((char *)&hosts[k] + option->at, (const char *)top + option->at, option->size);
	}
}
