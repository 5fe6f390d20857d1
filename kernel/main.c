// SPDX-License-Identifier: GPL-2.0-or-later
/* tux.ko: responds to requests for static files in the kernel, where they arrive. All state belongs to open files of /dev/tux. */
#include <linux/module.h>

#include "device.h"
#include "instance.h"
#include "selftest.h"
#include "version.h"

static int __init tux_init(void)
{
	int error = ktux_selftest();

	if (error != 0)
		return error;
	error = ktux_scratch_init();
	if (error != 0)
		return error;
	error = ktux_device_init();
	if (error != 0)
		ktux_scratch_exit();
	return error;
}

/* No instance is left, because each open file holds the module. */
static void __exit tux_exit(void)
{
	ktux_device_exit();
	rcu_barrier(); /* objects are freed after a grace period */
	ktux_scratch_exit();
}

module_init(tux_init);
module_exit(tux_exit);

MODULE_DESCRIPTION("TUX: serves static files over HTTP in the kernel");
MODULE_AUTHOR("The TUX authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(TUX_VERSION);
