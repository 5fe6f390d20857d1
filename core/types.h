/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The integer types of the core. The kernel has other headers, so kernel/compat defines these three there. */
#ifndef TUX_CORE_TYPES_H
#define TUX_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#endif
