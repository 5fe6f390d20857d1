/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the error log about modules, and of modules. */
#ifndef TUX_ENGINE_MODULES_MODULE_LOG_H
#define TUX_ENGINE_MODULES_MODULE_LOG_H

#include "loaded.h"

/* Writes the line "tux: module NAME:LEVEL TEXT" to the error log, at most 100 per module in a second. level may be "". Any thread. */
void module_log(struct tux_loaded *loaded, const char *level, const char *text, uint32_t len);

#endif
