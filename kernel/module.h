/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The modules that are registered in the kernel, and the set-ups that name them. Process context. */
#ifndef TUX_KERNEL_MODULE_H
#define TUX_KERNEL_MODULE_H

#include "instance.h"

/* Joins the modules of a set-up, which is complete, to the modules that are registered, now and later. */
void ktux_modules_open(struct instance *instance);

/* Separates them. No connection is left. */
void ktux_modules_close(struct instance *instance);

#endif
