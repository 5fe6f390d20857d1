/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directory listings: reads and sorts the directory, and writes one page or one JSON array. */
#define _GNU_SOURCE 1
#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../core/escape.h"
#include "../io/print.h"
#include "link.h"

enum {
	FIRST_ENTRIES = 64,
	MAX_FOUND = 1 << 17, /* names whose inodes are looked up in order */
	FIRST_BYTES = 4096,
	RETRIES = 8, /* attempts of a look-up that a concurrent rename disturbs */
	PATH_BYTES = 16384,
	SHORT_TEXT = 32,
	ROW_BYTES = 80, /* of a usual row without its names */
};

struct entry {
	uint32_t name; /* offset in names.data; ends in NUL */
	uint32_t key;  /* offset of its sort key in keys.data */
	uint16_t name_len, key_len;
	bool directory;
	bool plain;    /* no letter of its name needs an escape anywhere */
	uint64_t size;
	int64_t mtime;
};

/* A name that was read, until its status is looked up. */
struct found {
	uint64_t inode;
	uint32_t name; /* offset in found_names.data; ends in NUL */
	uint16_t name_len;
};

/* An entry in its order. Only equal ranks need a look at the entries. */
struct place {
	uint64_t rank;
	uint32_t entry;
};

/* A growing text. After failed is set, writes have no effect. */
struct text {
	char *data;
	size_t len, cap;
	bool failed;
};

enum sort_key { SORT_NAME, SORT_SIZE, SORT_TIME };

struct order {
	enum sort_key key;
	bool descending;
};

struct listing {
	const struct tux_listing_request *req;
	struct order order;
	struct text names, keys;
	struct entry *entries;
	struct place *places;
	size_t count, cap;
	size_t more; /* entries beyond TUX_LISTING_MAX */
	struct found *found;
	size_t found_count, found_cap;
	struct text found_names;
};

/* The last formatted time: most files of a directory are of few minutes or days. */
struct moment {
	int64_t number; /* of the day or minute since 1970 */
	size_t len;     /* 0: no time yet */
	char text[SHORT_TEXT];
};

struct times {
	struct moment day, minute;
};

/* Grows a text by room for len bytes. Returns false if out of memory. */
static bool room_grow(struct text *text, size_t len)
{
	size_t cap = text->cap ? text->cap : FIRST_BYTES;
	char *grown;

	if (text->failed)
		return false;
	while (cap - text->len < len)
		cap *= 2;
	grown = realloc(text->data, cap);
	if (!grown) {
		text->failed = true;
		return false;
	}
	text->data = grown;
	text->cap = cap;
	return true;
}

/* Makes room in an empty text for about so many bytes, in large pages if they are many: each fault of a page costs as much as a row. */
static void text_reserve(struct text *text, size_t bytes)
{
	enum { LARGE_PAGE = 2 << 20 };
	void *data;

	if (bytes < LARGE_PAGE || posix_memalign(&data, LARGE_PAGE, bytes) != 0)
		return;
	madvise(data, bytes, MADV_HUGEPAGE);
	text->data = data;
	text->cap = bytes;
}

/* Makes room for len bytes. Returns false if out of memory. */
static inline bool room_make(struct text *text, size_t len)
{
	return (text->cap - text->len >= len && !text->failed) || room_grow(text, len);
}

/* Inline, because a listing has a million short pieces: the compiler copies those of known length without a call. */
static inline void put(struct text *text, const char *data, size_t len)
{
	if (!room_make(text, len))
		return;
	memcpy(text->data + text->len, data, len);
	text->len += len;
}

static inline void put_text(struct text *text, const char *data)
{
	put(text, data, strlen(data));
}

/* Writes a name escaped. As a part of a URI, no name looks like a scheme or markup. */
static void put_escaped(struct text *text, enum tux_escape how, const char *name, size_t len)
{
	const uint32_t room = (uint32_t)(TUX_MAX_ESCAPED * len); /* names and paths are far below 2^32 / 6 bytes */
	uint32_t taken;

	if (room_make(text, room))
		text->len += tux_escape(how, (uint8_t *)text->data + text->len, room, (const uint8_t *)name, (uint32_t)len, &taken);
}

/* Writes at least `digits` digits of a number. */
static void put_digits(struct text *text, uint64_t number, size_t digits)
{
	char out[SHORT_TEXT];
	size_t at = sizeof(out);

	do {
		out[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0 || sizeof(out) - at < digits);
	put(text, out + at, sizeof(out) - at);
}

static void put_number(struct text *text, uint64_t number)
{
	put_digits(text, number, 1);
}

/* Writes the date of a time, if it has one. Returns the seconds since its midnight, or -1. */
static int put_date(struct text *text, struct moment *day, int64_t seconds)
{
	enum { DAY = 24 * 60 * 60 };
	const int64_t rest = (seconds % DAY + DAY) % DAY;
	const int64_t number = seconds / DAY - (seconds % DAY < 0);

	if (day->len == 0 || day->number != number) {
		const time_t when = (time_t)seconds;
		struct tm tm;

		day->len = gmtime_r(&when, &tm) ? strftime(day->text, sizeof(day->text), "%Y-%m-%d", &tm) : 0;
		day->number = number;
	}
	put(text, day->text, day->len);
	return day->len > 0 ? (int)rest : -1;
}

/* Writes "23:59", of the seconds since midnight. */
static void put_clock(struct text *text, unsigned rest)
{
	put_digits(text, rest / 3600, 2);
	put_text(text, ":");
	put_digits(text, rest / 60 % 60, 2);
}

/* Writes "2024-01-31 23:59". */
static void put_minute(struct text *text, struct times *times, int64_t seconds)
{
	enum { MINUTE = 60 };
	struct moment *const minute = &times->minute;
	const int64_t number = seconds / MINUTE - (seconds % MINUTE < 0);
	const size_t from = text->len;
	int rest;

	if (minute->len > 0 && minute->number == number) {
		put(text, minute->text, minute->len);
		return;
	}
	rest = put_date(text, &times->day, seconds);
	if (rest < 0)
		return;
	put_text(text, " ");
	put_clock(text, (unsigned)rest);
	if (text->failed || text->len - from > sizeof(minute->text))
		return;
	minute->number = number;
	minute->len = text->len - from;
	memcpy(minute->text, text->data + from, minute->len);
}

/* Writes "2024-01-31T23:59:59Z". */
static void put_second(struct text *text, struct times *times, int64_t seconds)
{
	const int rest = put_date(text, &times->day, seconds);

	if (rest < 0)
		return;
	put_text(text, "T");
	put_clock(text, (unsigned)rest);
	put_text(text, ":");
	put_digits(text, (unsigned)rest % 60, 2);
	put_text(text, "Z");
}

/* Writes a size in at most three digits and a unit of 1000. */
static void put_size(struct text *text, uint64_t bytes)
{
	static const char *const units[] = { " kB", " MB", " GB", " TB", " PB", " EB" };
	uint64_t unit = 1000;
	size_t i = 0;

	while (bytes / unit >= 1000 && i + 1 < sizeof(units) / sizeof(units[0])) {
		unit *= 1000;
		i++;
	}
	if (bytes < 1000) {
		put_number(text, bytes);
		put_text(text, " B");
		return;
	}
	put_number(text, bytes / unit);
	if (bytes / unit < 10) {
		put_text(text, ".");
		put_number(text, bytes / (unit / 10) % 10);
	}
	put_text(text, units[i]);
}

/* Writes the name of an entry escaped. */
static void put_name(struct text *text, enum tux_escape how, const struct listing *listing, const struct entry *entry)
{
	const char *name = listing->names.data + entry->name;

	if (entry->plain)
		put(text, name, entry->name_len);
	else
		put_escaped(text, how, name, entry->name_len);
}

/* True if the octets [from, to) of the query are text. */
static bool query_is(const struct tux_listing_request *req, uint32_t from, uint32_t to, const char *text)
{
	return to - from == strlen(text) && memcmp(req->query + from, text, to - from) == 0;
}

static struct order order_read(const struct tux_listing_request *req)
{
	struct order order = { SORT_NAME, false };
	uint32_t from = 0, to;

	while (from < req->query_len) {
		for (to = from; to < req->query_len && req->query[to] != '&'; to++)
			;
		if (query_is(req, from, to, "sort=name"))
			order.key = SORT_NAME;
		else if (query_is(req, from, to, "sort=size"))
			order.key = SORT_SIZE;
		else if (query_is(req, from, to, "sort=time"))
			order.key = SORT_TIME;
		else if (query_is(req, from, to, "order=asc"))
			order.descending = false;
		else if (query_is(req, from, to, "order=desc"))
			order.descending = true;
		from = to + 1;
	}
	return order;
}

/* True if a call failed for lack of a resource, which does not concern the file. */
static bool is_shortage(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE || error == EIO;
}

unsigned tux_listing_order(const uint8_t *query, uint32_t query_len)
{
	const struct tux_listing_request req = { .query = query, .query_len = query_len };
	const struct order order = order_read(&req);

	return 2 * (unsigned)order.key + order.descending;
}

/* Gets the status of a link's target like a request for it would: only beneath the root. Returns false with errno. */
static bool link_follow(const struct tux_listing_request *req, const char *name, struct stat *st)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	char path[PATH_BYTES];
	int fd = -1, i;
	bool found;

	if (!print_whole(path, sizeof(path), "%.*s%s", (int)req->path_len - 1, (const char *)req->path + 1, name)) {
		errno = ENAMETOOLONG;
		return false;
	}
	for (i = 0; i < RETRIES; i++) {
		fd = (int)syscall(SYS_openat2, req->host->root_fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd < 0 && errno == EXDEV)
		fd = link_open(req->host, path, O_PATH);
	if (fd < 0)
		return false;
	found = fstat(fd, st) == 0;
	close(fd);
	return found;
}

/* True if a file of this name may be listed. */
static bool name_is_listed(const struct tux_listing_request *req, const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && (name[0] != '.' || req->dot_files);
}

/* True if a file is to be listed; *st is then its status. Sets *error if the status cannot be determined. */
static bool entry_look(const struct tux_listing_request *req, const char *name, struct stat *st, int *error)
{
	bool found, link;

	found = fstatat(req->dir_fd, name, st, AT_SYMLINK_NOFOLLOW) == 0;
	link = found && S_ISLNK(st->st_mode);
	if (!found || (link && !link_follow(req, name, st))) {
		if (is_shortage(errno))
			*error = errno;
		return false; /* else it was removed meanwhile, or is outside the root */
	}
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return false;
	if (!tux_modes_permit(req->modes, st->st_mode))
		return false;
	/* inotify does not report changes of a link's target, through other names of a file, or inside a subdirectory. */
	if (req->sure && (link || S_ISDIR(st->st_mode) || st->st_nlink > 1))
		*req->sure = false;
	return true;
}

static char lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter + 'a' - 'A') : letter;
}

static bool is_digit(char letter)
{
	return letter >= '0' && letter <= '9';
}

/* True if no kind of escape changes a letter. */
static bool is_plain(char letter)
{
	return is_digit(letter) || (lower(letter) >= 'a' && lower(letter) <= 'z') || letter == '.' || letter == '-' || letter == '_';
}

/*
 * Adds the sort key of a name: keys compared byte by byte are in natural order, "a2" before "A10". A number is a digit, the count of
 * its digits without leading zeros, and these.
 */
static void key_add(struct text *keys, const char *name, size_t len)
{
	enum { LONGEST = 3 }; /* of the key of one letter */
	size_t digits;
	char *to;

	if (!room_make(keys, LONGEST * len))
		return;
	to = keys->data + keys->len;
	while (*name) {
		if (!is_digit(*name)) {
			*to++ = lower(*name++);
			continue;
		}
		while (*name == '0')
			name++;
		for (digits = 0; is_digit(name[digits]); digits++)
			;
		*to++ = '0';
		*to++ = (char)digits;
		memcpy(to, name, digits);
		to += digits;
		name += digits;
	}
	keys->len = (size_t)(to - keys->data);
}

/* Makes room for one more entry. Returns false if out of memory. */
static bool entries_grow(struct listing *listing)
{
	const size_t cap = listing->cap ? 2 * listing->cap : FIRST_ENTRIES;
	struct entry *grown = realloc(listing->entries, cap * sizeof(*grown));

	if (!grown)
		return false;
	listing->entries = grown;
	listing->cap = cap;
	return true;
}

static bool entry_add(struct listing *listing, const struct found *found, const struct stat *st)
{
	const char *name = listing->found_names.data + found->name;
	struct entry entry = {
		.name = (uint32_t)listing->names.len,
		.key = (uint32_t)listing->keys.len,
		.name_len = found->name_len,
		.size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size,
		.mtime = st->st_mtim.tv_sec,
		.directory = S_ISDIR(st->st_mode),
		.plain = true,
	};

	if (listing->count == TUX_LISTING_MAX) {
		listing->more++;
		return true;
	}
	if (listing->count == listing->cap && !entries_grow(listing))
		return false;
	for (size_t i = 0; i < found->name_len && entry.plain; i++)
		entry.plain = is_plain(name[i]);
	put(&listing->names, name, (size_t)found->name_len + 1);
	key_add(&listing->keys, name, found->name_len);
	entry.key_len = (uint16_t)(listing->keys.len - entry.key);
	listing->entries[listing->count++] = entry;
	return !listing->names.failed && !listing->keys.failed;
}

static bool found_add(struct listing *listing, const struct dirent *dirent)
{
	const size_t len = strlen(dirent->d_name);

	if (listing->found_count == listing->found_cap) {
		const size_t cap = listing->found_cap ? 2 * listing->found_cap : FIRST_ENTRIES;
		struct found *grown = realloc(listing->found, cap * sizeof(*grown));

		if (!grown)
			return false;
		listing->found = grown;
		listing->found_cap = cap;
	}
	listing->found[listing->found_count++] = (struct found){
		.inode = dirent->d_ino,
		.name = (uint32_t)listing->found_names.len,
		.name_len = (uint16_t)len,
	};
	put(&listing->found_names, dirent->d_name, len + 1);
	return !listing->found_names.failed;
}

/* For qsort(). */
static int compare_inodes(const void *left, const void *right)
{
	const struct found *a = left, *b = right;

	return (a->inode > b->inode) - (a->inode < b->inode);
}

/*
 * Looks up the files of the names in the order of their inodes, which mostly is their order on the disk and in memory: a directory
 * has its names in the order of hashes. Returns 0, or the errno of a failure.
 */
static int found_look(struct listing *listing)
{
	struct stat st;
	int error = 0;

	if (listing->found_count > 1)
		qsort(listing->found, listing->found_count, sizeof(*listing->found), compare_inodes);
	for (size_t i = 0; i < listing->found_count && error == 0; i++) {
		const struct found *found = &listing->found[i];

		if (entry_look(listing->req, listing->found_names.data + found->name, &st, &error) && !entry_add(listing, found, &st))
			error = ENOMEM;
	}
	listing->found_count = 0;
	listing->found_names.len = 0;
	return error;
}

/* Reads all entries. Returns false with errno. */
static bool directory_read(struct listing *listing)
{
	int fd = fcntl(listing->req->dir_fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *dirent;
	int error = 0;

	if (!dir) {
		error = errno;
		if (fd >= 0)
			close(fd);
		errno = error;
		return false;
	}
	rewinddir(dir);
	while (error == 0) {
		errno = 0;
		dirent = readdir(dir);
		if (!dirent) {
			error = errno;
			break;
		}
		if (name_is_listed(listing->req, dirent->d_name) && !found_add(listing, dirent))
			error = ENOMEM;
		if (error == 0 && listing->found_count == MAX_FOUND)
			error = found_look(listing);
	}
	closedir(dir);
	if (error == 0)
		error = found_look(listing);
	errno = error;
	return error == 0;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Compares names in natural order. Names that are equal in that order are compared byte by byte. */
static int compare_names(const struct listing *listing, const struct entry *a, const struct entry *b)
{
	const size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = memcmp(listing->keys.data + a->key, listing->keys.data + b->key, len);

	if (order == 0)
		order = compare_numbers(a->key_len, b->key_len);
	return order != 0 ? order : strcmp(listing->names.data + a->name, listing->names.data + b->name);
}

/* Compares by the key, then by name. Directories come first, and have no size to sort by. */
static int compare_entries(const struct listing *listing, const struct entry *a, const struct entry *b)
{
	const int names = compare_names(listing, a, b);
	int order = 0;

	if (a->directory != b->directory)
		return a->directory ? -1 : 1;
	switch (listing->order.key) {
	case SORT_NAME:
		order = names;
		break;
	case SORT_SIZE:
		order = compare_numbers(a->size, b->size);
		break;
	case SORT_TIME:
		order = (a->mtime > b->mtime) - (a->mtime < b->mtime);
		break;
	}
	if (order == 0)
		return names;
	return listing->order.descending ? -order : order;
}

/* For qsort_r(). */
static int compare_places(const void *left, const void *right, void *arg)
{
	const struct listing *listing = arg;
	const struct place *a = left, *b = right;

	if (a->rank != b->rank)
		return compare_numbers(a->rank, b->rank);
	return compare_entries(listing, &listing->entries[a->entry], &listing->entries[b->entry]);
}

/* Returns the number of bytes with which all sort keys begin. */
static size_t common_len(const struct listing *listing)
{
	const struct entry *first = &listing->entries[0];
	size_t common = first->key_len;

	for (size_t i = 1; i < listing->count; i++) {
		const struct entry *entry = &listing->entries[i];
		size_t len = 0;

		while (len < common && len < entry->key_len && listing->keys.data[first->key + len] == listing->keys.data[entry->key + len])
			len++;
		common = len;
	}
	return common;
}

enum { RANK_BITS = 63 }; /* of the value; the highest bit is 0 for directories */

/* Returns a number that is smaller for the earlier of two entries, or equal. The first bytes of keys are equal, and left out. */
static uint64_t rank_of(const struct listing *listing, const struct entry *entry, size_t common)
{
	const uint64_t max = (UINT64_C(1) << RANK_BITS) - 1;
	uint64_t value = 0;

	switch (listing->order.key) {
	case SORT_NAME:
		for (size_t i = 0; i < sizeof(value); i++)
			value = value << 8 | (common + i < entry->key_len ? (uint8_t)listing->keys.data[entry->key + common + i] : 0);
		value >>= 1;
		break;
	case SORT_SIZE:
		value = entry->size < max ? entry->size : max;
		break;
	case SORT_TIME:
		value = entry->mtime > 0 ? max / 2 + (uint64_t)entry->mtime / 2 : max / 2 - (uint64_t)-(entry->mtime / 2);
		break;
	}
	if (listing->order.descending && !(entry->directory && listing->order.key == SORT_SIZE))
		value = max - value;
	return value | (uint64_t)!entry->directory << RANK_BITS;
}

/* Returns false if out of memory. */
static bool entries_sort(struct listing *listing)
{
	const size_t common = listing->count > 0 ? common_len(listing) : 0;

	listing->places = malloc((listing->count > 0 ? listing->count : 1) * sizeof(*listing->places));
	if (!listing->places)
		return false;
	for (size_t i = 0; i < listing->count; i++)
		listing->places[i] = (struct place){ .rank = rank_of(listing, &listing->entries[i], common), .entry = (uint32_t)i };
	qsort_r(listing->places, listing->count, sizeof(*listing->places), compare_places, listing);
	return true;
}

static void json_write(const struct listing *listing, struct text *out)
{
	struct times times = { .day = { .len = 0 } };
	size_t i;

	put_text(out, "[");
	for (i = 0; i < listing->count; i++) {
		const struct entry *entry = &listing->entries[listing->places[i].entry];

		put_text(out, i ? ",\n{\"name\":\"" : "\n{\"name\":\"");
		put_name(out, TUX_ESCAPE_JSON, listing, entry);
		put_text(out, "\",\"href\":\"");
		put_name(out, TUX_ESCAPE_URI, listing, entry);
		put_text(out, entry->directory ? "/\"" : "\"");
		put_text(out, entry->directory ? ",\"type\":\"directory\",\"size\":" : ",\"type\":\"file\",\"size\":");
		put_number(out, entry->size);
		put_text(out, ",\"mtime\":\"");
		put_second(out, &times, entry->mtime);
		put_text(out, "\"}");
	}
	put_text(out, "\n]\n");
}

/* The page up to its title. The icons are masks, so they take the colours of light and dark. */
static const char page_start[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
	"<meta name=\"color-scheme\" content=\"light dark\"><style>\n"
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#636c76;--line:#e2e6ea;--hover:#f4f6f8;--link:#0a58ca;"
	"--dir:#c98a00}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e3e6ea;--dim:#98a1ab;--line:#2b3138;--hover:#1d2228;"
	"--link:#7ab4ff;--dir:#e3b341}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 3rem;background:var(--bg);color:var(--fg);"
	"font:1rem/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.25rem;font-weight:600;margin:0 .5rem 1rem;overflow-wrap:anywhere}\n"
	"h1 span{color:var(--dim);font-weight:400;padding:0 .15em}\n"
	"a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}\n"
	"table{width:100%;border-collapse:collapse}\n"
	"th,td{padding:.4rem .5rem;text-align:left;border-bottom:1px solid var(--line)}\n"
	"th{font-size:.875rem;font-weight:600;white-space:nowrap}th a,th button{color:var(--dim)}\n"
	"th button{all:unset;cursor:pointer;color:var(--dim)}th button:hover{text-decoration:underline}\n"
	"td{overflow-wrap:anywhere}tbody tr:hover{background:var(--hover)}\n"
	"td+td,th+th{width:1%;white-space:nowrap;text-align:right;color:var(--dim);font-variant-numeric:tabular-nums;"
	"padding-left:1.5rem}\n"
	"td a{unicode-bidi:isolate}\n"
	"td a::before{content:\"\";display:inline-block;width:1.1em;height:1.1em;margin-right:.6em;vertical-align:-.18em;"
	"background:var(--dim);-webkit-mask:var(--i) center/contain no-repeat;mask:var(--i) center/contain no-repeat}\n"
	"td a{--i:url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
	"%3Cpath d='M3 1h6.5L13 4.5V15H3zm1.2 1.2v11.6h7.6V5.3H8.7V2.2z'/%3E%3C/svg%3E\")}\n"
	"a.d{--i:url(\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
	"%3Cpath d='M1 2.5h5l1.5 2H15v9H1z'/%3E%3C/svg%3E\")}a.d::before{background:var(--dir)}\n"
	"p{color:var(--dim);font-size:.875rem;margin:1rem .5rem}\n"
	"@media(max-width:36rem){tr{display:grid;grid-template-columns:auto 1fr;border-bottom:1px solid var(--line);"
	"padding:.4rem 0}thead tr{display:flex}th,td{border:0;padding:0 .5rem}td:first-child{grid-column:1/3}"
	"td+td,th+th{width:auto;text-align:left;padding-left:.5rem;font-size:.8125rem}td:nth-child(2){padding-left:2.2rem}"
	"td:empty{padding-right:0}td:empty+td{padding-left:0}}\n"
	"</style><title>";

/* Writes the path as relative links, which stay valid after any prefix added by a proxy. */
static void breadcrumbs_write(const struct tux_listing_request *req, struct text *out)
{
	const char *path = (const char *)req->path;
	uint32_t depth = 0, from = 1, i, up;

	for (i = 1; i < req->path_len; i++)
		depth += path[i] == '/';
	put_text(out, "<h1><a href=\"");
	for (up = 0; up < depth; up++)
		put_text(out, "../");
	put_text(out, depth ? "\">Home</a><span>/</span>" : "./\">Home</a><span>/</span>");
	for (i = 1; i < req->path_len; i++) {
		if (path[i] != '/')
			continue;
		depth--;
		if (depth > 0) {
			put_text(out, "<a href=\"");
			for (up = 0; up < depth; up++)
				put_text(out, "../");
			put_text(out, "\">");
		}
		put_escaped(out, TUX_ESCAPE_HTML, path + from, i - from);
		put_text(out, depth > 0 ? "</a><span>/</span>" : "<span>/</span>");
		from = i + 1;
	}
	put_text(out, "</h1>\n");
}

/*
 * Writes a column's head, which sorts by the column, or reverses the order if it is already sorted by it. Large and new entries
 * come first. It is a form instead of a link: programs that fetch a site link by link would fetch each listing seven times, because
 * not all of them know rel=nofollow.
 */
static void column_write(const struct listing *listing, struct text *out, enum sort_key key, const char *name,
                         const char *title)
{
	const bool active = listing->order.key == key;
	const bool descending = active ? !listing->order.descending : key != SORT_NAME;

	put_text(out, "<th");
	if (active)
		put_text(out, listing->order.descending ? " aria-sort=\"descending\"" : " aria-sort=\"ascending\"");
	if (key == SORT_NAME && !descending) { /* the order without a query */
		put_text(out, "><a href=\"./\">");
	} else {
		put_text(out, "><form rel=\"nofollow\"><button name=\"sort\" value=\"");
		put_text(out, name);
		put_text(out, "\">");
	}
	put_text(out, title);
	if (active)
		put_text(out, listing->order.descending ? " \xe2\x86\x93" : " \xe2\x86\x91");
	if (key == SORT_NAME && !descending) {
		put_text(out, "</a></th>");
		return;
	}
	put_text(out, "</button><input type=\"hidden\" name=\"order\" value=\"");
	put_text(out, descending ? "desc\"></form></th>" : "asc\"></form></th>");
}

static void row_write(const struct listing *listing, struct text *out, const struct entry *entry, struct times *times)
{
	put_text(out, entry->directory ? "<tr><td><a class=\"d\" href=\"" : "<tr><td><a href=\"");
	put_name(out, TUX_ESCAPE_URI, listing, entry);
	put_text(out, entry->directory ? "/\">" : "\">");
	put_name(out, TUX_ESCAPE_HTML, listing, entry);
	put_text(out, entry->directory ? "/</a></td><td>" : "</a></td><td>");
	if (!entry->directory)
		put_size(out, entry->size);
	put_text(out, "</td><td>");
	put_minute(out, times, entry->mtime);
	put_text(out, "</td></tr>\n");
}

/* Writes the last line: the number of entries. */
static void total_write(const struct listing *listing, struct text *out)
{
	size_t directories = 0, i;
	uint64_t bytes = 0;

	for (i = 0; i < listing->count; i++) {
		directories += listing->entries[i].directory;
		bytes += listing->entries[i].size;
	}
	put_text(out, "<p>");
	put_number(out, directories);
	put_text(out, directories == 1 ? " directory, " : " directories, ");
	put_number(out, listing->count - directories);
	put_text(out, listing->count - directories == 1 ? " file, " : " files, ");
	put_size(out, bytes);
	if (listing->more > 0) {
		put_text(out, "; ");
		put_number(out, listing->more);
		put_text(out, " more entries are not shown");
	}
	put_text(out, "</p>\n");
}

static void page_write(const struct listing *listing, struct text *out)
{
	const struct tux_listing_request *req = listing->req;
	struct times times = { .day = { .len = 0 } };
	size_t i;

	put(out, page_start, sizeof(page_start) - 1);
	put_escaped(out, TUX_ESCAPE_HTML, (const char *)req->path, req->path_len);
	put_text(out, "</title></head><body>\n");
	breadcrumbs_write(req, out);
	put_text(out, "<table><thead><tr>");
	column_write(listing, out, SORT_NAME, "name", "Name");
	column_write(listing, out, SORT_SIZE, "size", "Size");
	column_write(listing, out, SORT_TIME, "time", "Modified (UTC)");
	put_text(out, "</tr></thead><tbody>\n");
	if (req->path_len > 1)
		put_text(out, "<tr><td><a class=\"d\" href=\"../\">../</a></td><td></td><td></td></tr>\n");
	for (i = 0; i < listing->count; i++)
		row_write(listing, out, &listing->entries[listing->places[i].entry], &times);
	put_text(out, "</tbody></table>\n");
	total_write(listing, out);
	put_text(out, "</body></html>\n");
}

bool tux_listing_render(const struct tux_listing_request *req, uint8_t **text, size_t *len)
{
	struct listing listing = { .req = req, .order = order_read(req) };
	struct text out = { 0 };
	bool read = directory_read(&listing);
	int error = errno;

	*text = NULL;
	*len = 0;
	if (read) {
		text_reserve(&out, listing.count * ROW_BYTES + 2 * listing.names.len);
		if (!entries_sort(&listing))
			out.failed = true;
		else if (req->json)
			json_write(&listing, &out);
		else
			page_write(&listing, &out);
		error = ENOMEM;
	}
	free(listing.found);
	free(listing.found_names.data);
	free(listing.entries);
	free(listing.places);
	free(listing.names.data);
	free(listing.keys.data);
	if (!read || out.failed) {
		free(out.data);
		errno = error;
		return false;
	}
	*text = (uint8_t *)out.data;
	*len = out.len;
	return true;
}
