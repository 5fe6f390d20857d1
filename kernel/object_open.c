// SPDX-License-Identifier: GPL-2.0-or-later
#include "object_open.h"

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/timekeeping.h>

#include "../core/etag.h"
#include "compat/compat.h"
#include "path_check.h"

/* Stay below the root, follow no link, enter no other mount. The user engine serves everything beyond those. */
#define LOOKUP_PLAINLY (LOOKUP_BENEATH | LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGICLINKS | LOOKUP_NO_XDEV)

/*
 * True for a file system whose changes are all made on this machine and visible in the inode, and whose reads use the page cache.
 */
static bool is_suitable(const struct inode *inode)
{
	switch (inode->i_sb->s_magic) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case SQUASHFS_MAGIC:
	case ISOFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* True if a change during the load may fall into the same tick of the file system's clock, and so leave the times unchanged. */
static bool just_changed(const struct timespec64 *began, s64 ctime_s, u32 ctime_ns)
{
	return ctime_s > began->tv_sec || (ctime_s == began->tv_sec && (s64)ctime_ns >= began->tv_nsec);
}

/* Returns 0 if the kernel engine may send the file, otherwise the reason as a negative errno. */
static int selection_error(const struct host *host, const char *name, umode_t mode)
{
	switch (tux_file_handler_of(&host->selection, (const u8 *)name, (u32)strlen(name), mode)) {
	case TUX_FILE_HANDLER_FILE:
		return 0;
	case TUX_FILE_HANDLER_REDIRECT:
		return -EREMOTE;
	case TUX_FILE_HANDLER_CGI:
	case TUX_FILE_HANDLER_MODULE:
	case TUX_SELECTIONS:
		break;
	}
	return -EPERM;
}

/* Looks up a name below the host's root. Returns 0 or a negative errno. */
static int look_up(const struct host *host, const char *name, struct path *path)
{
	if (!host->root.dentry)
		return -ENOENT;
	return vfs_path_lookup(host->root.dentry, host->root.mnt, name, LOOKUP_PLAINLY, path);
}

/* Opens a regular file that may be served. Returns NULL with *error; -EREMOTE if another server serves it. */
static struct file *open_name(const struct host *host, const char *name, int *error)
{
	struct path path;
	struct file *file;
	struct inode *inode;

	*error = look_up(host, name, &path);
	if (*error != 0)
		return NULL;
	inode = d_inode(path.dentry);
	if (path.mnt != host->root.mnt || !S_ISREG(inode->i_mode) || !is_suitable(inode) ||
	    !ktux_host_permits(host, inode->i_mode))
		*error = S_ISDIR(inode->i_mode) ? -EISDIR : -EPERM;
	else
		*error = selection_error(host, name, inode->i_mode);
	if (*error != 0) {
		path_put(&path);
		return NULL;
	}
	file = dentry_open(&path, O_RDONLY | O_LARGEFILE | O_NONBLOCK, current_cred());
	path_put(&path);
	if (IS_ERR(file)) {
		*error = (int)PTR_ERR(file);
		return NULL;
	}
	return file;
}

/* Returns -1, not to be sent, for an mtime of 0 or 1. Archives and package stores set these instead of a real time. */
static s64 told_mtime(s64 mtime_s)
{
	return mtime_s > 1 ? mtime_s : -1;
}

/* Fills a representation from its open file. Returns false if the file is being changed. */
static bool take_file(const struct instance *instance, const struct timespec64 *began, struct representation *rep,
		      enum tux_coding coding)
{
	const struct stamp *stamp = &rep->stamp;
	struct tux_file_identity identity;
	struct kstat stat;

	if (vfs_getattr(&rep->file->f_path, &stat, STATX_BASIC_STATS, AT_STATX_SYNC_AS_STAT) != 0)
		return false;
	ktux_stamp_take(&rep->stamp, file_inode(rep->file));
	if (just_changed(began, stamp->ctime_s, stamp->ctime_ns) || stamp->links == 0)
		return false;
	identity = (struct tux_file_identity){
		.device = new_encode_dev(stat.dev),
		.inode = stat.ino,
		.size = stamp->size,
		.mtime_s = stamp->mtime_s,
		.mtime_ns = stamp->mtime_ns,
		.ctime_s = stamp->ctime_s,
		.ctime_ns = stamp->ctime_ns,
	};
	rep->last_modified = told_mtime(stamp->mtime_s);
	rep->etag_len = (u8)tux_etag_format(instance->etag_key, &identity, coding, false, rep->etag);
	return true;
}

static bool build_head(struct object *object, enum tux_coding coding)
{
	static const u8 date[] = "Thu, 01 Jan 1970 00:00:00 GMT"; /* replaced when the head is sent */
	struct representation *rep = &object->representation[coding];
	struct tux_head head = { .status = 200, .minor = 1, .keep_alive = true, .date = date };
	struct tux_facts facts = ktux_object_facts(object, coding, S64_MAX);
	const struct tux_plan plan = { .status = 200 };
	u32 size = TUX_MAX_RESPONSE_HEAD + object->fields->lines.len;
	u8 *text = kmalloc(size, GFP_KERNEL);
	u32 date_off = 0;

	if (!text)
		return false;
	tux_head_describe(&head, &facts, ktux_object_coding(object, coding), object->available, object->type);
	tux_head_plan(&head, &plan);
	head.extra = object->fields->lines;
	head.omit = object->fields->omit;
	rep->head_len = (u16)tux_response_head(text, size, &head, &date_off);
	rep->date_off = (u16)date_off;
	rep->head = rep->head_len > 0 ? kmemdup(text, rep->head_len, GFP_KERNEL_ACCOUNT) : NULL;
	kfree(text);
	return rep->head;
}

/*
 * Adds precompressed siblings. A sibling must be as readable as the file and not older. Returns false if a sibling is being
 * changed.
 */
static bool take_siblings(const struct instance *instance, const struct timespec64 *began, struct object *object, char *name)
{
	const struct stamp *plain = &object->representation[TUX_CODING_IDENTITY].stamp;
	int coding;

	for (coding = TUX_CODING_IDENTITY + 1; coding < TUX_CODINGS; coding++) {
		struct representation *rep = &object->representation[coding];
		struct timespec64 mtime;
		int error;

		strscpy(name + object->name_len, tux_coding_suffix((enum tux_coding)coding), 8);
		rep->file = open_name(object->host, name, &error);
		if (!rep->file && error == -ENOENT)
			continue;
		if (!rep->file)
			return false; /* a link, or unreadable: the user engine decides */
		mtime = inode_get_mtime(file_inode(rep->file));
		if (mtime.tv_sec < plain->mtime_s || (mtime.tv_sec == plain->mtime_s && mtime.tv_nsec < plain->mtime_ns)) {
			fput(rep->file);
			rep->file = NULL;
			continue;
		}
		if (!take_file(instance, began, rep, (enum tux_coding)coding))
			return false;
		object->available |= (u8)(1u << coding);
	}
	return true;
}

static bool way_just_changed(const struct object *object, const struct timespec64 *began)
{
	u32 at;

	for (at = 0; at < object->steps; at++)
		if (just_changed(began, object->step[at].ctime_s, object->step[at].ctime_ns))
			return true;
	return false;
}

/*
 * Fills an object from the open file. began is the time before the file was looked up, because a permission may be revoked after
 * the lookup has checked it. Returns false if a file is being changed, or if out of memory.
 */
static bool fill(const struct instance *instance, struct object *object, struct timespec64 began)
{
	struct representation *identity = &object->representation[TUX_CODING_IDENTITY];
	char *name = kmalloc(object->name_len + 8, GFP_KERNEL);
	struct tux_media media;
	bool good = false;
	int coding;

	if (!name)
		return false;
	/* Truncated like the times of the file system's inodes. All files below a host's root are on one file system. */
	began = timestamp_truncate(began, file_inode(identity->file));
	memcpy(name, object->name, object->name_len);
	if (!take_file(instance, &began, identity, TUX_CODING_IDENTITY) || !ktux_way_take(object))
		goto out_free_name;
	object->available = 1u << TUX_CODING_IDENTITY;
	media = tux_media_types_find(object->fields->types, object->name, object->name_len);
	object->type = media.type;
	object->stored = (u8)media.coding;
	if (way_just_changed(object, &began) ||
	    (media.coding == TUX_CODING_IDENTITY && !take_siblings(instance, &began, object, name)))
		goto out_free_name;
	for (coding = 0; coding < TUX_CODINGS; coding++)
		if (object->representation[coding].file && !build_head(object, (enum tux_coding)coding))
			goto out_free_name;
	good = ktux_way_holds(object);
out_free_name:
	kfree(name);
	return good;
}

/* True if a path that ends in '/' is a directory, with or without an index. */
static bool is_directory(const struct host *host, const u8 *key, u32 key_len)
{
	struct path path;
	int error = -ENOMEM;
	char *name = key_len > 1 ? kmemdup_nul((const char *)key + 1, key_len - 1, GFP_KERNEL) : kstrdup(".", GFP_KERNEL);

	if (name)
		error = look_up(host, name, &path);
	kfree(name);
	if (error == 0)
		path_put(&path);
	return error != -ENOENT && error != -ENOTDIR; /* if in doubt, the user engine decides */
}

/* Opens the path, or the first index of a directory that exists. Returns NULL with *error. */
static struct object *open_object(const struct host *host, const u8 *key, u32 key_len, int *error)
{
	bool directory = key[key_len - 1] == '/';
	u32 count = directory ? host->index_count : 1;
	const char *index = directory ? host->index : "";
	struct object *object;
	u32 i;

	*error = -ENOENT;
	for (i = 0; i < count && *error == -ENOENT; i++, index += strlen(index) + 1) {
		object = ktux_object_new(host, key, key_len, (const u8 *)index, (u32)strlen(index));
		if (!object) {
			*error = -ENOMEM;
			return NULL;
		}
		object->representation[TUX_CODING_IDENTITY].file = open_name(host, (const char *)object->name, error);
		if (object->representation[TUX_CODING_IDENTITY].file)
			return object;
		ktux_object_put(object);
	}
	if (directory && *error == -ENOENT && is_directory(host, key, key_len))
		*error = -EISDIR;
	return NULL;
}

struct object *ktux_load_object(struct instance *instance, const struct host *host, const u8 *key, u32 key_len,
				enum tux_reason *reason)
{
	struct object *object = ktux_cache_find(&instance->cache, host, key, key_len);
	struct timespec64 began;
	int error;

	if (object && ktux_way_holds(object))
		return object; /* softirq was not sure, or another thread has loaded it */
	if (object) {
		ktux_cache_drop(&instance->cache, object);
		ktux_object_put(object);
	}
	ktime_get_coarse_real_ts64(&began);
	object = open_object(host, key, key_len, &error);
	*reason = error == -ENOMEM ? TUX_REASON_MEMORY :
		  error == -EREMOTE ? TUX_REASON_PREFIX :
		  error == -ENOENT || error == -ENOTDIR || error == -ENAMETOOLONG ? TUX_REASON_MISSING : TUX_REASON_ABSENT;
	if (!object)
		return NULL;
	*reason = TUX_REASON_ABSENT;
	if (!fill(instance, object, began)) {
		ktux_object_put(object);
		return NULL;
	}
	ktux_cache_insert(&instance->cache, object);
	return object;
}
