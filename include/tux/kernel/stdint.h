/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For modules of TUX in the kernel, whose source names this header of C. */
#include <linux/types.h>
