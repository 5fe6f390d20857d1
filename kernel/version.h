/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TUX_RELEASE_H
#define TUX_RELEASE_H

#define TUX_VERSION "0.1.0"

#endif
