// SPDX-License-Identifier: GPL-2.0-or-later
#include "way.h"

#include <linux/dcache.h>
#include <linux/mount.h>

#include "compat/compat.h"
#include "site.h"

/* One way upwards, as it is at this moment. */
struct walk {
	u64 modes;
	struct timespec64 parent_ctime;
};

/* Whether a dentry still has this name (len bytes, then those of suffix). The name may change as we look: it ends in NUL. */
static bool is_named(const struct dentry *dentry, const u8 *name, u32 len, const char *suffix)
{
	const unsigned char *is = READ_ONCE(dentry->d_name.name);
	u32 i;

	for (i = 0; i < len; i++)
		if (is[i] != name[i])
			return false;
	is += len;
	for (i = 0; suffix[i] != '\0'; i++)
		if (is[i] != (unsigned char)suffix[i])
			return false;
	return is[i] == '\0';
}

/*
 * Goes from a file upwards to the root by the names that were asked for. Under RCU; a rename anywhere in the system
 * meanwhile makes the answer no. The sequence of renames is only read, as its writer may be what we interrupted.
 */
static bool walk_up(const struct dentry *dentry, const struct dentry *root, const u8 *name, u32 len, const char *suffix,
		    struct walk *walk)
{
	unsigned int seq = raw_read_seqcount(&rename_lock.seqcount);
	bool lowest = true;

	*walk = (struct walk){ .modes = 0 };
	if (seq & 1)
		return false;
	for (;;) {
		const struct dentry *parent;
		const struct inode *inode;
		u32 start = len;

		while (start > 0 && name[start - 1] != '/')
			start--;
		if (d_unhashed(dentry) || (READ_ONCE(dentry->d_flags) & (DCACHE_MOUNTED | DCACHE_OP_REVALIDATE)) ||
		    !is_named(dentry, name + start, len - start, suffix))
			return false;
		suffix = "";
		parent = READ_ONCE(dentry->d_parent);
		inode = d_inode_rcu(parent);
		if (!inode)
			return false;
		if (lowest)
			walk->parent_ctime = inode_get_ctime(inode);
		lowest = false;
		walk->modes = walk->modes * 31 + inode->i_mode + ((u64)__kuid_val(inode->i_uid) << 16) + ((u64)__kgid_val(inode->i_gid) << 40);
		if (start == 0)
			return parent == root && !read_seqcount_retry(&rename_lock.seqcount, seq);
		if (parent == root || IS_ROOT(parent))
			return false;
		dentry = parent;
		len = start - 1;
	}
}

bool way_take(struct object *object)
{
	const struct file *file = object->representation[TUX_CODING_IDENTITY].file;
	struct walk walk;
	bool found;

	rcu_read_lock();
	found = walk_up(file->f_path.dentry, object->site->root.dentry, object->name, object->name_len, "", &walk);
	rcu_read_unlock();
	object->modes = walk.modes;
	object->parent_ctime_s = walk.parent_ctime.tv_sec;
	object->parent_ctime_ns = (u32)walk.parent_ctime.tv_nsec;
	return found;
}

bool way_holds(const struct object *object)
{
	const struct dentry *root = object->site->root.dentry;
	bool holds = true;
	int coding;

	rcu_read_lock();
	for (coding = 0; coding < TUX_CODINGS && holds; coding++) {
		const struct representation *rep = &object->representation[coding];
		struct stamp now;
		struct walk walk;

		if (!rep->file)
			continue;
		stamp_take(&now, file_inode(rep->file));
		holds = stamp_same(&now, &rep->stamp) &&
			walk_up(rep->file->f_path.dentry, root, object->name, object->name_len,
				tux_coding_suffix((enum tux_coding)coding), &walk) &&
			walk.modes == object->modes && walk.parent_ctime.tv_sec == object->parent_ctime_s &&
			walk.parent_ctime.tv_nsec == object->parent_ctime_ns;
	}
	rcu_read_unlock();
	return holds;
}
