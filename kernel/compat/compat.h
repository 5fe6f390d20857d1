/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel interfaces that differ between versions, under their newest names. A probe in compat/Makefile detects each difference. */
#ifndef TUX_KERNEL_COMPAT_H
#define TUX_KERNEL_COMPAT_H

#include <linux/bvec.h>
#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/shrinker.h>
#include <net/tcp.h>
#ifdef TUX_HAVE_FOLIO_BATCH_H
#include <linux/folio_batch.h>
#else
#include <linux/pagevec.h>
#endif

#ifndef TUX_HAVE_INODE_GET_MTIME
static inline struct timespec64 inode_get_mtime(const struct inode *inode)
{
	return inode->i_mtime;
}
#endif

#ifndef TUX_HAVE_INODE_GET_CTIME
static inline struct timespec64 inode_get_ctime(const struct inode *inode)
{
	return inode->i_ctime;
}
#endif

/* Exported, but its declaration is not in a public header before 6.14. */
int vfs_path_lookup(struct dentry *dentry, struct vfsmount *mnt, const char *name, unsigned int flags, struct path *path);

/* Signals an eventfd. Any context. */
static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef TUX_EVENTFD_SIGNAL_COUNTS
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

/*
 * Sets whether sends on a socket may use the page fragment of the current task. Returns the previous setting. In softirq that
 * task is arbitrary, and may be interrupted while it copies into the same fragment. Kernels without the setting, and Debian's
 * 6.1, decide by sk_allocation.
 */
static inline bool compat_use_task_frag(struct sock *sk, bool use)
{
#ifdef TUX_HAVE_USE_TASK_FRAG
	return xchg(&sk->sk_use_task_frag, use);
#else
	return use;
#endif
}

/*
 * Removes a socket without queued data from its memory cgroup: both charge and reference. The next accept() charges the socket to
 * its caller's cgroup, and would lose the previous one. Called under the socket's lock, bottom halves off.
 */
void ktux_compat_memcg_leave(struct sock *sk);

/*
 * Sends pages by reference. Returns the bytes queued, or a negative errno if none were. Called under the socket's lock. Never
 * sleeps with MSG_DONTWAIT if sk->sk_allocation is GFP_ATOMIC.
 */
int ktux_compat_send_pages(struct sock *sk, struct bio_vec *pages, unsigned int count, size_t bytes, int flags);

/* Returns the socket that listens on port for a connected TCP socket's local address, or NULL. Under RCU, bottom halves off. */
struct sock *ktux_compat_lookup_listener(const struct sock *sk, u16 port);

/* Exports a function to modules of TUX. The namespace of EXPORT_SYMBOL_NS_GPL() is a string since 6.13. */
#ifdef TUX_NAMESPACE_IS_STRING
#define KTUX_EXPORT(function) EXPORT_SYMBOL_NS_GPL(function, "TUX")
#else
#define KTUX_EXPORT(function) EXPORT_SYMBOL_NS_GPL(function, TUX)
#endif

typedef unsigned long (*compat_shrink_fn)(struct shrinker *shrinker, struct shrink_control *control);

/* Returns a shrinker with private data, or NULL if out of memory. Process context. */
struct shrinker *ktux_compat_shrinker_open(compat_shrink_fn count, compat_shrink_fn scan, void *data);
void *ktux_compat_shrinker_data(struct shrinker *shrinker);
void ktux_compat_shrinker_close(struct shrinker *shrinker);

#endif
