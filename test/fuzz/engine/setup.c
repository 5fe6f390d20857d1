/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that the engines serve, and the configurations that the script chooses from. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim.h"

enum { BIG_BYTES = 100000, MAX_ROUTES = 24, HOST_SLOTS = 16 };

static char root[] = "/tmp/tux-fuzz-engine.XXXXXX";
static int root_fds[2];
static bool changed;

/* Files beneath the root: name, mode, bytes. A name that ends in '/' is a directory, "FROM>TO" a link. */
static const struct {
	const char *name;
	mode_t mode;
	uint32_t bytes;
} tree[] = {
	{ "a.txt", 0644, 200 }, { "a.txt.gz", 0644, 40 }, { "a.txt.br", 0644, 30 }, { "big.bin", 0644, BIG_BYTES }, { "empty", 0644, 0 },
	{ "mid.html", 0644, 6000 }, { "change.txt", 0644, 300 }, { ".dot", 0644, 10 }, { "secret", 0600, 10 }, { "404.html", 0644, 50 },
	{ "50x.html", 0644, 5000 }, { "prog.cgi", 0755, 20 }, { "name.mod", 0644, 20 }, { "other.red", 0644, 20 }, { "run", 0755, 20 },
	{ "sub/", 0755, 0 }, { "sub/index.html", 0644, 70 }, { "dir/", 0755, 0 }, { "dir/<b>&\"'\n.txt", 0644, 1 }, { "dir/z.svgz", 0644, 9 },
	{ "dir/deep/", 0755, 0 }, { "hidden/", 0755, 0 }, { "hidden/h.txt", 0644, 100 }, { "hidden/big.bin", 0644, BIG_BYTES },
	{ "link>a.txt", 0, 0 }, { "out>/etc/hostname", 0, 0 }, { "loop>loop", 0, 0 }, { "closed/", 0700, 0 }, { "index.html", 0644, 90 },
	{ "dirlink>dir", 0, 0 },
};

static void write_file(const char *name, mode_t mode, uint32_t bytes)
{
	int fd = openat(root_fds[0], name, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	static uint8_t text[BIG_BYTES];

	for (uint32_t i = 0; i < bytes; i++)
		text[i] = (uint8_t)(i % 79 == 78 ? '\n' : 'a' + i % 26);
	require(fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes && fchmod(fd, mode) == 0);
	close(fd);
}

static void make(const char *name, mode_t mode, uint32_t bytes)
{
	const char *to = strchr(name, '>');
	char from[64];

	if (to != NULL && strchr(name, '<') == NULL) {
		snprintf(from, sizeof(from), "%.*s", (int)(to - name), name);
		require(symlinkat(to + 1, root_fds[0], from) == 0);
	} else if (name[strlen(name) - 1] == '/') {
		require(mkdirat(root_fds[0], name, mode) == 0);
	} else {
		write_file(name, mode, bytes);
	}
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

static void remove_all(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void restore(void)
{
	if (!changed)
		return;
	changed = false;
	unlinkat(root_fds[0], "change.txt", 0);
	unlinkat(root_fds[0], "new.txt", 0);
	write_file("change.txt", 0644, 300);
	write_file("big.bin", 0644, BIG_BYTES);
	write_file("dir/z.svgz", 0644, 9);
}

void setup_change_file(unsigned which, unsigned how)
{
	static const char *const names[] = { "change.txt", "big.bin", "dir/z.svgz", "new.txt" };
	const char *name = names[which % 4], *last = strrchr(name, '/');

	changed = true;
	switch (how % 8) {
	case 0:
		write_file(name, 0644, 50);
		break;
	case 1:
		unlinkat(root_fds[0], name, 0);
		write_file(name, 0644, 500);
		break;
	case 2:
		unlinkat(root_fds[0], name, 0);
		break;
	case 3:
		write_file(name, 0, 300);
		break;
	case 4:
		write_file(name, 0644, 0);
		break;
	case 5: /* no event: as on a network file system */
		write_file(name, 0644, 60000);
		return;
	case 6:
		inotify_tell(IN_Q_OVERFLOW, NULL);
		return;
	case 7:
		inotify_tell(which & 1 ? IN_IGNORED : IN_ATTRIB, NULL);
		return;
	}
	inotify_tell(which & 4 ? IN_CREATE | IN_ISDIR : IN_MODIFY, last != NULL ? last + 1 : name);
}

#define TEXT(text) { text, sizeof(text) - 1 }

static struct tux_route route[MAX_ROUTES];
static uint8_t route_text[512];
static struct tux_routes routes = { .route = route, .text = route_text };
static const uint8_t *compared;

/* Adds PREFIX, or =PATH. */
static void add_route(const char *pattern, enum tux_handler handler, uint32_t argument)
{
	struct tux_route one = { .text = routes.text_len, .argument = argument, .handler = (uint8_t)handler, .exact = *pattern == '=' };

	pattern += one.exact;
	one.prefix_len = (uint16_t)strlen(pattern);
	memcpy(route_text + one.text, pattern, one.prefix_len);
	routes.text_len += one.prefix_len;
	require(routes.count < MAX_ROUTES && routes.text_len <= sizeof(route_text));
	route[routes.count++] = one;
}

static int compare(const void *one, const void *other)
{
	return tux_route_compare(*(const struct tux_route *)one, *(const struct tux_route *)other, compared);
}

static const struct tux_redirect redirects[] = {
	{ .to = "/a.txt", .len = 6, .status = 301 },
	{ .to = "https://example.org/x/", .len = 22, .status = 307, .rest = true },
};
static const struct tux_network networks[] = { { .address = { 0x20, 1 }, .prefix_len = 16 } };
static const struct tux_status_route statuses[] = { { .allow = networks, .allow_count = 1 }, { .allow = NULL } };
static const struct tux_text removed[] = { TEXT("x-removed"), TEXT("server") };
static const struct tux_fields fields[] = {
	{ .omit = 0 },
	{ .lines = TEXT("X-Added: yes\r\n"), .cached = TEXT("X-Added: yes\r\nCache-Control: max-age=60\r\n"), .removed = removed, .removed_count = 2,
		.omit = TUX_OMIT_SERVER | TUX_OMIT_LAST_MODIFIED },
};
static const struct tux_error_page pages[] = {
	{ 404, TEXT("/404.html") }, { 502, TEXT("/50x.html") }, { 413, TEXT("/missing") }, { 503, TEXT("/big.bin") }, { 400, TEXT("/secret") },
};
static const struct tux_file_type types[] = {
	{ "cgi", TUX_FILE_HANDLER_CGI }, { "mod", TUX_FILE_HANDLER_MODULE }, { "red", TUX_FILE_HANDLER_REDIRECT },
};
static const char *const indexes[] = { "index.html", "index.txt" };
static const struct tux_module_config modules[] = { { .name = "demo" } };
static const struct tux_route program = { .handler = TUX_HANDLER_CGI, .argument = 2 };
static const struct tux_route handover = { .handler = TUX_HANDLER_UPSTREAM, .argument = 2 };
static const char *const pass[] = { NULL };
static const struct tux_cgi cgis[] = {
	{ .name = "scripts", .root = "/cgi", .environment = pass, .pass = pass, .programs = 4, .waiting = 4, .max_response_head = 8192 },
	{ .name = "finish", .root = "/cgi", .environment = pass, .pass = pass, .programs = 4, .waiting = 4, .max_response_head = 1024,
		.finish_unwatched = true, .stream_chunked = true },
	{ .name = "files", .root = "/", .environment = pass, .pass = pass, .programs = 4, .waiting = 4, .max_response_head = 1024, .root_owned = true },
};
static struct tux_resolved resolved = { .sequence = 2 };
static struct tux_upstream_server servers[] = {
	{ .name = "one:1", .address_len = sizeof(struct sockaddr_in), .port = 1 },
	{ .name = "two:2", .address_len = sizeof(struct sockaddr_in6), .named = true, .port = 2, .resolved = &resolved },
	{ .name = "unix:/three", .address_len = sizeof(struct sockaddr_un) },
};
static const struct tux_upstream upstreams[] = {
	{ .name = "plain", .server = servers, .server_count = 3, .keep_alive = 2, .max_fails = 2, .fail_timeout_ms = 3000, .connect_timeout_ms = 1000,
		.send_timeout_ms = 2000, .read_timeout_ms = 3000, .unused_timeout_ms = 4000, .max_response_head = 8192 },
	{ .name = "careful", .server = servers, .server_count = 1, .max_fails = 1, .fail_timeout_ms = 1000, .connect_timeout_ms = 1000,
		.send_timeout_ms = 2000, .read_timeout_ms = 3000, .unused_timeout_ms = 4000, .max_response_head = 512, .proxy_protocol = true,
		.request_buffering = true, .trust_forwarded = true },
	{ .name = "handover", .server = servers + 2, .server_count = 1, .balance = TUX_BALANCE_LEAST_CONNECTIONS, .keep_alive = 1, .fail_timeout_ms = 1000,
		.connect_timeout_ms = 1000, .send_timeout_ms = 2000, .read_timeout_ms = 3000, .unused_timeout_ms = 500, .max_response_head = 8192 },
};

static struct tux_host hosts[2];
static struct tux_host_name slots[HOST_SLOTS];
static const uint8_t host_text[] = "a.b.c.org";
static const uint32_t fallback[SETUP_LISTENERS] = { 0, 1 };

static void make_hosts(void)
{
	add_route("/up/", TUX_HANDLER_UPSTREAM, 0);
	add_route("/upb/", TUX_HANDLER_UPSTREAM, 1);
	add_route("/cgi/", TUX_HANDLER_CGI, 0);
	add_route("/fin/", TUX_HANDLER_CGI, 1);
	add_route("=/old", TUX_HANDLER_REDIRECT, 0);
	add_route("/moved/", TUX_HANDLER_REDIRECT, 1);
	add_route("=/status", TUX_HANDLER_STATUS, 0);
	add_route("=/private", TUX_HANDLER_STATUS, 1);
	add_route("/hidden/", TUX_HANDLER_HIDDEN, 0);
	add_route("/mod/", TUX_HANDLER_MODULE, 0);
	add_route("/hand/", TUX_HANDLER_HANDOVER, 0);
	add_route("/up/static/", TUX_HANDLER_STATIC, 0);
	compared = route_text;
	qsort(route, routes.count, sizeof(route[0]), compare);
	for (uint32_t i = 0; i < routes.count; i++)
		require(tux_route_link(route, i, route_text));
	require(tux_routes_valid(&routes));
	hosts[0] = (struct tux_host){ .root_fd = root_fds[0], .path = root, .name = "a", .browse = true, .modes = { 0444, 0022 },
		.selection = { .type = types, .count = 3 }, .index = indexes, .index_count = 2, .routes = routes, .redirects = redirects,
		.statuses = statuses, .program = &program, .fields = &fields[0], .max_body_bytes = 100000, .pages = pages, .page_count = 5 };
	hosts[1] = (struct tux_host){ .root_fd = root_fds[1], .path = root, .content_tags = true, .dot_files = true, .spa = true,
		.selection = { .mode_cgi = 0100 }, .index = indexes, .index_count = 1, .program = &program, .fields = &fields[1], .max_body_bytes = 64 };
	require(tux_host_names_insert(slots, HOST_SLOTS, host_text, (struct tux_host_name){ .listeners = 3, .text = 0, .host = 0, .len = 1 }));
	require(tux_host_names_insert(slots, HOST_SLOTS, host_text, (struct tux_host_name){ .listeners = 3, .text = 2, .host = 1, .len = 1 }));
	require(tux_host_names_insert(slots, HOST_SLOTS, host_text, (struct tux_host_name){ .listeners = 1, .text = 3, .host = 1, .len = 6 }));
}

static void make_addresses(void)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(0x0a000001) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(2), .sin6_addr.s6_addr = { 0x20, 1, [15] = 2 } };
	const struct sockaddr_un local = { .sun_family = AF_UNIX, .sun_path = "/three" };

	memcpy(&servers[0].address, &v4, sizeof(v4));
	memcpy(&servers[1].address, &v6, sizeof(v6));
	memcpy(&resolved.address, &v6, sizeof(v6));
	resolved.len = sizeof(v6);
	memcpy(&servers[2].address, &local, sizeof(local));
}

void setup_once(void)
{
	require(mkdtemp(root) != NULL && chmod(root, 0755) == 0);
	atexit(remove_all);
	for (int i = 0; i < 2; i++)
		root_fds[i] = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(tree) / sizeof(tree[0]); i++)
		make(tree[i].name, tree[i].mode, tree[i].bytes);
	make_addresses();
	make_hosts();
}

void setup_engine(struct setup *setup, uint32_t choices, unsigned generation)
{
	const bool small = (choices & 0x20) != 0;

	if (generation == 0)
		restore();
	setup->config = (struct tux_engine_config){
		.hosts = hosts,
		.host_count = choices & 0x80 ? 1 : 2,
		.names = { .name = slots, .text = host_text, .fallback = fallback, .count = HOST_SLOTS, .text_len = sizeof(host_text) - 1,
			.listener_count = SETUP_LISTENERS },
		.loop = choices & 1 ? TUX_LOOP_URING : choices & 2 ? TUX_LOOP_AUTO : TUX_LOOP_EPOLL,
		.kernel_fd = -1,
		.large_body = (enum tux_large_body)(choices >> 3 & 3),
		.threads = choices & 0x400 ? 2 : 1,
		.listeners = setup->listeners,
		.listener_count = generation == 0 || !(choices & 0x1000) ? SETUP_LISTENERS : 1,
		.max_connections = small ? 2 : 16,
		.head_timeout_ms = 1000,
		.body_timeout_ms = 2000,
		.send_timeout_ms = 3000,
		.idle_timeout_ms = 4000,
		.tunnel_timeout_ms = 5000,
		.recheck_ms = choices & 0x2000 ? 0 : 1000,
		.cache_entries = choices & 0x40 ? 3 : 64,
		.cache_files = choices & 0x40 ? 1 : 16,
		.cache_bytes = choices & 0x40 ? 8192 : 1 << 20,
		.memory_object_bytes = 8192,
		.records = (choices & 4) != 0,
		.version = "fuzz",
		.handover_port = choices & 0x200 ? 8080 : 0,
		.upstreams = upstreams,
		.upstream_count = 3,
		.handover = choices & 0x200 ? &handover : NULL,
		.max_programs = 4,
		.cgi = cgis,
		.cgi_count = 3,
		.modules = modules,
		.module_count = 1,
		.spawner_fd = choices & 0x800 ? NULL : setup->spawner_fd,
		.spool = { .memory_bytes = choices & 0x100 ? 16 : 4096, .directory_fd = choices & 0x4000 ? root_fds[0] : -1 },
		.etag_key = "sixteen octets",
	};
	if (setup->config.spawner_fd != NULL)
		setup->config.threads = 1;
	loop_policy.uring_fails = (choices & 3) == 2;
	loop_policy.uring_opens = choices >> 15 & 1;
	resolved.sequence = choices & 0x8000 ? 3 : 2;
}

const char *setup_snippet(unsigned which)
{
	static const char *const snippets[] = {
		"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", "GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /mid.html HTTP/1.1\r\nHost: b\r\n\r\n",
		"GET /up/x HTTP/1.1\r\nHost: a\r\n\r\n", "POST /up/y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
		"POST /upb/z HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n", "0\r\n\r\n",
		"GET /cgi/s/p?q HTTP/1.1\r\nHost: a\r\n\r\n", "POST /fin/s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"GET /dir/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /change.txt HTTP/1.1\r\nHost: a\r\n\r\n", "GET /status HTTP/1.1\r\nHost: a\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n", "Status: 200\r\nContent-Type: text/plain\r\n\r\n", "Location: /a.txt\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /hidden/h.txt\r\nContent-Length: 0\r\n\r\n", "X-Accel-Redirect: /hidden/big.bin\r\n\r\n",
		"GET /up/ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: w\r\n\r\n",
		"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: w\r\n\r\n", "Expect: 100-continue\r\n", "Range: bytes=0-9,20-29\r\n",
		"If-None-Match: *\r\n", "Connection: close\r\n", "GET /hand/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /prog.cgi HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n", "POST /cgi/up HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n",
	};

	return snippets[which % (sizeof(snippets) / sizeof(snippets[0]))];
}
