/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index of a single-page application, or of a front controller, in place of a path that leads to no file. */
#ifndef TUX_ENGINE_HANDLERS_FALLBACK_H
#define TUX_ENGINE_HANDLERS_FALLBACK_H

#include "response.h"

/*
 * Like response_lookup(), but where the host falls back and the path leads to no file, the object is that of the root. A path falls back if
 * it is missing or a directory without an index, and its last segment does not end in the extension of a file type. All of them
 * fall back if the root's index is a program: it decides itself.
 */
struct object *fallback_lookup(struct request *req, const uint8_t *path, uint32_t len);

#endif
