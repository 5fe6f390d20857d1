/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Landlock's ABI by its numbers (linux/landlock.h), so that features of a newer kernel are used even if the program was built with old
 * headers.
 */
#ifndef TUX_CONFINE_LANDLOCK_ABI_H
#define TUX_CONFINE_LANDLOCK_ABI_H

#include <linux/landlock.h>
#include <stdint.h>

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* from ABI 4 on */
	uint64_t scoped;             /* from ABI 6 on */
};

enum {
	ABI_REFER = 2,
	ABI_TRUNCATE = 3,
	ABI_NET = 4,
	ABI_IOCTL_DEV = 5,
	ABI_SCOPE = 6,
};

#define ACCESS_FS_ABI_1 ((1ull << 13) - 1)
#define ACCESS_FS_REFER (1ull << 13)
#define ACCESS_FS_TRUNCATE (1ull << 14)
#define ACCESS_FS_IOCTL_DEV (1ull << 15)
#define ACCESS_NET_BIND_TCP 1ull
#define ACCESS_NET_ALL 3ull /* bind, connect */
#define SCOPE_ALL 3ull      /* abstract Unix sockets, signals to others */

#endif
