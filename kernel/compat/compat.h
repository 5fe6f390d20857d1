/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kernels call differently, under the newest name. Each question is answered by a probe in compat/Makefile. */
#ifndef TUX_KERNEL_COMPAT_H
#define TUX_KERNEL_COMPAT_H

#include <linux/bvec.h>
#include <linux/eventfd.h>
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

/* Tells an eventfd. Any context. */
static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef TUX_EVENTFD_SIGNAL_COUNTS
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

/*
 * Sets if sends on a socket may use the page fragment of the running task, and returns the setting before. In softirq that task
 * is any process, perhaps interrupted while it copies into the same fragment. Kernels without the setting, and Debian's 6.1, go by
 * sk_allocation.
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
 * Takes a socket with nothing queued for sending out of its memory cgroup: its charge and its reference. The next accept() charges
 * the socket to the cgroup of its caller, and would forget the one before. The socket's lock is held, bottom halves are off.
 */
void ktux_compat_memcg_leave(struct sock *sk);

/*
 * Sends pages by reference: bytes queued, or a negative errno when none were. The socket's lock is held. Never sleeps with
 * MSG_DONTWAIT when sk->sk_allocation is GFP_ATOMIC.
 */
int ktux_compat_send_pages(struct sock *sk, struct bio_vec *pages, unsigned int count, size_t bytes, int flags);

/* Who listens on a port for the address that a connected TCP socket has here; NULL: nobody. Under RCU, bottom halves off. */
struct sock *ktux_compat_lookup_listener(const struct sock *sk, u16 port);

typedef unsigned long (*compat_shrink_fn)(struct shrinker *shrinker, struct shrink_control *control);

/* A shrinker that says data; NULL without memory. Process context. */
struct shrinker *ktux_compat_shrinker_open(compat_shrink_fn count, compat_shrink_fn scan, void *data);
void *ktux_compat_shrinker_data(struct shrinker *shrinker);
void ktux_compat_shrinker_close(struct shrinker *shrinker);

#endif
