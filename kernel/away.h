/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A result of handle() between tux.ko and tux-bpf.ko. */
#ifndef TUX_KERNEL_AWAY_H
#define TUX_KERNEL_AWAY_H

enum {
	KTUX_AWAY = 1000, /* the module does not respond any more, and has not touched the request: the program responds */
};

#endif
