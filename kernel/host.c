// SPDX-License-Identifier: GPL-2.0-or-later
#include "host.h"

#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../core/field_name.h"
#include "setup.h"
#include "setup_copy.h"

static bool count(struct hosts *hosts, size_t elements, size_t size)
{
	return ktux_setup_count(&hosts->bytes, elements, size);
}

static void *copied(struct hosts *hosts, u64 from, size_t elements, size_t size)
{
	return ktux_setup_copy(&hosts->bytes, from, elements, size);
}

static int root_take(struct host *host, int fd)
{
	struct file *file;
	int error = -ENOTDIR;

	if (fd == -1) /* missing root: no path is found */
		return 0;
	file = fget_raw(fd);
	if (!file)
		return -EBADF;
	if (d_is_dir(file->f_path.dentry)) {
		host->root = file->f_path;
		path_get(&host->root);
		error = 0;
	}
	fput(file);
	return error;
}

/* A host that is being taken. A program has many hosts with the same tables: each host shares those of the host before it. */
struct taking {
	struct hosts *hosts;
	struct host *host;
	const struct tux_setup_host *said;
	const struct host *before;          /* NULL: the first host */
	const struct tux_setup_host *was;   /* the set-up of that host */
};

static int index_take(const struct taking *take)
{
	const struct tux_setup_host *said = take->said;
	const char *index;

	take->host->index_count = said->index_count;
	if (take->was && said->index == take->was->index && said->index_len == take->was->index_len &&
	    said->index_count == take->was->index_count) {
		take->host->index = take->before->index;
		return 0;
	}
	index = copied(take->hosts, said->index, said->index_len, 1);
	if (IS_ERR(index))
		return (int)PTR_ERR(index);
	take->host->index = index;
	if (ktux_setup_index_valid((const u8 *)index, said->index_len, said->index_count))
		return 0;
	pr_debug("tux: setup: an index is no file name\n");
	return -EINVAL;
}

static bool same_routes(const struct tux_setup_host *one, const struct tux_setup_host *other)
{
	return one->routes == other->routes && one->route_count == other->route_count && one->route_text == other->route_text &&
	       one->route_text_len == other->route_text_len;
}

static int routes_take(const struct taking *take)
{
	const struct tux_setup_host *said = take->said;
	struct tux_routes *routes = &take->host->routes;
	void *memory;

	if (said->route_count == 0)
		return 0;
	if (take->was && same_routes(said, take->was)) {
		*routes = take->before->routes;
		return 0;
	}
	memory = copied(take->hosts, said->routes, said->route_count, sizeof(*routes->route));
	if (IS_ERR(memory))
		return (int)PTR_ERR(memory);
	routes->route = memory;
	memory = copied(take->hosts, said->route_text, said->route_text_len, 1);
	if (IS_ERR(memory))
		return (int)PTR_ERR(memory);
	routes->text = memory;
	routes->text_len = said->route_text_len;
	routes->count = said->route_count;
	if (tux_routes_valid(routes))
		return 0;
	pr_debug("tux: setup: a route points out of the texts, is out of its order, or its handler is not known\n");
	return -EINVAL;
}

static int selection_take(const struct taking *take)
{
	const struct tux_setup_host *said = take->said;
	struct tux_file_handlers *selection = &take->host->selection;
	const void *types = NULL;

	if (take->was && said->file_types == take->was->file_types && said->file_type_count == take->was->file_type_count)
		types = take->before->selection.type;
	else
		types = copied(take->hosts, said->file_types, said->file_type_count, sizeof(*selection->type));
	if (IS_ERR(types))
		return (int)PTR_ERR(types);
	*selection = (struct tux_file_handlers){ types, said->file_type_count, said->mode_cgi, said->mode_module };
	if (tux_file_handlers_valid(selection))
		return 0;
	pr_debug("tux: setup: one of %u types of files is none\n", said->file_type_count);
	return -EINVAL;
}

static void media_types_free(const struct tux_media_types *types)
{
	if (!types)
		return;
	kvfree(types->of);
	kvfree(types->text);
	kfree(types);
}

static bool fields_good(const struct tux_setup_fields *said)
{
	if (ktux_setup_fields_valid(said))
		return true;
	pr_debug("tux: setup: %u or %u bytes of fields, %u media types or their %u bytes are too many, or omissions %#x unknown\n",
		 said->len, said->error_len, said->type_count, said->type_text_len, said->omit);
	return false;
}

/* Returns a checked copy of the program's media types, or an error pointer. */
static struct tux_media_types *media_types_take(struct hosts *hosts, const struct tux_setup_fields *said)
{
	struct tux_media_types *types;
	void *of = NULL, *text = NULL;

	if (!count(hosts, 1, sizeof(*types)))
		return ERR_PTR(-EINVAL);
	types = kzalloc(sizeof(*types), GFP_KERNEL_ACCOUNT);
	if (!types)
		return ERR_PTR(-ENOMEM);
	of = copied(hosts, said->types, said->type_count, sizeof(*types->of));
	if (!IS_ERR(of))
		text = copied(hosts, said->type_text, said->type_text_len, 1);
	if (IS_ERR(of) || IS_ERR(text)) {
		kvfree(IS_ERR(of) ? NULL : of);
		kfree(types);
		return IS_ERR(of) ? of : text;
	}
	*types = (struct tux_media_types){
		.of = of,
		.text = text,
		.count = said->type_count,
		.text_len = said->type_text_len,
		.every = { said->every_off, said->every_len },
		.fallback = { said->fallback_off, said->fallback_len },
	};
	if (tux_media_types_valid(types))
		return types;
	pr_debug("tux: setup: a media type lies outside its text, or is not visible ASCII\n");
	media_types_free(types);
	return ERR_PTR(-EINVAL);
}

/* True if two sets of fields refer to the same media types in the program's memory. */
static bool same_types(const struct tux_setup_fields *one, const struct tux_setup_fields *other)
{
	return one->types == other->types && one->type_text == other->type_text && one->type_count == other->type_count &&
	       one->type_text_len == other->type_text_len && one->every_off == other->every_off &&
	       one->every_len == other->every_len &&
	       one->fallback_off == other->fallback_off && one->fallback_len == other->fallback_len;
}

/* Copies field lines of the program, and checks them. */
static int lines_take(struct hosts *hosts, struct tux_text *lines, u64 from, u32 len)
{
	void *copy = copied(hosts, from, len, 1);

	if (IS_ERR(copy))
		return (int)PTR_ERR(copy);
	*lines = (struct tux_text){ copy, len };
	if (tux_field_lines_valid(copy, len))
		return 0;
	pr_debug("tux: setup: what is to be added to answers is not whole field lines\n");
	return -EINVAL;
}

/* Copies names of the program, each followed by NUL. */
static int names_copy(struct hosts *hosts, struct tux_text *names, u64 from, u32 len)
{
	const char *copy = copied(hosts, from, len, 1);

	if (IS_ERR(copy))
		return (int)PTR_ERR(copy);
	*names = (struct tux_text){ copy, len };
	if (len == 0 || copy[len - 1] == '\0')
		return 0;
	pr_debug("tux: setup: the last name of a field that modules cannot add has no end\n");
	return -EINVAL;
}

/* shared: fields whose lines are shared; NULL: copy those of the program. */
static int fields_take(struct hosts *hosts, struct fields *fields, const struct tux_setup_fields *said, const struct fields *shared)
{
	int error;

	fields->omit = (u8)said->omit;
	if (shared) {
		fields->lines = shared->lines;
		fields->error_lines = shared->error_lines;
		fields->removed = shared->removed;
		return 0;
	}
	error = lines_take(hosts, &fields->lines, said->lines, said->len);
	if (error == 0)
		error = lines_take(hosts, &fields->error_lines, said->error_lines, said->error_len);
	return error != 0 ? error : names_copy(hosts, &fields->removed, said->removed, said->removed_len);
}

/* True if two sets of fields refer to the same lines in the program's memory. */
static bool same_lines(const struct tux_setup_fields *one, const struct tux_setup_fields *other)
{
	return one->lines == other->lines && one->len == other->len && one->error_lines == other->error_lines &&
	       one->error_len == other->error_len && one->removed == other->removed && one->removed_len == other->removed_len;
}

/* Takes the host's fields and media types. */
static int host_fields_take(const struct taking *take)
{
	const struct tux_setup_fields *said = &take->said->fields, *was = take->was ? &take->was->fields : NULL;
	const struct fields *shared = was && same_lines(said, was) ? &take->before->fields : NULL;
	struct tux_media_types *types;

	if (was && same_types(said, was)) {
		take->host->fields.types = take->before->fields.types;
	} else {
		types = media_types_take(take->hosts, said);
		if (IS_ERR(types))
			return (int)PTR_ERR(types);
		take->host->fields.types = types;
	}
	return fields_take(take->hosts, &take->host->fields, said, shared);
}

/* Takes a route's fields. They share the host's media types if the program has one table for both. */
static int route_take(struct hosts *hosts, struct host *host, struct fields *fields, const struct tux_setup_fields *said,
		      const struct tux_setup_fields *of_host)
{
	struct tux_media_types *types;

	if (!fields_good(said))
		return -EINVAL;
	fields->types = host->fields.types;
	if (!same_types(said, of_host)) {
		types = media_types_take(hosts, said);
		if (IS_ERR(types))
			return (int)PTR_ERR(types);
		fields->types = types;
	}
	return fields_take(hosts, fields, said, NULL);
}

/* Called after routes_take() and host_fields_take(). */
static int route_fields_take(const struct taking *take)
{
	const struct tux_setup_host *said = take->said;
	struct host *host = take->host;
	const struct tux_setup_fields *said_fields;
	u32 at, of = host->routes.count;
	int error = 0;

	if (said->route_fields == 0 || of == 0)
		return 0;
	if (take->was && said->route_fields == take->was->route_fields && of == take->before->routes.count &&
	    host->fields.types == take->before->fields.types) {
		host->route_fields = take->before->route_fields;
		return 0;
	}
	if (!count(take->hosts, of, sizeof(*host->route_fields)))
		return -EINVAL;
	host->route_fields = kvcalloc(of, sizeof(*host->route_fields), GFP_KERNEL_ACCOUNT);
	if (!host->route_fields)
		return -ENOMEM;
	said_fields = copied(take->hosts, said->route_fields, of, sizeof(*said_fields));
	if (IS_ERR(said_fields))
		return (int)PTR_ERR(said_fields);
	for (at = 0; at < of && error == 0; at++)
		error = route_take(take->hosts, host, &host->route_fields[at], &said_fields[at], &said->fields);
	kvfree(said_fields);
	return error;
}

static int host_take(const struct taking *take)
{
	const struct tux_setup_host *said = take->said;
	struct host *host = take->host;
	int error;

	if (!ktux_setup_host_valid(said) || !fields_good(&said->fields)) {
		pr_debug("tux: setup: flags %#x of a host are not known, %#o, %#o, %#o or %#o are not modes, or it has too much\n",
			 said->flags, said->mode_allowed, said->mode_forbidden, said->mode_cgi, said->mode_module);
		return -EINVAL;
	}
	host->dot_files = said->flags & TUX_HOST_DOT_FILES;
	host->mode_allowed = said->mode_allowed;
	host->mode_forbidden = said->mode_forbidden;
	error = root_take(host, said->root_fd);
	if (error == 0)
		error = index_take(take);
	if (error == 0)
		error = routes_take(take);
	if (error == 0)
		error = selection_take(take);
	if (error == 0)
		error = host_fields_take(take);
	if (error == 0)
		error = route_fields_take(take);
	return error;
}

/* Takes the names of the hosts. Called after the hosts are taken. */
static int names_take(struct hosts *hosts, const struct tux_setup *setup)
{
	struct tux_host_names *names = &hosts->names;
	void *memory;

	memory = copied(hosts, setup->names, setup->name_count, sizeof(*names->name));
	if (IS_ERR(memory))
		return (int)PTR_ERR(memory);
	names->name = memory;
	memory = copied(hosts, setup->name_text, setup->name_text_len, 1);
	if (IS_ERR(memory))
		return (int)PTR_ERR(memory);
	names->text = memory;
	memory = copied(hosts, setup->fallbacks, setup->listener_count, sizeof(*names->fallback));
	if (IS_ERR(memory))
		return (int)PTR_ERR(memory);
	names->fallback = memory;
	names->count = setup->name_count;
	names->text_len = setup->name_text_len;
	names->listener_count = setup->listener_count;
	if (tux_host_names_valid(names, hosts->count))
		return 0;
	pr_debug("tux: setup: a name points out of the texts, no search finds it, or it leads to no host\n");
	return -EINVAL;
}

/* said: room for the set-ups of two hosts. */
static int all_take(struct hosts *hosts, const struct tux_setup *setup, struct tux_setup_host said[2])
{
	const struct tux_setup_host __user *user = u64_to_user_ptr(setup->hosts);
	int error = 0;

	hosts->host = kvcalloc(setup->host_count, sizeof(*hosts->host), GFP_KERNEL_ACCOUNT);
	if (!hosts->host)
		return -ENOMEM;
	while (hosts->count < setup->host_count && error == 0) {
		u32 number = hosts->count++;
		struct taking take = { .hosts = hosts, .host = &hosts->host[number], .said = &said[number % 2] };

		if (number > 0) {
			take.before = &hosts->host[number - 1];
			take.was = &said[(number - 1) % 2];
		}
		if (copy_from_user(&said[number % 2], user + number, sizeof(*said)))
			return -EFAULT;
		error = host_take(&take);
		cond_resched();
	}
	return error != 0 ? error : names_take(hosts, setup);
}

int ktux_hosts_take(struct hosts *hosts, const struct tux_setup *setup)
{
	struct tux_setup_host *said;
	int error;

	if (!ktux_setup_counts_valid(setup)) {
		pr_debug("tux: setup: %u hosts, %u names with %u bytes, or %u listeners, are too many or none\n", setup->host_count,
			 setup->name_count, setup->name_text_len, setup->listener_count);
		return -EINVAL;
	}
	if (!count(hosts, setup->host_count, sizeof(*said)))
		return -EINVAL;
	said = kmalloc_array(2, sizeof(*said), GFP_KERNEL);
	if (!said)
		return -ENOMEM;
	error = all_take(hosts, setup, said);
	kfree(said);
	return error;
}

/* Frees what a host does not share with the host before it. */
static void host_release(struct host *host, const struct host *before)
{
	u32 i;

	if (host->route_fields != before->route_fields) {
		for (i = 0; host->route_fields && i < host->routes.count; i++) {
			kvfree(host->route_fields[i].lines.at);
			kvfree(host->route_fields[i].error_lines.at);
			kvfree(host->route_fields[i].removed.at);
			if (host->route_fields[i].types != host->fields.types)
				media_types_free(host->route_fields[i].types);
		}
		kvfree(host->route_fields);
	}
	if (host->fields.lines.at != before->fields.lines.at)
		kvfree(host->fields.lines.at);
	if (host->fields.error_lines.at != before->fields.error_lines.at)
		kvfree(host->fields.error_lines.at);
	if (host->fields.removed.at != before->fields.removed.at)
		kvfree(host->fields.removed.at);
	if (host->fields.types != before->fields.types)
		media_types_free(host->fields.types);
	if (host->routes.route != before->routes.route)
		kvfree(host->routes.route);
	if (host->routes.text != before->routes.text)
		kvfree(host->routes.text);
	if (host->selection.type != before->selection.type)
		kvfree(host->selection.type);
	if (host->index != before->index)
		kvfree(host->index);
	if (host->root.dentry)
		path_put(&host->root);
}

void ktux_hosts_release(struct hosts *hosts)
{
	static const struct host none;

	while (hosts->count > 0) {
		struct host *host = &hosts->host[--hosts->count];

		host_release(host, hosts->count > 0 ? host - 1 : &none);
		cond_resched();
	}
	kvfree(hosts->host);
	kvfree(hosts->names.name);
	kvfree(hosts->names.text);
	kvfree(hosts->names.fallback);
	*hosts = (struct hosts){ .count = 0 };
}

const struct fields *ktux_host_fields(const struct host *host, const u8 *path, u32 len)
{
	u32 route = tux_route_find(&host->routes, path, len);

	return host->route_fields && route < host->routes.count ? &host->route_fields[route] : &host->fields;
}

/* True if a module cannot add the field of a line. */
static bool is_removed(const struct fields *fields, const u8 *line, u32 len)
{
	const u8 *colon = memchr(line, ':', len);
	const struct tux_span name = { 0, colon ? (u32)(colon - line) : len };
	const char *at = fields->removed.at, *end = at + fields->removed.len;

	for (; at < end; at += strlen(at) + 1)
		if (tux_field_equals(line, name, at, (u32)strlen(at)))
			return true;
	return false;
}

/* True if one of the lines is a Cache-Control. */
static bool has_cache_control(const u8 *lines, u32 len)
{
	static const char name[] = "cache-control";
	const struct tux_span span = { 0, sizeof(name) - 1 };

	while (len > 0) {
		const u8 *end = memchr(lines, '\n', len);
		u32 line = end ? (u32)(end - lines) + 1 : len;

		if (line > span.len && lines[span.len] == ':' && tux_field_equals(lines, span, name, span.len))
			return true;
		lines += line;
		len -= line;
	}
	return false;
}

struct tux_text ktux_fields_before(const struct fields *fields, u16 status, const u8 *lines, u32 len)
{
	return status < 400 && !has_cache_control(lines, len) ? fields->lines : fields->error_lines;
}

u32 ktux_fields_kept(const struct fields *fields, u8 *out, const u8 *lines, u32 len)
{
	u32 kept = 0;

	if (fields->removed.len == 0) {
		memcpy(out, lines, len);
		return len;
	}
	while (len > 0) {
		const u8 *end = memchr(lines, '\n', len);
		u32 line = end ? (u32)(end - lines) + 1 : len;

		if (!is_removed(fields, lines, line)) {
			memcpy(out + kept, lines, line);
			kept += line;
		}
		lines += line;
		len -= line;
	}
	return kept;
}
