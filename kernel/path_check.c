// SPDX-License-Identifier: GPL-2.0-or-later
#include "path_check.h"

#include <linux/dcache.h>
#include <linux/jiffies.h>
#include <linux/mount.h>

#include "compat/compat.h"
#include "host.h"

enum { LOOKS = 3 }; /* checks in softirq while renames disturb them */

/* Returns the rename sequence of the whole system; odd during a rename. */
static unsigned int renames(void)
{
	return raw_read_seqcount(&rename_lock.seqcount);
}

/*
 * True if a dentry still has this name (len bytes, then suffix). data_race(): the name may change during the check, but always ends
 * in NUL, and a change makes the rename sequence another one.
 */
static bool is_named(const struct dentry *dentry, const u8 *name, u32 len, const char *suffix)
{
	const unsigned char *is = READ_ONCE(dentry->d_name.name);
	u32 i;

	for (i = 0; i < len; i++)
		if (data_race(is[i]) != name[i]) /* as above */
			return false;
	is += len;
	for (i = 0; suffix[i] != '\0'; i++)
		if (data_race(is[i]) != (unsigned char)suffix[i]) /* as above */
			return false;
	return data_race(is[i]) == '\0'; /* as above */
}

/* Returns the start of a name's last component. */
static u32 component(const u8 *name, u32 len)
{
	while (len > 0 && name[len - 1] != '/')
		len--;
	return len;
}

/* data_race(): as in ktux_stamp_take(). */
static struct step step_of(const struct inode *inode)
{
	struct timespec64 ctime = data_race(inode_get_ctime(inode)); /* as above */

	return (struct step){
		.ctime_s = ctime.tv_sec,
		.ctime_ns = (u32)ctime.tv_nsec,
		.mode = data_race(inode->i_mode), /* as above */
		.uid = data_race(__kuid_val(inode->i_uid)), /* as above */
		.gid = data_race(__kgid_val(inode->i_gid)), /* as above */
	};
}

static bool same_step(const struct step *step, const struct step *other)
{
	return step->ctime_s == other->ctime_s && step->ctime_ns == other->ctime_ns && step->mode == other->mode &&
	       step->uid == other->uid && step->gid == other->gid;
}

/* A walk from a file up to the root. */
struct walk {
	const struct object *object;
	const char *suffix; /* of the file's name */
	bool named;         /* no rename since the names were checked: names and parents are unchanged */
	struct step *take;  /* records the directories here; NULL: compares them */
};

/* Walks from a file up to the root by the requested names. Under RCU. */
static bool walk_up(const struct walk *walk, const struct dentry *dentry)
{
	const struct object *object = walk->object;
	const struct dentry *root = object->host->root.dentry;
	const char *suffix = walk->suffix;
	u32 len = object->name_len, at;

	for (at = 0; at < object->steps; at++) {
		const struct dentry *parent;
		const struct inode *inode;
		u32 start = walk->named ? 0 : component(object->name, len);
		struct step step;

		if (data_race(d_unhashed(dentry)) || /* removed now or just after the look */
		    (READ_ONCE(dentry->d_flags) & (DCACHE_MOUNTED | DCACHE_OP_REVALIDATE)))
			return false;
		if (!walk->named && !is_named(dentry, object->name + start, len - start, suffix))
			return false;
		suffix = "";
		parent = READ_ONCE(dentry->d_parent);
		inode = d_inode_rcu(parent);
		if (!inode)
			return false;
		step = step_of(inode);
		if (walk->take)
			walk->take[at] = step;
		else if (!same_step(&step, &object->step[at]))
			return false;
		if (parent == root)
			return start == 0;
		if (READ_ONCE(parent->d_parent) == parent || (!walk->named && start == 0))
			return false;
		dentry = parent;
		len = start - 1;
	}
	return false;
}

/* Returns the mark of a successful check of the names at rename sequence seq. */
static u64 named_now(unsigned int seq)
{
	return (u64)seq << 32 | (u32)jiffies;
}

/* True if no rename happened since the names were checked. Valid for one second, because a sequence of 32 bits can wrap. */
static bool is_named_still(const struct object *object, unsigned int seq)
{
	u64 named = READ_ONCE(object->named);

	return named >> 32 == seq && (u32)jiffies - (u32)named <= HZ;
}

/* True if all representations are unchanged and still under their names. Under RCU. */
static bool all_hold(const struct object *object, bool named)
{
	int coding;

	for (coding = 0; coding < TUX_CODINGS; coding++) {
		const struct representation *rep = &object->representation[coding];
		struct walk walk = { .object = object, .named = named };

		if (!rep->file)
			continue;
		walk.suffix = tux_coding_suffix((enum tux_coding)coding);
		if (!ktux_stamp_holds(&rep->stamp, file_inode(rep->file)) || !walk_up(&walk, rep->file->f_path.dentry))
			return false;
	}
	return true;
}

/*
 * Checks once. A rename since seq was read makes any result uncertain. The sequence is only read, because softirq may have
 * interrupted its writer.
 */
static enum way look_once(struct object *object)
{
	unsigned int seq = renames();
	bool named = is_named_still(object, seq), holds;

	if (seq & 1)
		return WAY_UNSURE;
	rcu_read_lock();
	holds = all_hold(object, named);
	rcu_read_unlock();
	if (read_seqcount_retry(&rename_lock.seqcount, seq))
		return WAY_UNSURE;
	if (holds && !named)
		WRITE_ONCE(object->named, named_now(seq));
	return holds ? WAY_HOLDS : WAY_CHANGED;
}

enum way ktux_way_look(struct object *object)
{
	enum way way = WAY_UNSURE;
	int i;

	for (i = 0; i < LOOKS && way == WAY_UNSURE; i++)
		way = look_once(object);
	return way;
}

bool ktux_way_holds(struct object *object)
{
	bool holds;

	read_seqlock_excl(&rename_lock);
	holds = look_once(object) == WAY_HOLDS;
	read_sequnlock_excl(&rename_lock);
	return holds;
}

bool ktux_way_take(struct object *object)
{
	const struct walk walk = { .object = object, .suffix = "", .take = object->step };
	bool found;

	read_seqlock_excl(&rename_lock);
	rcu_read_lock();
	found = walk_up(&walk, object->representation[TUX_CODING_IDENTITY].file->f_path.dentry);
	rcu_read_unlock();
	read_sequnlock_excl(&rename_lock);
	return found;
}
