/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The blocks module NAME { } of the configuration file, and the names of modules in routes. */
#ifndef TUX_PROGRAM_CONFIG_MODULE_H
#define TUX_PROGRAM_CONFIG_MODULE_H

#include "reading.h"

/* Applies module NAME { }, one for each module. */
void modules_apply(struct reading *reading, const ucl_object_t *first);

/* Returns the number of the module that a route names; -1 after an error message. */
int module_named(struct reading *reading, const ucl_object_t *key);

/* Warns of modules that routes name and that have no file. Call it after the whole file was read. */
void modules_settle(struct reading *reading);

#endif
