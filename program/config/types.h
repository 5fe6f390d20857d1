/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys types { } and default-type of the configuration file. */
#ifndef TUX_PROGRAM_CONFIG_TYPES_H
#define TUX_PROGRAM_CONFIG_TYPES_H

#include "reading.h"

/* Reads one block types { "application/wasm" = [wasm] }. Reports what is wrong. */
void media_types_apply(struct reading *reading, struct tux_media_type_settings *settings, const ucl_object_t *block);

/* Reads the one media type of a key such as default-type into *type. Reports what is wrong. */
void media_type_apply(struct reading *reading, const char **type, const ucl_object_t *first);

#endif
