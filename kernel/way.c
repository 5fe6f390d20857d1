// SPDX-License-Identifier: GPL-2.0-or-later
#include "way.h"

#include <linux/dcache.h>
#include <linux/jiffies.h>
#include <linux/mount.h>

#include "compat/compat.h"
#include "site.h"

/* One way upwards, as it is at this moment. */
struct walk {
	u64 modes;
	struct timespec64 parent_ctime;
};

/* How many renames there have been, all over the system; odd while there is one. */
static unsigned int renames(void)
{
	return raw_read_seqcount(&rename_lock.seqcount);
}

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

/* Where the last component of a name begins. */
static u32 component(const u8 *name, u32 len)
{
	while (len > 0 && name[len - 1] != '/')
		len--;
	return len;
}

/*
 * Goes from a file upwards to the root by the names that were asked for. Under RCU; a rename anywhere in the system since
 * seq was taken makes the answer no. The sequence of renames is only read, as its writer may be what we interrupted.
 * Named: no rename since the names were last looked at, so they are what they were, and so are the parents.
 */
static bool walk_up(const struct dentry *dentry, const struct object *object, const char *suffix, unsigned int seq, bool named,
		    struct walk *walk)
{
	const struct dentry *root = object->site->root.dentry;
	u32 len = object->name_len;
	bool lowest = true;

	*walk = (struct walk){ .modes = 0 };
	if (seq & 1)
		return false;
	for (;;) {
		const struct dentry *parent;
		const struct inode *inode;
		u32 start = named ? 0 : component(object->name, len);

		if (d_unhashed(dentry) || (READ_ONCE(dentry->d_flags) & (DCACHE_MOUNTED | DCACHE_OP_REVALIDATE)))
			return false;
		if (!named && !is_named(dentry, object->name + start, len - start, suffix))
			return false;
		suffix = "";
		parent = READ_ONCE(dentry->d_parent);
		inode = d_inode_rcu(parent);
		if (!inode)
			return false;
		if (lowest)
			walk->parent_ctime = inode_get_ctime(inode);
		lowest = false;
		walk->modes = walk->modes * 31 + inode->i_mode + ((u64)__kuid_val(inode->i_uid) << 16) +
			      ((u64)__kgid_val(inode->i_gid) << 40);
		if (parent == root)
			return start == 0 && !read_seqcount_retry(&rename_lock.seqcount, seq);
		if (IS_ROOT(parent) || (!named && start == 0))
			return false;
		dentry = parent;
		len = start - 1;
	}
}

/* That the names were looked at, and held when there had been seq renames. */
static u64 named_now(unsigned int seq)
{
	return (u64)seq << 32 | (u32)jiffies;
}

/* Whether there was no rename since the names were looked at. Believed for a second: a sequence of 32 bits comes round at last. */
static bool is_named_still(const struct object *object, unsigned int seq)
{
	u64 named = READ_ONCE(object->named);

	return named >> 32 == seq && (u32)jiffies - (u32)named <= HZ;
}

bool way_take(struct object *object)
{
	const struct file *file = object->representation[TUX_CODING_IDENTITY].file;
	unsigned int seq = renames();
	struct walk walk;
	bool found;

	rcu_read_lock();
	found = walk_up(file->f_path.dentry, object, "", seq, false, &walk);
	rcu_read_unlock();
	object->modes = walk.modes;
	object->parent_ctime_s = walk.parent_ctime.tv_sec;
	object->parent_ctime_ns = (u32)walk.parent_ctime.tv_nsec;
	return found;
}

/* Whether one representation is what it was, and lies where it lay. Under RCU. */
static bool representation_holds(const struct object *object, enum tux_coding coding, unsigned int seq, bool named)
{
	const struct representation *rep = &object->representation[coding];
	struct walk walk;

	return stamp_holds(&rep->stamp, file_inode(rep->file)) &&
	       walk_up(rep->file->f_path.dentry, object, tux_coding_suffix(coding), seq, named, &walk) &&
	       walk.modes == object->modes && walk.parent_ctime.tv_sec == object->parent_ctime_s &&
	       walk.parent_ctime.tv_nsec == object->parent_ctime_ns;
}

bool way_holds(struct object *object)
{
	unsigned int seq = renames();
	bool named = is_named_still(object, seq), holds = true;
	int coding;

	rcu_read_lock();
	for (coding = 0; coding < TUX_CODINGS && holds; coding++)
		if (object->representation[coding].file)
			holds = representation_holds(object, (enum tux_coding)coding, seq, named);
	rcu_read_unlock();
	if (holds && !named)
		WRITE_ONCE(object->named, named_now(seq));
	return holds;
}
