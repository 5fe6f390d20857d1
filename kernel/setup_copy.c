// SPDX-License-Identifier: GPL-2.0-or-later
#include "setup_copy.h"

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "setup.h"

bool ktux_setup_count(u64 *bytes, size_t elements, size_t size)
{
	if (ktux_setup_add(bytes, elements, size))
		return true;
	pr_debug("tux: setup: there are more than %u bytes of it\n", TUX_MAX_SETUP);
	return false;
}

void *ktux_setup_copy(u64 *bytes, u64 from, size_t elements, size_t size)
{
	const size_t all = elements * size; /* once counted, below 2^26 */
	void *to;

	if (elements == 0)
		return NULL;
	if (!ktux_setup_count(bytes, elements, size))
		return ERR_PTR(-EINVAL);
	to = kvmalloc(all, GFP_KERNEL_ACCOUNT);
	if (!to)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(to, u64_to_user_ptr(from), all)) {
		kvfree(to);
		return ERR_PTR(-EFAULT);
	}
	return to;
}
