/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media types by file name extension, from Debian's mime.types; media_type_table.py makes the table. */
#ifndef TUX_CORE_MEDIA_TYPE_H
#define TUX_CORE_MEDIA_TYPE_H

#include "span.h"

/*
 * Returns the media type of a file, such as "text/html; charset=utf-8", by the last extension of its name, or by a whole name such
 * as README (in any case); the charset is included for text. name is the path or its last segment, len bytes. A name that the
 * table lacks is application/octet-stream. Any context.
 */
/*@ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @*/
struct tux_text tux_media_type(const uint8_t *name, uint32_t len);

/* True if the table has a media type for a file's name; arguments as for tux_media_type(). Any context. */
/*@ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @*/
bool tux_media_type_known(const uint8_t *name, uint32_t len);

#endif
