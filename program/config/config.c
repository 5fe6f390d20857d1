/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libucl reads the file. settings/options.c has its keys. */
#define _GNU_SOURCE 1
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assign.h"
#include "cgi.h"
#include "module.h"
#include "present.h"
#include "reading.h"
#include "route.h"
#include "tls.h"
#include "tls_client.h"
#include "types.h"
#include "upstream.h"
#include "../settings/units.h"

enum { MAX_FILE = 64 * 1024 * 1024 };

/* Cuts a root with '%' of a host. Returns the directory to look for, or NULL after an error message. */
static const char *pattern_apply(struct reading *reading, const char *root, const char *at)
{
	struct tux_host_settings *const host = reading->host;
	char error[CONFIG_ERROR_MAX];

	free(host->pattern);
	if (!tux_host_pattern_read(root, &host->pattern, error, sizeof(error))) {
		reading_wrong(reading, at, "%s", error);
		return NULL;
	}
	if (host->pattern->before)
		return host->pattern->directory;
	root = reading_keep(reading, host->pattern->directory, strlen(host->pattern->directory));
	free(host->pattern);
	host->pattern = NULL;
	return root;
}

/* Applies one value of an option that takes a value. */
static void value_apply(struct reading *reading, const struct tux_option *option, const ucl_object_t *value, const char *at)
{
	const enum ucl_type type = ucl_object_type(value);
	char error[CONFIG_ERROR_MAX], expected[TUX_OPTION_EXPECTED];
	const char *text;

	if (type == UCL_STRING && reading_is_inside(reading, value->value.sv))
		at = value->value.sv;
	if (type == UCL_OBJECT || type == UCL_ARRAY || type == UCL_NULL || type == UCL_USERDATA) {
		tux_option_expects(option, expected);
		reading_wrong(reading, at, "%s needs a value: %s", option->name, expected);
		return;
	}
	text = reading_text(reading, value, at);
	if (text && reading->host != &reading->settings->top && strchr(text, '%') && strcmp(option->name, "root") == 0)
		text = pattern_apply(reading, text, at);
	if (text && (!tux_options_set(reading->settings, reading->host, option, text, error, sizeof(error)) ||
	             (reading->check && !tux_present_check(option, text, error, sizeof(error)))))
		reading_wrong(reading, at, "%s", error);
}

/* Turns an option without a value on or off. */
static void switch_apply(struct reading *reading, const struct tux_option *option, const ucl_object_t *value, const char *at)
{
	char error[CONFIG_ERROR_MAX];

	if (ucl_object_type(value) != UCL_BOOLEAN)
		reading_wrong(reading, at, "%s is on or off", option->name);
	else if (!tux_options_set(reading->settings, reading->host, option, ucl_object_toboolean(value) ? NULL : "off", error, sizeof(error)))
		reading_wrong(reading, at, "%s", error);
}

static void header_apply(struct reading *reading, const ucl_object_t *first)
{
	field_rules_apply(reading, &reading->host->fields, first);
}

/* Applies error { STATUS PATH }. */
static void error_apply(struct reading *reading, const ucl_object_t *first)
{
	const ucl_object_t *block, *page, *value;
	char error[CONFIG_ERROR_MAX], number[8];

	for (block = first; block; block = block->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(block) != UCL_OBJECT) {
			reading_wrong(reading, block->key, "error needs { } with statuses and their pages: error { 404 \"/404.html\" }");
			continue;
		}
		while ((page = ucl_object_iterate(block, &each, true)))
			for (value = page; value; value = value->next) {
				const char *path = ucl_object_type(value) == UCL_STRING ? reading_text(reading, value, value->key) : NULL;
				uint64_t status = 0;

				snprintf(number, sizeof(number), "%.*s", (int)value->keylen, value->key);
				if (!path)
					reading_wrong(reading, value->key, "status %s needs the path of a page", number);
				else if (!tux_value_count(number, 0, 999, &status))
					reading_wrong(reading, value->key, "\"%s\" is not a status from 400 to 599", number);
				else if (!tux_host_page_add(reading->host, (unsigned)status, path, error, sizeof(error)))
					reading_wrong(reading, value->key, "%s", error);
			}
	}
}

static void default_type_apply(struct reading *reading, const ucl_object_t *first)
{
	media_type_apply(reading, &reading->host->media_types.fallback, first);
}

/* Applies types: types { } sets media types, types [ ] is the command line's option. */
static void types_apply(struct reading *reading, const ucl_object_t *first)
{
	const struct tux_option *const option = tux_option_find("types", TUX_SCOPE_COMMAND);
	const ucl_object_t *value, *element;

	for (value = first; value; value = value->next) {
		ucl_object_iter_t each = NULL;

		if (ucl_object_type(value) == UCL_OBJECT)
			media_types_apply(reading, &reading->host->media_types, value);
		else if (ucl_object_type(value) != UCL_ARRAY)
			value_apply(reading, option, value, value->key);
		else
			while ((element = ucl_object_iterate(value, &each, true)))
				value_apply(reading, option, element, value->key);
	}
}

static void name_add(struct reading *reading, const char *name, const char *at)
{
	char error[CONFIG_ERROR_MAX];

	if (!tux_host_name_add(reading->host, name, error, sizeof(error)))
		reading_wrong(reading, at, "%s", error);
}

/* Adds more names to a host. */
static void name_apply(struct reading *reading, const ucl_object_t *first)
{
	const ucl_object_t *value, *element;

	for (value = first; value; value = value->next) {
		ucl_object_iter_t each = NULL;
		const char *text;

		if (ucl_object_type(value) != UCL_ARRAY && (text = reading_text(reading, value, first->key)))
			name_add(reading, text, value->key);
		while (ucl_object_type(value) == UCL_ARRAY && (element = ucl_object_iterate(value, &each, true)))
			if ((text = reading_text(reading, element, first->key)))
				name_add(reading, text, reading_is_inside(reading, element->value.sv) ? element->value.sv : first->key);
	}
}

static void default_apply(struct reading *reading, const ucl_object_t *first)
{
	if (first->next || ucl_object_type(first) != UCL_BOOLEAN)
		reading_wrong(reading, first->key, "default is on or off");
	else
		reading->host->is_default = ucl_object_toboolean(first);
}

static void keys_apply(struct reading *reading, const ucl_object_t *block);

/* Makes room for the position of one more host, in an array that doubles at each power of two. Returns false if out of memory. */
static bool host_at_grow(struct reading *reading)
{
	const size_t count = reading->settings->host_count;
	const char **at = reading->host_at;

	if ((count & (count - 1)) == 0)
		at = realloc(at, (count > 0 ? 2 * count : 1) * sizeof(*at));
	if (at)
		reading->host_at = at;
	return at;
}

/* Applies host NAME { }. */
static void host_apply(struct reading *reading, const ucl_object_t *block)
{
	char name[TUX_MAX_HOST_NAME + 8];

	if (ucl_object_type(block) != UCL_OBJECT) {
		reading_wrong(reading, block->key, "host needs a name, and { } with what it serves");
		return;
	}
	reading->host = host_at_grow(reading) ? tux_settings_host_add(reading->settings) : NULL;
	if (reading->host) {
		reading->host_at[reading->settings->host_count - 1] = block->key;
		snprintf(name, sizeof(name), "%.*s", (int)block->keylen, block->key);
		name_add(reading, name, block->key);
		keys_apply(reading, block);
	} else {
		reading_wrong(reading, block->key, "there are more than %d hosts, or no memory for them", TUX_MAX_HOSTS);
	}
	reading->host = &reading->settings->top;
}

/* Applies all hosts. */
static void hosts_apply(struct reading *reading, const ucl_object_t *first)
{
	reading_blocks(reading, first, "host needs a name, and { } with what it serves", host_apply);
}

/* A name of a host, while names are compared. */
struct named {
	const char *name;
	unsigned host, number; /* its host; of all names in the file */
	bool taken;            /* an earlier host has it, too */
};

static int named_compare(const void *one, const void *other)
{
	const struct named *const a = one, *const b = other;
	const int order = strcmp(a->name, b->name);

	return order != 0 ? order : a->number < b->number ? -1 : 1;
}

static int named_number_compare(const void *one, const void *other)
{
	return ((const struct named *)one)->number < ((const struct named *)other)->number ? -1 : 1;
}

/* Returns all names in the order of named_compare(), to be freed by the caller. Returns NULL if out of memory. */
static struct named *names_sorted(const struct tux_settings *settings, size_t *count)
{
	struct named *names;
	size_t total = 0;
	unsigned i, k;

	for (i = 0; i < settings->host_count; i++)
		total += settings->host[i].name_count;
	names = calloc(total + 1, sizeof(*names));
	for (*count = 0, i = 0; names && i < settings->host_count; i++)
		for (k = 0; k < settings->host[i].name_count; k++, ++*count)
			names[*count] = (struct named){ settings->host[i].name[k], i, (unsigned)*count, false };
	if (names)
		qsort(names, *count, sizeof(*names), named_compare);
	return names;
}

/* Reports two hosts with the same name on the same listener. Few hosts may have one name: each is on a listener of its own. */
static void names_compare(struct reading *reading)
{
	const struct tux_settings *const settings = reading->settings;
	size_t count, i, k;
	struct named *const names = names_sorted(settings, &count);

	if (!names) {
		reading_wrong(reading, NULL, "no memory");
		return;
	}
	for (i = 1; i < count; i++)
		for (k = i; k > 0 && !names[i].taken && strcmp(names[k - 1].name, names[i].name) == 0; k--)
			names[i].taken = names[k - 1].host != names[i].host &&
			                 tux_hosts_meet(&settings->host[names[i].host], &settings->host[names[k - 1].host], &settings->top);
	qsort(names, count, sizeof(*names), named_number_compare);
	for (i = 0; i < count; i++)
		if (names[i].taken)
			reading_wrong(reading, reading->host_at[names[i].host], "\"%s\" is a name of another host that listens there, too",
			              names[i].name);
	free(names);
}

/* Reports two defaults on the same listener. At most one host for each listener is compared with. */
static void defaults_compare(struct reading *reading)
{
	const struct tux_settings *const settings = reading->settings;
	unsigned before[TUX_MAX_LISTENERS], count = 0, i, k;

	for (i = 0; i < settings->host_count; i++) {
		if (!settings->host[i].is_default)
			continue;
		for (k = 0; k < count && !tux_hosts_meet(&settings->host[i], &settings->host[before[k]], &settings->top); k++)
			;
		if (k < count)
			reading_wrong(reading, reading->host_at[i], "another host that listens there is the default");
		else if (count < TUX_MAX_LISTENERS)
			before[count++] = i;
	}
}

/* Brings the routes of all hosts into their order. */
static void routes_settle(struct reading *reading)
{
	struct tux_settings *const settings = reading->settings;
	char error[CONFIG_ERROR_MAX];
	unsigned i;

	if (settings->top.routes && !tux_routes_settle(settings->top.routes, error, sizeof(error)))
		reading_wrong(reading, NULL, "%s", error);
	for (i = 0; i < settings->host_count; i++)
		if (settings->host[i].routes && !tux_routes_settle(settings->host[i].routes, error, sizeof(error)))
			reading_wrong(reading, reading->host_at[i], "%s", error);
}

/* True if a host listens on a spec of the top. */
static bool host_is_on(const struct tux_settings *settings, const char *spec)
{
	unsigned i, k;

	for (i = 0; i < settings->host_count; i++) {
		const struct tux_host_settings *const host = &settings->host[i];

		for (k = 0; k < host->listen_count && strcmp(host->listen[k], spec) != 0; k++)
			;
		if (host->listen_count == 0 || k < host->listen_count)
			return true;
	}
	return false;
}

/* Warns of files that select a handler that is not available now. */
static void selection_settle(struct reading *reading, const struct tux_host_settings *host, const char *at)
{
	if (reading->settings->handover_port == 0 && tux_host_redirects(host))
		reading_warn(reading, at, "without handover PORT what is TUX/redirect is answered 403");
	if (tux_host_has_modules(host) && reading->settings->modules.count == 0)
		reading_warn(reading, at, "no module is loaded; until one is, a file that names one is answered 503");
}

/* Checks, after the whole file was read, that each request has exactly one host. */
static void hosts_settle(struct reading *reading)
{
	const struct tux_settings *const settings = reading->settings;
	const struct tux_host_settings *const top = &settings->top;
	unsigned i;

	names_compare(reading);
	defaults_compare(reading);
	routes_settle(reading);
	for (i = 0; i <= settings->host_count && reading->wrong == 0; i++)
		selection_settle(reading, i == 0 ? top : &settings->host[i - 1], i == 0 ? NULL : reading->host_at[i - 1]);
	for (i = 0; settings->host_count > 0 && i < top->listen_count; i++)
		if (!host_is_on(settings, top->listen[i]))
			reading_wrong(reading, NULL, "listen \"%s\": each host says listen itself, and none says this", top->listen[i]);
}

/* The blocks of the table that the file has at its top and in hosts. */
static const struct {
	const char *name;
	void (*apply)(struct reading *reading, const ucl_object_t *first);
} blocks[] = {
	{ "host", hosts_apply },
	{ "name", name_apply },
	{ "default", default_apply },
	{ "default-type", default_type_apply },
	{ "tls", tls_apply },
	{ "tls-client", tls_client_apply },
	{ "types", types_apply },
	{ "cgi", cgis_apply },
	{ "module", modules_apply },
	{ "error", error_apply },
	{ "header", header_apply },
	{ "route", routes_apply },
	{ "upstream", upstreams_apply },
};

/* Returns the scope of the block that is being read. */
static enum tux_scope place(const struct reading *reading)
{
	return reading->host == &reading->settings->top ? TUX_SCOPE_TOP : TUX_SCOPE_HOST;
}

/* Applies a key of blocks[]; returns false if it is not one. */
static bool block_apply(struct reading *reading, const struct tux_option *option, const ucl_object_t *first)
{
	unsigned i;

	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if (strcmp(blocks[i].name, option->name) == 0) {
			blocks[i].apply(reading, first);
			return true;
		}
	return false;
}

/* Reports an unknown key, with the valid place or a similar key. */
static void key_wrong(struct reading *reading, const char *name, const char *at)
{
	const struct tux_option *const elsewhere = tux_option_find(name, TUX_SCOPE_TOP | TUX_SCOPE_HOST);
	const struct tux_option *const near = tux_option_near(name, place(reading));

	if (elsewhere && elsewhere->type == TUX_TYPE_BLOCK)
		reading_wrong(reading, at, "%s is said %s", name,
		              place(reading) == TUX_SCOPE_TOP ? "in a host's { } alone" : "at the top of the file alone");
	else if (elsewhere)
		reading_wrong(reading, at, "%s is not of a host: it is said at the top of the file", name);
	else
		reading_wrong(reading, at, near ? "unknown key \"%s\"; did you mean \"%s\"?" : "unknown key \"%s\"", name, near ? near->name : "");
}

/* Applies all values of a key: a value, a list, or the repeated key. */
static void key_apply(struct reading *reading, const ucl_object_t *first)
{
	char name[64];
	const ucl_object_t *value, *element;
	const struct tux_option *option;

	snprintf(name, sizeof(name), "%.*s", (int)first->keylen, first->key);
	option = tux_option_find(name, place(reading));
	if (!option) {
		key_wrong(reading, name, first->key);
		return;
	}
	if (block_apply(reading, option, first) || (!option->list && !reading_once(reading, first)))
		return;
	for (value = first; value; value = value->next) {
		ucl_object_iter_t each = NULL;

		if (!option->value) {
			switch_apply(reading, option, value, value->key);
		} else if (option->list && ucl_object_type(value) == UCL_ARRAY) {
			while ((element = ucl_object_iterate(value, &each, true)))
				value_apply(reading, option, element, value->key);
		} else {
			value_apply(reading, option, value, value->key);
		}
	}
}

/* Applies all keys of a block, or of the top of the file. */
static void keys_apply(struct reading *reading, const ucl_object_t *block)
{
	ucl_object_iter_t each = NULL;
	const ucl_object_t *key;

	while ((key = ucl_object_iterate(block, &each, true)))
		key_apply(reading, key);
}

/* Reports libucl's syntax error. Removes its position, because it lacks the file's name; the parser provides the line. */
static void syntax_wrong(struct reading *reading, struct ucl_parser *parser)
{
	static const char *const before[] = { " - '", "at the end of chunk: ", "memory:" };
	const char *said = ucl_parser_get_error(parser), *found = NULL;
	size_t i, len;

	if (!said)
		said = "it cannot be read";
	for (i = 0; i < 3 && !found; i++)
		if ((found = strstr(said, before[i])))
			said = found + strlen(before[i]);
	if (found && i == 3)
		said += strspn(said, "0123456789 ");
	found = strstr(said, "', character: ");
	len = found ? (size_t)(found - said) : strcspn(said, ";\n");
	fprintf(reading->errors, "%s:%u: ", reading->path, ucl_parser_get_linenum(parser));
	reading_put(reading, said, len);
	fputc('\n', reading->errors);
	reading->wrong++;
}

/* Refuses .include and similar macros, because they add text that has no line in this file. */
static bool macros_refuse(struct reading *reading)
{
	const char *at = reading->file;
	const unsigned before = reading->wrong;

	while (at) {
		at += strspn(at, " \t");
		if (*at == '.' && at[1] >= 'a' && at[1] <= 'z')
			reading_wrong(reading, at, "\"%.*s\" is not known here: macros are not read", (int)strcspn(at, " \t\r\n(\""), at);
		at = strchr(at, '\n');
		if (at)
			at++;
	}
	return reading->wrong == before;
}

static void parse(struct reading *reading)
{
	struct ucl_parser *parser =
		ucl_parser_new(UCL_PARSER_ZEROCOPY | UCL_PARSER_NO_TIME | UCL_PARSER_DISABLE_MACRO | UCL_PARSER_NO_FILEVARS);
	ucl_object_t *top;

	if (!parser) {
		reading_wrong(reading, NULL, "no memory");
		return;
	}
	assign_values(reading->file, reading->len);
	if (!ucl_parser_add_chunk(parser, (const unsigned char *)reading->file, reading->len)) {
		syntax_wrong(reading, parser);
	} else if ((top = ucl_parser_get_object(parser))) {
		if (ucl_object_type(top) != UCL_OBJECT)
			reading_wrong(reading, reading->file, "a list stands where names with values were expected");
		else
			keys_apply(reading, top);
		port_settle(reading);
		cgis_settle(reading);
		hosts_settle(reading);
		tls_settle(reading);
		upstreams_settle(reading);
		modules_settle(reading);
		ucl_object_unref(top);
	}
	ucl_parser_free(parser);
}

/* Reads the whole file. Returns false with errno. */
static bool file_read(struct reading *reading, int fd)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct stat status;
	ssize_t got = 0;

	if (fstat(fd, &status) < 0)
		return false;
	if (!S_ISREG(status.st_mode) || status.st_size > MAX_FILE) {
		errno = S_ISREG(status.st_mode) ? EFBIG : EISDIR;
		return false;
	}
	reading->file = malloc((size_t)status.st_size + 1);
	if (!reading->file)
		return false;
	while (reading->len < (size_t)status.st_size &&
	       (got = read(fd, reading->file + reading->len, (size_t)status.st_size - reading->len)) > 0)
		reading->len += (size_t)got;
	/* Windows editors begin a UTF-8 file with a byte order mark. */
	if (reading->len >= sizeof(mark) - 1 && memcmp(reading->file, mark, sizeof(mark) - 1) == 0) {
		reading->len -= sizeof(mark) - 1;
		memmove(reading->file, reading->file + sizeof(mark) - 1, reading->len);
	}
	reading->file[reading->len] = '\0';
	return got >= 0;
}

static void load(struct reading *reading)
{
	int fd = open(reading->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || !file_read(reading, fd))
		reading_wrong(reading, NULL, "%s", errno == EISDIR ? "it is not a file" : strerror(errno));
	else if (strlen(reading->file) != reading->len)
		reading_wrong(reading, reading->file + strlen(reading->file), "there is a NUL byte in the file");
	else if (macros_refuse(reading))
		parse(reading);
	if (fd >= 0)
		close(fd);
}

struct tux_config *tux_config_read(const char *path, struct tux_settings *settings, bool check, FILE *errors)
{
	struct reading reading = { .settings = settings, .host = &settings->top, .path = path, .errors = errors, .check = check };

	reading.config = calloc(1, sizeof(*reading.config));
	if (!reading.config) {
		reading_wrong(&reading, NULL, "no memory");
		return NULL;
	}
	settings->file = path;
	load(&reading);
	free(reading.file);
	free(reading.host_at);
	if (reading.wrong == 0)
		return reading.config;
	tux_config_free(reading.config);
	return NULL;
}

void tux_config_free(struct tux_config *config)
{
	if (!config)
		return;
	while (config->texts) {
		struct texts *text = config->texts;

		config->texts = text->next;
		free(text);
	}
	free(config);
}
