/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../engine/io/place.h"
#include "../confine/privileges.h"
#include "root.h"

_Static_assert((int)TUX_MAX_HOST_LISTENERS >= (int)TUX_MAX_LISTENERS, "a host has a bit for each listener");

static bool no_memory(char *error, size_t error_size)
{
	snprintf(error, error_size, "no memory for the hosts");
	return false;
}

/* Sets the error pages of a host. /404.html is the default for 404. */
static bool pages_make(struct tux_host *host, const struct tux_host_settings *settings)
{
	static const struct tux_error_page missing = { 404, { "/404.html", 9 } };
	struct tux_error_page *page = calloc(settings->page_count + 1, sizeof(*page));
	unsigned i;

	if (!page)
		return false;
	host->pages = page;
	page[host->page_count++] = missing;
	for (i = 0; i < settings->page_count; i++)
		page[settings->page[i].status == missing.status ? 0 : host->page_count++] = settings->page[i];
	return true;
}

/* True if a route has settings for fields. */
static bool routes_say_fields(const struct tux_route_table *table)
{
	uint32_t i;

	for (i = 0; i < table->count; i++)
		if (table->fields[i].rules.count > 0 || table->fields[i].cache_control ||
		    tux_media_type_settings_any(&table->fields[i].media_types))
			return true;
	return false;
}

/*
 * Makes the media types of a host, or of a route with its own settings (NULL: of the host). Returns NULL with a sentence in error.
 */
static struct tux_media_types *media_types_make(const struct tux_media_type_settings *route, const struct tux_host_settings *settings,
                                                const struct tux_host_settings *top, char *error, size_t error_size)
{
	const struct tux_media_type_settings *lists[3];
	unsigned count = 0;

	if (route)
		lists[count++] = route;
	lists[count++] = &settings->media_types;
	if (settings != top)
		lists[count++] = &top->media_types;
	return tux_media_types_make(lists, count, error, error_size);
}

/* Makes the fields of a host, or of a route of it (NULL: of the host), without media types. Returns false with a sentence in error. */
static bool rules_make(struct tux_fields *fields, const struct tux_route_fields *route, const struct tux_host_settings *settings,
                       const struct tux_host_settings *top, char *error, size_t error_size)
{
	const struct tux_field_rules *lists[3];
	unsigned count = 0;

	lists[count++] = &top->fields;
	if (settings != top)
		lists[count++] = &settings->fields;
	if (route)
		lists[count++] = &route->rules;
	return tux_fields_make(fields, lists, count, route && route->cache_control ? route->cache_control : settings->cache_control, settings->hsts, error,
	                       error_size);
}

/* Makes the fields of a host. base is NULL for the top. */
static bool fields_make(struct tux_host *host, const struct tux_host *base, const struct tux_host_settings *settings,
                        const struct tux_host_settings *top, char *error, size_t error_size)
{
	struct tux_fields *fields = calloc(1, sizeof(*fields));

	if (!fields)
		return no_memory(error, error_size);
	host->fields = fields;
	if (!rules_make(fields, NULL, settings, top, error, error_size))
		return false;
	if (base && !tux_media_type_settings_any(&settings->media_types))
		fields->types = base->fields->types;
	else
		fields->types = media_types_make(NULL, settings, top, error, error_size);
	return fields->types;
}

/* Makes the fields of each route, if at least one route has fields. */
static bool route_fields_make(struct tux_host *host, const struct tux_host_settings *settings, const struct tux_host_settings *top,
                              const struct tux_route_table *table, char *error, size_t error_size)
{
	struct tux_fields *fields;
	uint32_t i;

	if (!routes_say_fields(table))
		return true;
	fields = calloc(table->count, sizeof(*fields));
	if (!fields)
		return no_memory(error, error_size);
	host->route_fields = fields;
	for (i = 0; i < table->count; i++) {
		const struct tux_route_fields *said = &table->fields[i];

		if (!rules_make(&fields[i], said, settings, top, error, error_size))
			return false;
		fields[i].types = host->fields->types;
		if (tux_media_type_settings_any(&said->media_types))
			fields[i].types = media_types_make(&said->media_types, settings, top, error, error_size);
		if (!fields[i].types)
			return false;
	}
	return true;
}

/* Sets the body limit of each route, if at least one route has a limit. Returns false if out of memory. */
static bool max_bodies_make(struct tux_host *host, const struct tux_route_table *table)
{
	uint64_t *bytes;
	uint32_t i = 0;

	while (i < table->count && table->fields[i].max_body_bytes == TUX_BODY_UNSAID)
		i++;
	if (i == table->count)
		return true;
	host->route_max_body = bytes = calloc(table->count, sizeof(*bytes));
	for (i = 0; bytes && i < table->count; i++)
		bytes[i] = table->fields[i].max_body_bytes == TUX_BODY_UNSAID ? host->max_body_bytes : (uint64_t)table->fields[i].max_body_bytes;
	return bytes;
}

/*
 * Sets everything of a host except its root. A host that sets nothing of its own has the arrays of the base, which is made of the
 * top. base is NULL for the base itself. Returns false with a sentence in error.
 */
static bool settings_make(struct tux_host *host, const struct tux_host *base, const struct tux_host_settings *settings,
                          const struct tux_host_settings *top, char *error, size_t error_size)
{
	static const struct tux_route_table no_routes;
	const bool own_routes = !base || (settings->routes && settings->routes->count > 0);
	const bool own_fields = !base || settings->fields.count > 0 || settings->cache_control != top->cache_control || settings->hsts != top->hsts ||
	                        tux_media_type_settings_any(&settings->media_types);
	const struct tux_route_table *const table = settings->routes && own_routes ? settings->routes : top->routes ? top->routes : &no_routes;

	host->browse = settings->values.browse;
	host->content_tags = settings->values.content_tags;
	host->dot_files = settings->values.dot_files;
	host->spa = settings->values.spa;
	host->modes = settings->values.modes;
	host->index = settings->values.index;
	host->index_count = settings->values.index_count;
	host->max_body_bytes = settings->values.max_body_bytes;
	host->selection = (struct tux_file_handlers){ settings->type, settings->type_count, settings->values.mode_cgi, settings->values.mode_module };
	host->routes = (struct tux_routes){ table->route, table->text, table->count, table->text_len };
	host->redirects = table->redirect;
	host->statuses = table->status;
	if (base) {
		host->fields = base->fields;
		host->route_fields = base->route_fields;
		host->route_max_body = base->route_max_body;
		host->pages = base->pages;
		host->page_count = base->page_count;
	}
	if (own_fields && !fields_make(host, base, settings, top, error, error_size))
		return false;
	if (own_fields || own_routes) {
		host->route_fields = NULL;
		if (!route_fields_make(host, settings, top, table, error, error_size))
			return false;
	}
	if (own_routes || host->max_body_bytes != base->max_body_bytes) {
		host->route_max_body = NULL;
		if (!max_bodies_make(host, table))
			return no_memory(error, error_size);
	}
	if (!base || settings->page_count > 0) {
		host->page_count = 0;
		if (!pages_make(host, settings))
			return no_memory(error, error_size);
	}
	return true;
}

/* Frees what settings_make() has made; base is NULL for the base itself. */
static void settings_free(struct tux_host *host, const struct tux_host *base)
{
	const struct tux_fields *const fields = host->fields;
	uint32_t i;

	if (host->route_fields && (!base || host->route_fields != base->route_fields)) {
		for (i = 0; i < host->routes.count; i++) {
			if (host->route_fields[i].types != fields->types)
				tux_media_types_free(host->route_fields[i].types);
			tux_fields_free((struct tux_fields *)&host->route_fields[i]);
		}
		free((void *)host->route_fields);
	}
	if (fields && (!base || fields != base->fields)) {
		if (!base || fields->types != base->fields->types)
			tux_media_types_free(fields->types);
		tux_fields_free((struct tux_fields *)fields);
		free((void *)fields);
	}
	if (!base || host->pages != base->pages)
		free((void *)host->pages);
	if (!base || host->route_max_body != base->route_max_body)
		free((void *)(uintptr_t)host->route_max_body);
}

/* Returns the text of the path of an open directory, to be freed by the caller; NULL if the kernel does not say it. */
static char *path_of(int fd)
{
	static const char deleted[] = " (deleted)"; /* added by the kernel */
	char name[64], path[PATH_MAX];
	ssize_t len;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = readlink(name, path, sizeof(path) - 1);
	if (len <= 0 || path[0] != '/' || len == sizeof(path) - 1)
		return NULL;
	path[len] = '\0';
	if ((size_t)len >= sizeof(deleted) && strcmp(path + len + 1 - sizeof(deleted), deleted) == 0)
		return NULL;
	return strdup(path);
}

/* True if root has to open the roots itself: it follows no links of other users, even if another group serves. */
static bool is_root(const struct tux_user *user)
{
	return user->change && user->uid == 0;
}

/*
 * Opens a root with the rights of the user who serves it. Root opens it only if these rights do not suffice, as for a directory in
 * a home of mode 0700. It then follows no link that another user could change. Returns -1 with errno.
 */
static int root_open(const char *directory, const struct tux_user *user)
{
	struct tux_privileges_saved saved;
	int fd = -1;

	if (is_root(user))
		return tux_place_directory(directory, NULL);
	if (tux_privileges_assume(user, &saved)) {
		fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		tux_privileges_resume(&saved);
	}
	return fd < 0 && user->change && errno == EACCES ? tux_place_directory(directory, NULL) : fd;
}

/*
 * Opens the roots that the user who serves them can open. A change of rights costs more than opening a root, and there may be
 * 100,000 roots. The others keep root_fd -1.
 */
static void roots_open(const struct tux_hosts *hosts, const struct tux_user *user)
{
	struct tux_privileges_saved saved;
	unsigned i;

	if (is_root(user) || !tux_privileges_assume(user, &saved))
		return;
	for (i = 0; i < hosts->count; i++)
		if (hosts->host[i].alias && !hosts->settings[i].found_by)
			hosts->host[i].root_fd = open(hosts->host[i].alias, O_PATH | O_DIRECTORY | O_CLOEXEC);
	tux_privileges_resume(&saved);
}

static int beneath_open(int directory_fd, const char *name)
{
	const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, directory_fd, name, &how, sizeof(how));
}

/*
 * Opens the root of a host that a pattern has found. No link may lead out of the pattern's directory, nor from the host's directory
 * to another host. Returns -1 with errno.
 */
static int found_open(int pattern_fd, const struct tux_host_settings *settings)
{
	const struct tux_host_pattern *const pattern = settings->found_by;
	const char *const below = pattern->below + strspn(pattern->below, "/");
	const size_t len = strlen(settings->directory) - strlen(pattern->below);
	const char *const name = memrchr(settings->directory, '/', len);
	char *const file = name ? strndup(name + 1, len - (size_t)(name + 1 - settings->directory)) : NULL;
	int fd, root_fd, saved;

	errno = ENOMEM;
	fd = file ? beneath_open(pattern_fd, file) : -1;
	free(file);
	if (fd < 0 || *below == '\0')
		return fd;
	root_fd = beneath_open(fd, below);
	saved = errno;
	close(fd);
	errno = saved;
	return root_fd;
}

/* Writes a sentence about a root that cannot be opened. why is an errno. */
static void root_failure(const char *directory, int why, char *error, size_t error_size)
{
	struct rlimit limit = { 0, 0 };

	if (why == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0)
		snprintf(error, error_size, "cannot serve %s: only %llu open files are permitted (ulimit -Hn), and each root is one", directory,
		         (unsigned long long)limit.rlim_cur);
	else
		snprintf(error, error_size, "cannot serve %s: %s", directory,
		         why == ENOTDIR ? "it is not a directory" :
		         why == ELOOP   ? "there is a link on the way that other users can change" :
		         why == EXDEV   ? "a link leads out of it" :
		                          strerror(why));
}

/*
 * Opens the roots of hosts that patterns have found, with the rights of the user who serves them. A root that cannot be opened keeps
 * root_fd -1, with a message unless it does not exist.
 */
static void found_roots_open(const struct tux_hosts *hosts, const struct tux_user *user)
{
	const struct tux_host_pattern *pattern = NULL;
	struct tux_privileges_saved saved;
	bool said = false;
	int pattern_fd = -1;
	unsigned i;

	if (!tux_privileges_assume(user, &saved))
		return;
	for (i = 0; i < hosts->count; i++) {
		const struct tux_host_settings *const settings = &hosts->settings[i];
		struct tux_host *const host = &hosts->host[i];

		if (!settings->found_by || !host->alias)
			continue;
		if (settings->found_by != pattern) {
			pattern = settings->found_by;
			if (pattern_fd >= 0)
				close(pattern_fd);
			pattern_fd = open(pattern->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		}
		host->root_fd = pattern_fd >= 0 ? found_open(pattern_fd, settings) : -1;
		if (host->root_fd < 0 && errno != ENOENT && errno != ENOTDIR && !said) {
			char error[512];

			said = errno == EMFILE || errno == ENFILE; /* as do all others from here on */
			root_failure(settings->directory, errno, error, sizeof(error));
			fprintf(stderr, "tux: %s\n", error);
		}
	}
	if (pattern_fd >= 0)
		close(pattern_fd);
	tux_privileges_resume(&saved);
}

/*
 * Opens the root, unless it is open already, and finds its path. With may_miss a root that cannot be opened keeps root_fd -1, with
 * a message unless it does not exist. Returns false with a sentence in error.
 */
static bool root_make(struct tux_host *host, const struct tux_host_settings *settings, const struct tux_user *user, bool may_miss, char *error,
                      size_t error_size)
{
	const char *const directory = settings->directory;

	if (host->root_fd < 0 && !settings->found_by)
		host->root_fd = root_open(host->alias, user);
	if (host->root_fd < 0 && !settings->found_by && errno == EACCES && directory[0] != '/')
		host->root_fd = root_open(directory, user); /* the process can open its working directory, even if it cannot
		                                               follow the absolute path */
	if (host->root_fd < 0 && !settings->found_by) {
		const int why = errno;

		root_failure(directory, why, error, error_size);
		if (may_miss && why != ENOENT)
			fprintf(stderr, "tux: %s\n", error);
		if (!may_miss)
			return false;
	}
	host->path = host->root_fd >= 0 ? path_of(host->root_fd) : NULL;
	if (!host->path)
		host->path = realpath(host->alias, NULL);
	if (!host->path || strcmp(host->path, host->alias) == 0) {
		free((void *)(uintptr_t)host->path);
		host->path = host->alias;
		host->alias = NULL;
	}
	return true;
}

/* Frees a path of a host, unless it is the text of the configuration. */
static void path_free(const char *path, const char *directory)
{
	if (path != directory)
		free((void *)(uintptr_t)path);
}

/* Begins a host; alias is the absolute path of its root if it has a root of its own. Returns false if out of memory. */
static bool host_begin(struct tux_host *host, const char *directory, bool own_root)
{
	host->root_fd = -1;
	if (own_root)
		host->alias = directory[0] == '/' ? directory : tux_root_absolute(directory);
	return host->alias || !own_root;
}

/* before is the host before it if both have the same directory; else NULL. */
static bool host_make(struct tux_host *host, const struct tux_host *before, const struct tux_host_settings *settings,
                      const struct tux_user *user, bool may_miss, char *error, size_t error_size)
{
	unsigned i;

	for (i = 0; i < settings->name_count && !host->name; i++)
		host->name = *settings->name[i] != '*' ? settings->name[i] : NULL;
	if (settings->pattern) { /* its directories are the roots of other hosts */
		host->path = settings->directory;
		return true;
	}
	if (!before)
		return root_make(host, settings, user, may_miss, error, error_size);
	host->root_fd = before->root_fd;
	host->path = before->path;
	host->alias = before->alias;
	return true;
}

/* True if a host has the same configured directory as the one before it. */
static bool shares_root(const struct tux_host_settings *all, unsigned number)
{
	return number > 0 && !all[number].pattern && !all[number - 1].pattern &&
	       strcmp(all[number].directory, all[number - 1].directory) == 0;
}

bool tux_hosts_open(struct tux_hosts *hosts, const struct tux_settings *settings, const struct tux_user *user, bool may_miss, char *error,
                    size_t error_size)
{
	const struct tux_host_settings *const all = settings->host_count > 0 ? settings->host : &settings->top;
	const unsigned count = settings->host_count > 0 ? settings->host_count : 1;
	unsigned i;

	hosts->settings = all;
	if (!settings_make(&hosts->base, NULL, &settings->top, &settings->top, error, error_size))
		return false;
	hosts->host = calloc(count, sizeof(*hosts->host));
	if (!hosts->host)
		return no_memory(error, error_size);
	while (hosts->count < count) {
		const unsigned number = hosts->count++;

		if (!host_begin(&hosts->host[number], all[number].directory, !all[number].pattern && !shares_root(all, number)))
			return no_memory(error, error_size);
	}
	roots_open(hosts, user);
	found_roots_open(hosts, user);
	for (i = 0; i < count; i++)
		if (!host_make(&hosts->host[i], shares_root(all, i) ? &hosts->host[i - 1] : NULL, &all[i], user, may_miss, error, error_size) ||
		    !settings_make(&hosts->host[i], &hosts->base, &all[i], &settings->top, error, error_size))
			return false;
	return true;
}

uint64_t tux_hosts_listeners(const struct tux_host_settings *settings, const struct tux_addresses *addresses)
{
	uint64_t listeners = 0;
	unsigned i, k;

	for (i = 0; i < addresses->count; i++) {
		bool said = settings->listen_count == 0;

		for (k = 0; k < settings->listen_count; k++)
			said = said || (addresses->spec[i] && strcmp(addresses->spec[i], settings->listen[k]) == 0);
		if (said)
			listeners |= UINT64_C(1) << i;
	}
	return listeners;
}

/* Chooses for each listener the first host with default, else the first host. Returns false if a listener has no host. */
static bool fallbacks_choose(struct tux_hosts *hosts, uint32_t *fallback, const struct tux_addresses *addresses, char *error,
                             size_t error_size)
{
	uint64_t any = 0, defaults = 0; /* listeners that have a host, and a default */
	unsigned i, k;

	for (k = 0; k < hosts->count; k++) {
		const uint64_t listeners = tux_hosts_listeners(&hosts->settings[k], addresses);

		for (i = 0; i < addresses->count; i++) {
			const uint64_t bit = UINT64_C(1) << i;

			if (!(listeners & bit) || (defaults & bit) || ((any & bit) && !hosts->settings[k].is_default))
				continue;
			fallback[i] = k;
			any |= bit;
			defaults |= hosts->settings[k].is_default ? bit : 0;
		}
	}
	for (i = 0; i < addresses->count; i++)
		if (!(any >> i & 1)) {
			snprintf(error, error_size, "no host answers on %s", addresses->spec[i] ? addresses->spec[i] : "a socket that was passed");
			return false;
		}
	return true;
}

/* Copies the names into one text, one behind the other. Returns false with a sentence in error. */
static bool names_copy(struct tux_hosts *hosts, uint32_t *names, char *error, size_t error_size)
{
	size_t count = 0, len = 0;
	uint8_t *text;
	unsigned i, k;

	for (i = 0; i < hosts->count; i++)
		for (k = 0; k < hosts->settings[i].name_count; k++, count++)
			len += strlen(hosts->settings[i].name[k]);
	if (count > TUX_MAX_HOST_SLOTS / 2 || len > TUX_MAX_HOST_TEXT) {
		snprintf(error, error_size, "there are more than %d names of hosts, or more than %d bytes of them", TUX_MAX_HOST_SLOTS / 2,
		         TUX_MAX_HOST_TEXT);
		return false;
	}
	hosts->names.text = text = malloc(len + 1);
	if (!text)
		return no_memory(error, error_size);
	for (i = 0; i < hosts->count; i++)
		for (k = 0; k < hosts->settings[i].name_count; k++) {
			const char *const name = hosts->settings[i].name[k] + (*hosts->settings[i].name[k] == '*');

			memcpy(text + hosts->names.text_len, name, strlen(name));
			hosts->names.text_len += (uint32_t)strlen(name);
		}
	*names = (uint32_t)count;
	return true;
}

/* Places all names in the count slots. Returns false if a name finds no slot. */
static bool names_insert(const struct tux_hosts *hosts, const struct tux_addresses *addresses, struct tux_host_name *slots, uint32_t count)
{
	struct tux_host_name one = { .text = 0 };

	for (; one.host < hosts->count; one.host++) {
		const struct tux_host_settings *const said = &hosts->settings[one.host];

		one.listeners = tux_hosts_listeners(said, addresses);
		for (unsigned k = 0; k < said->name_count; k++) {
			one.len = (uint32_t)(strlen(said->name[k]) - (*said->name[k] == '*'));
			if (!tux_host_names_insert(slots, count, hosts->names.text, one))
				return false;
			one.text += one.len;
		}
	}
	return true;
}

/* Makes the table of names, with twice as many slots as names, or more if names gather too closely. */
static bool names_place(struct tux_hosts *hosts, const struct tux_addresses *addresses, char *error, size_t error_size)
{
	uint32_t names, count;

	if (!names_copy(hosts, &names, error, error_size))
		return false;
	for (count = 2 * names; names > 0 && count <= TUX_MAX_HOST_SLOTS; count *= 2) {
		struct tux_host_name *const slots = calloc(count, sizeof(*slots));

		if (!slots)
			return no_memory(error, error_size);
		hosts->names.name = slots;
		hosts->names.count = count;
		if (names_insert(hosts, addresses, slots, count))
			return true;
		free(slots);
		hosts->names.name = NULL;
		hosts->names.count = 0;
	}
	if (names > 0)
		snprintf(error, error_size, "too many names of hosts have nearly the same hash");
	return names == 0;
}

/* Sets the port to which a host redirects plain requests. Returns false if it has none, with a sentence in error. */
static bool https_port_set(struct tux_host *host, const struct tux_host_settings *settings, const struct tux_addresses *addresses, char *error,
                           size_t error_size)
{
	const uint64_t listeners = settings->https_port == TUX_HTTPS_PORT_OWN ? tux_hosts_listeners(settings, addresses) : 0;
	unsigned i;

	host->https_port = settings->https_port == TUX_HTTPS_PORT_OWN ? 0 : (uint16_t)settings->https_port;
	for (i = 0; i < addresses->count && host->https_port == 0; i++)
		if ((listeners >> i & 1) && addresses->listener[i].tls)
			host->https_port = tux_listener_port(&addresses->listener[i]);
	if (settings->https_port == 0 || host->https_port != 0)
		return true;
	snprintf(error, error_size, "https-redirect of host %s: no listen of it begins with https:// and has a port",
	         settings->name_count > 0 ? settings->name[0] : "*");
	return false;
}

bool tux_hosts_place(struct tux_hosts *hosts, const struct tux_addresses *addresses, char *error, size_t error_size)
{
	unsigned i;
	uint32_t *fallback = calloc(addresses->count + 1, sizeof(*fallback));

	hosts->names = (struct tux_host_names){ .fallback = fallback, .listener_count = addresses->count };
	if (!fallback)
		return no_memory(error, error_size);
	for (i = 0; i < hosts->count; i++)
		if (!https_port_set(&hosts->host[i], &hosts->settings[i], addresses, error, error_size))
			return false;
	return fallbacks_choose(hosts, fallback, addresses, error, error_size) && names_place(hosts, addresses, error, error_size);
}

void tux_hosts_close(struct tux_hosts *hosts)
{
	while (hosts->count > 0) {
		struct tux_host *const host = &hosts->host[--hosts->count];

		settings_free(host, &hosts->base);
		if (shares_root(hosts->settings, hosts->count)) /* the host before it closes the root */
			continue;
		if (host->root_fd >= 0)
			close(host->root_fd);
		path_free(host->path, hosts->settings[hosts->count].directory);
		path_free(host->alias, hosts->settings[hosts->count].directory);
	}
	settings_free(&hosts->base, NULL);
	free((void *)hosts->names.name);
	free((void *)hosts->names.text);
	free((void *)hosts->names.fallback);
	free(hosts->host);
	*hosts = (struct tux_hosts){ .count = 0 };
}
