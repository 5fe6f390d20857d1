/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/stddef.h>
#include <linux/types.h>
