/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load.h"

#include "../../core/etag.h"
#include "../io/print.h"
#include "content_tag.h"
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	ATTEMPTS = 3, /* attempts for a file that changes while it is read */
	LARGE_DIRECTORY = 65536, /* bytes, of some 2,500 names: the kernel visits each known name when it starts to watch the directory */
};

static const uint8_t *etag_key(const struct load *load)
{
	return load->config->etag_key;
}

/*
 * Opens a name only beneath the root. Tries links only if there is one, and sets *via_link then, because inotify watches the path
 * of the name but not of a link's target. The kernel rejects every absolute link as outside.
 */
static int open_beneath(const struct load *load, const char *name, uint64_t flags, bool *via_link)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};
	int fd;

	if (!load->may_block)
		how.resolve |= RESOLVE_CACHED;
	for (int i = 0; i < 16; i++) {
		fd = (int)syscall(SYS_openat2, load->host->root_fd, name, &how, sizeof(how));
		if (fd < 0 && errno == ELOOP && (how.resolve & RESOLVE_NO_SYMLINKS)) {
			how.resolve &= ~(uint64_t)RESOLVE_NO_SYMLINKS;
			*via_link = true;
			continue;
		}
		if (fd >= 0 || errno != EAGAIN || !load->may_block)
			break;
	}
	if (fd >= 0 || errno != EXDEV || !*via_link)
		return fd;
	if (load->may_block)
		return link_open(load->host, name, flags);
	errno = EAGAIN;
	return -1;
}

/* True if the open would block. A kernel without RESOLVE_CACHED returns EINVAL; then only a thread that may block can open. */
static bool would_block(const struct load *load)
{
	return !load->may_block && (errno == EAGAIN || errno == EINVAL);
}

static enum object_kind kind_of_error(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
	case EBADF: /* the root is missing */
		return OBJECT_MISSING;
	case EACCES:
	case EPERM:
	case EXDEV: /* a link out of the root */
	case ELOOP:
	case ENXIO: /* a socket, or a device without its driver */
	case ENODEV:
		return OBJECT_FORBIDDEN;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return OBJECT_BUSY;
	default:
		return OBJECT_BROKEN;
	}
}

/* Returns the cause of a kind that kind_of_error() returned. */
static struct cause cause_of_error(int error)
{
	switch (error) {
	case EXDEV:
		return because(WHY_LINK_OUTSIDE, 0);
	case ELOOP:
		return because(WHY_LINK_LOOP, 0);
	case EACCES:
	case EPERM:
		return because(WHY_PERMISSION, error);
	case ENXIO:
	case ENODEV:
		return because(WHY_SPECIAL_FILE, error);
	case EMFILE:
	case ENFILE:
		return because(WHY_DESCRIPTORS, error);
	case ENOMEM:
		return because(WHY_MEMORY, 0);
	default:
		return because(WHY_FILE_SYSTEM, error);
	}
}

/* Sets the object's kind and cause for a file that cannot be served because of an errno. */
static void object_fail(struct object *object, int error)
{
	object->kind = (uint8_t)kind_of_error(error);
	object->cause = cause_of_error(error);
}

/* Sets the object's kind and cause for a forbidden file. */
static void object_forbid(struct object *object, struct cause cause)
{
	object->kind = OBJECT_FORBIDDEN;
	object->cause = cause;
}

/* Reads the whole body. Returns 1 if done, 0 if it would block, -1 if the file has fewer than size bytes, or with errno. */
static int read_body(const struct load *load, int fd, uint8_t *memory, uint64_t size)
{
	uint64_t done = 0;

	errno = 0;
	while (done < size) {
		struct iovec iov = { .iov_base = memory + done, .iov_len = size - done };
		ssize_t n = preadv2(fd, &iov, 1, (off_t)done, load->may_block ? 0 : RWF_NOWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !load->may_block && (errno == EAGAIN || errno == EOPNOTSUPP))
			return 0;
		if (n <= 0)
			return -1;
		done += (uint64_t)n;
	}
	return 1;
}

enum take { TAKE_DONE, TAKE_BLOCKS, TAKE_FAILED };

/*
 * Returns a new representation, in memory with room for its body; NULL with errno if out of memory. The head is added later, mostly in
 * place: room for the longest one would leave a gap that malloc() does not use again.
 */
static struct representation *representation_new(const struct stamp *stamp, bool in_memory)
{
	struct representation *rep = malloc(sizeof(*rep) + (in_memory ? stamp->size : 0));

	if (rep != NULL)
		*rep = (struct representation){ .stamp = *stamp, .fd = -1, .in_memory = in_memory };
	return rep;
}

/*
 * Makes a representation of an open file. Reads a small body until it matches its stamp. A body that keeps changing stays in its
 * file.
 */
static enum take take_body(const struct load *load, int fd, struct stamp stamp, struct representation **made)
{
	for (int i = 0; i < ATTEMPTS && stamp.size <= load->config->memory_object_bytes; i++) {
		struct representation *rep = representation_new(&stamp, true);
		struct stat st;
		int result;

		if (rep == NULL)
			break;
		result = read_body(load, fd, rep->bytes, stamp.size);
		if (result == 0) {
			free(rep);
			return TAKE_BLOCKS;
		}
		if (fstat(fd, &st) != 0) {
			free(rep);
			return TAKE_FAILED;
		}
		stamp_from_stat(&stamp, &st);
		if (result > 0 && stamp_equals(&rep->stamp, &stamp)) {
			rep->stamp = stamp;
			*made = rep;
			return TAKE_DONE;
		}
		free(rep);
		if (result < 0 && errno != 0)
			return TAKE_FAILED;
	}
	*made = representation_new(&stamp, false);
	return *made != NULL ? TAKE_DONE : TAKE_FAILED;
}

/* Makes the entity tag. If a file is too recent for its times to suffice, a strong tag needs its bytes; without them it is weak. */
static void make_etag(const struct load *load, struct object *object, enum tux_coding coding)
{
	struct representation *rep = object->representation[coding];
	const struct stamp *stamp = &rep->stamp;
	struct tux_file_identity identity = {
		.device = stamp->device,
		.inode = stamp->inode,
		.size = stamp->size,
		.mtime_s = stamp->mtime_s,
		.ctime_s = stamp->ctime_s,
		.mtime_ns = stamp->mtime_ns,
		.ctime_ns = stamp->ctime_ns,
	};
	bool fresh = stamp_is_fresh(stamp, &load->began);

	if (fresh && rep->in_memory)
		identity.content = tux_etag_content(etag_key(load), rep->bytes, stamp->size);
	if (fresh)
		object->settled = false;
	rep->etag_len =
		(uint8_t)tux_etag_format(etag_key(load), &identity, coding, fresh && !rep->in_memory, rep->etag);
}

/* Makes a tag weak, because it differs between replicas: clients must not combine ranges with it. */
static void weaken(struct representation *rep)
{
	if (rep->etag[0] != '"')
		return;
	memmove(rep->etag + 2, rep->etag, rep->etag_len);
	memcpy(rep->etag, "W/", 2);
	rep->etag_len += 2;
}

/*
 * Replaces the tag of the identity by the tag of the bytes. Hashes few bytes in memory immediately. If a file is too long, or
 * changes while it is read, the tag of its identity stays and becomes weak.
 */
static enum take make_content_tag(const struct load *load, struct object *object, enum tux_coding coding)
{
	struct representation *rep = object->representation[coding];
	struct content_tags *tags = load->config->content_tags;
	uint64_t hash = 0;

	if (!load->host->content_tags)
		return TAKE_DONE;
	if (rep->in_memory && (load->may_block || rep->stamp.size <= CONTENT_TAG_CHUNK_BYTES))
		hash = content_tag_of(rep->bytes, rep->stamp.size);
	else if (rep->in_memory)
		return TAKE_BLOCKS;
	else if (rep->stamp.size <= CONTENT_TAG_MAX_BYTES)
		hash = content_tag_find(tags, &rep->stamp);
	if (hash == 0 && rep->stamp.size <= CONTENT_TAG_MAX_BYTES) {
		if (!load->may_block || (rep->stamp.size > CONTENT_TAG_LONG_BYTES && !load->may_take_long))
			return TAKE_BLOCKS;
		hash = content_tag_read(tags, rep->fd, &rep->stamp);
		object->settled = object->settled && hash != 0; /* the next load may find a stable file */
	}
	if (hash != 0)
		rep->etag_len = (uint8_t)content_tag_format(hash, rep->stamp.size, coding, rep->etag);
	else
		weaken(rep);
	return TAKE_DONE;
}

/*
 * Makes an open regular file a representation of the object, which then owns fd. On TAKE_FAILED the caller closes fd, and on
 * TAKE_BLOCKS it is closed or the object's.
 */
static enum take take_representation(const struct load *load, struct object *object, enum tux_coding coding, int fd,
                                     const struct stat *st)
{
	struct representation *rep;
	struct stamp stamp;
	enum take took;

	stamp_from_stat(&stamp, st);
	took = take_body(load, fd, stamp, &object->representation[coding]);
	if (took == TAKE_BLOCKS)
		close(fd);
	if (took != TAKE_DONE)
		return took;
	rep = object->representation[coding];
	rep->fd = fd;
	make_etag(load, object, coding);
	took = make_content_tag(load, object, coding);
	if (took != TAKE_DONE)
		return took;
	if (rep->in_memory) {
		close(rep->fd);
		rep->fd = -1;
		object->memory_bytes += rep->stamp.size;
	} else {
		object->files++;
	}
	object->available |= (uint8_t)(1u << coding);
	return TAKE_DONE;
}

/* Returns the kind of a regular file: the file itself, or the handler that it selects. Programs and modules must belong to root. */
static enum object_kind kind_of_file(const struct load *load, const char *name, const struct stat *st)
{
	const bool trusted = st->st_uid == 0 && st->st_gid == 0 && (st->st_mode & S_IWOTH) == 0;

	if (!tux_modes_permit(load->host->modes, st->st_mode))
		return OBJECT_FORBIDDEN;
	switch (tux_file_handler_of(&load->host->selection, (const uint8_t *)name, (uint32_t)strlen(name), st->st_mode)) {
	case TUX_FILE_HANDLER_REDIRECT:
		return OBJECT_REDIRECT;
	case TUX_FILE_HANDLER_CGI:
		return trusted ? OBJECT_PROGRAM : OBJECT_FORBIDDEN;
	case TUX_FILE_HANDLER_MODULE:
		return trusted ? OBJECT_MODULE : OBJECT_FORBIDDEN;
	case TUX_FILE_HANDLER_FILE:
	case TUX_SELECTIONS:
		break;
	}
	return OBJECT_FILE;
}

/* Returns the cause for which kind_of_file() forbids a file, or for which another type of file is forbidden. */
static struct cause cause_of_mode(const struct load *load, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return because(WHY_SPECIAL_FILE, 0);
	if (!tux_modes_permit(load->host->modes, st->st_mode))
		return because_of_mode(WHY_MODE, st->st_mode);
	return because(WHY_NOT_TRUSTED, 0);
}

/*
 * Omits a sibling that could not be checked for lack of resources and may exist. The object serves this request only, and is not
 * kept.
 */
static void leave_out(struct object *object)
{
	object->sure = false;
	object->settled = false;
}

/* Adds the precompressed siblings. A sibling must be as readable as the file and not older. Omits one that fails. */
static enum take take_siblings(const struct load *load, struct object *object)
{
	const struct stamp plain = object->representation[TUX_CODING_IDENTITY]->stamp;
	const char *const base = strrchr(object->file, '/');
	const char *const plain_name = base != NULL ? base + 1 : object->file;
	const unsigned maybe = load->siblings != NULL ? siblings_of(load->siblings, plain_name, strlen(plain_name)) : ~0u;
	char name[TUX_MAX_TARGET + 256];

	for (int coding = TUX_CODING_BR; coding < TUX_CODINGS; coding++) {
		bool via_link = false;
		struct stat st;
		int fd;

		if ((maybe & 1u << coding) == 0 ||
		    !print_whole(name, sizeof(name), "%s%s", object->file, tux_coding_suffix((enum tux_coding)coding)))
			continue;
		fd = open_beneath(load, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, &via_link);
		if (fd < 0 && would_block(load))
			return TAKE_BLOCKS;
		if (fd < 0) {
			if (kind_of_error(errno) != OBJECT_MISSING && kind_of_error(errno) != OBJECT_FORBIDDEN)
				leave_out(object);
			continue;
		}
		if (via_link)
			object->sure = false;
		if (fstat(fd, &st) != 0) {
			leave_out(object);
			close(fd);
			continue;
		}
		if (st.st_nlink != 1) /* no event reports a write by another name */
			object->sure = false;
		if (!S_ISREG(st.st_mode) || kind_of_file(load, name, &st) != OBJECT_FILE ||
		    st.st_mtim.tv_sec < plain.mtime_s ||
		    (st.st_mtim.tv_sec == plain.mtime_s && st.st_mtim.tv_nsec < plain.mtime_ns)) {
			close(fd);
			continue;
		}
		switch (take_representation(load, object, (enum tux_coding)coding, fd, &st)) {
		case TAKE_DONE:
			break;
		case TAKE_BLOCKS:
			return TAKE_BLOCKS;
		case TAKE_FAILED:
			leave_out(object);
			close(fd);
			break;
		}
	}
	return TAKE_DONE;
}

static bool is_local(const struct load *load, int fd, const struct stat *st)
{
	return load->systems != NULL ? file_systems_local(load->systems, fd, st->st_dev) : file_system_is_local(fd);
}

/* Adds the head behind the body, and gives back what the representation does not need. */
static void build_head(struct object *object, enum tux_coding coding)
{
	static const uint8_t date[TUX_DATE_LEN] = "Thu, 01 Jan 1970 00:00:00 GMT"; /* replaced when it is sent */
	struct representation *rep = object->representation[coding];
	struct tux_head head = { .status = 200, .minor = 1, .keep_alive = true, .date = date };
	struct tux_facts facts = object_facts(object, coding, INT64_MAX);
	const struct tux_plan plan = { .status = 200 };
	uint8_t text[TUX_MAX_RESPONSE_HEAD + TUX_MAX_FIELD_LINES];
	struct representation *fitted;
	const uint64_t at = offsetof(struct representation, bytes) + (rep->in_memory ? rep->stamp.size : 0);
	uint32_t date_off;
	uint32_t len;

	head.extra = tux_fields_added(object->fields, 200, true);
	head.omit = object->fields->omit;
	tux_head_describe(&head, &facts, object_coding(object, coding), object->available, object->type);
	tux_head_plan(&head, &plan);
	len = tux_response_head(text, sizeof(text), &head, &date_off);
	fitted = realloc(rep, at + len > sizeof(*rep) ? at + len : sizeof(*rep));
	if (fitted == NULL)
		return;
	memcpy((uint8_t *)fitted + at, text, len);
	fitted->head_len = (uint16_t)len;
	fitted->date_off = (uint16_t)date_off;
	object->representation[coding] = fitted;
}

/* Sets the object's kind from an open file of any type. TAKE_FAILED: the caller closes fd. */
static enum take take_file(const struct load *load, struct object *object, int fd, bool via_link)
{
	static const struct tux_media_types builtin;
	struct tux_media media;
	struct stat st;
	enum object_kind kind;
	enum take took;

	if (fstat(fd, &st) != 0)
		return TAKE_FAILED;
	object->local = is_local(load, fd, &st);
	object->sure = object->local && !via_link && load->inotify_fd >= 0 && !load->too_deep && st.st_nlink == 1;
	if (S_ISDIR(st.st_mode)) {
		object->kind = OBJECT_DIRECTORY;
		object->sure = false; /* its index may appear at any time; a redirect is cheap to look up again */
		close(fd);
		return TAKE_DONE;
	}
	kind = S_ISREG(st.st_mode) ? kind_of_file(load, object->file, &st) : OBJECT_FORBIDDEN;
	if (kind != OBJECT_FILE) {
		object->kind = (uint8_t)kind;
		object->cause = cause_of_mode(load, &st);
		close(fd);
		return TAKE_DONE;
	}
	object->settled = true;
	object->fields = tux_host_fields(load->host, tux_route_find(&load->host->routes, load->key, load->key_len));
	media = tux_media_types_find(object->fields->types != NULL ? object->fields->types : &builtin, (const uint8_t *)object->file, (uint32_t)strlen(object->file));
	object->type = media.type;
	object->stored = (uint8_t)media.coding;
	took = take_representation(load, object, TUX_CODING_IDENTITY, fd, &st);
	if (took == TAKE_FAILED)
		return TAKE_FAILED;
	object->kind = OBJECT_FILE; /* the object owns fd from here on */
	if (took == TAKE_DONE && media.coding == TUX_CODING_IDENTITY)
		took = take_siblings(load, object);
	if (took != TAKE_DONE)
		return took;
	for (int coding = 0; coding < TUX_CODINGS; coding++)
		if (object->available & (1u << coding))
			build_head(object, (enum tux_coding)coding);
	return TAKE_DONE;
}

/* Opens a name and sets the object's kind by the type of file or by the error. */
static enum take take_name(const struct load *load, struct object *object, const char *name)
{
	bool via_link = false;
	int fd = open_beneath(load, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, &via_link);
	enum take took;

	if (fd < 0 && would_block(load))
		return TAKE_BLOCKS;
	if (fd < 0) {
		object_fail(object, errno);
		return TAKE_DONE;
	}
	if (!object_name(object, name)) {
		close(fd);
		object_fail(object, ENOMEM);
		return TAKE_DONE;
	}
	took = take_file(load, object, fd, via_link);
	if (took == TAKE_FAILED) {
		object_fail(object, errno != 0 ? errno : EIO);
		close(fd);
		took = TAKE_DONE;
	}
	return took;
}

/* Keeps the stamp of a directory for checks of its listing. */
static void take_directory_stamp(struct object *object, const struct stat *st)
{
	struct stamp stamp;

	stamp_from_stat(&stamp, st);
	object->representation[TUX_CODING_IDENTITY] = representation_new(&stamp, false);
	if (object->representation[TUX_CODING_IDENTITY] == NULL)
		object_fail(object, ENOMEM);
}

/* Makes a directory its first existing index. A directory without an index can be listed. */
static enum take take_directory(const struct load *load, struct object *object, const char *name)
{
	char index[TUX_MAX_TARGET + 256];
	bool via_link = false;
	struct stat st;
	bool known;
	int fd;

	for (unsigned i = 0; i < load->host->index_count; i++) {
		enum take took;

		if (!print_whole(index, sizeof(index), "%s%s", name, load->host->index[i]))
			continue;
		took = take_name(load, object, index);
		if (took != TAKE_DONE || (object->kind != OBJECT_MISSING && object->kind != OBJECT_DIRECTORY))
			return took;
	}
	fd = open_beneath(load, name[0] != '\0' ? name : ".", O_PATH | O_DIRECTORY, &via_link);
	if (fd < 0 && would_block(load))
		return TAKE_BLOCKS;
	if (fd < 0) {
		object_fail(object, errno);
		return TAKE_DONE;
	}
	object->no_index = true;
	object->kind = OBJECT_LISTABLE;
	known = fstat(fd, &st) == 0;
	if (!known)
		object_fail(object, errno);
	else if (!load->host->browse)
		object_forbid(object, because(WHY_NO_INDEX, 0));
	else if (!tux_modes_permit(load->host->modes, st.st_mode))
		object_forbid(object, because_of_mode(WHY_DIRECTORY_MODE, st.st_mode));
	else
		take_directory_stamp(object, &st);
	object->local = known && is_local(load, fd, &st);
	object->sure = false;
	close(fd);
	return TAKE_DONE;
}

/* Adds the watches before the file is opened, so that no change is missed. Returns false if it would block, or take long for a worker. */
static bool take_watches(struct load *load, char *name)
{
	for (uint32_t i = 0; i < load->watch_count; i++) {
		struct watch_entry *watch = &load->watch[i];
		bool via_link = false;
		struct stat st;
		char kept;
		int fd;

		watch->wd = -1;
		if (load->inotify_fd < 0)
			continue;
		kept = name[watch->path_len - 1]; /* name lacks the key's first '/' */
		name[watch->path_len - 1] = '\0';
		fd = open_beneath(load, watch->path_len > 1 ? name : ".", O_PATH | O_DIRECTORY, &via_link);
		name[watch->path_len - 1] = kept;
		if (fd < 0 && would_block(load))
			return false;
		if (fd < 0)
			return true; /* the file is missing too, or reached through a link */
		if (!via_link && fstat(fd, &st) == 0) {
			if (!load->may_block && st.st_size > LARGE_DIRECTORY) {
				close(fd);
				return false;
			}
			watch->wd = watch_ask(load->inotify_fd, fd);
			watch->device = st.st_dev;
			watch->inode = st.st_ino;
		}
		close(fd);
	}
	return true;
}

bool load_run(struct load *load)
{
	char name[TUX_MAX_TARGET + 1];
	enum take took;

	load->object = object_new(load->host, load->key, load->key_len, OBJECT_MISSING);
	if (load->object == NULL)
		return true;
	clock_gettime(CLOCK_REALTIME_COARSE, &load->began);
	memcpy(name, load->key + 1, load->key_len - 1); /* relative to the root, without the first '/' */
	name[load->key_len - 1] = '\0';
	if (!take_watches(load, name))
		took = TAKE_BLOCKS;
	else if (load->key[load->key_len - 1] == '/')
		took = take_directory(load, load->object, name);
	else
		took = take_name(load, load->object, name);
	if (took == TAKE_BLOCKS) {
		object_put(load->object);
		load->object = NULL;
		return false;
	}
	return true;
}

bool load_is_current(const struct object *object)
{
	char name[TUX_MAX_TARGET + 256];

	for (int coding = 0; coding < TUX_CODINGS; coding++) {
		struct stamp now;
		struct stat st;

		if (!(object->available & (1u << coding)))
			continue;
		if (!print_whole(name, sizeof(name), "%s%s", object->file, tux_coding_suffix((enum tux_coding)coding)))
			return false;
		if (fstatat(object->host->root_fd, name, &st, AT_NO_AUTOMOUNT) != 0)
			return false;
		stamp_from_stat(&now, &st);
		if (!stamp_equals(&now, &object->representation[coding]->stamp) || (object->sure && now.links != 1))
			return false;
	}
	return true;
}

int load_open_directory(const struct tux_host *host, const uint8_t *key, uint32_t key_len)
{
	struct load load = { .host = host, .may_block = true };
	char name[TUX_MAX_TARGET + 1];
	bool via_link;

	memcpy(name, key + 1, key_len - 1);
	name[key_len - 1] = '\0';
	return open_beneath(&load, name[0] != '\0' ? name : ".", O_RDONLY | O_DIRECTORY, &via_link);
}
