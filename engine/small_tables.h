/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TUX_SMALL_TABLES is 1 in builds for fuzzing: tables are so small that inputs fill them, and no list keeps freed objects, so that
 * AddressSanitizer sees each use after free.
 */
#ifndef TUX_ENGINE_SMALL_TABLES_H
#define TUX_ENGINE_SMALL_TABLES_H

#ifndef TUX_SMALL_TABLES
#define TUX_SMALL_TABLES 0
#endif

#endif
