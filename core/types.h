/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The integer types of the core. In the kernel, whose headers have other names, kernel/compat has these three. */
#ifndef TUX_CORE_TYPES_H
#define TUX_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#endif
