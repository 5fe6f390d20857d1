/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of the module interface between tux.ko and tux-bpf.ko. */
#ifndef TUX_KERNEL_AWAY_H
#define TUX_KERNEL_AWAY_H

enum {
	KTUX_AWAY = 1000, /* result of handle(): the module does not respond any more, and has not touched the request: the program responds */
	KTUX_MODULE_SLOW = 1 << 29, /* flag of a verified handler that is unregistered because it was too slow, for TUX_PRESENCE_SLOW */
	KTUX_MODULE_VERIFIED = 1 << 30, /* flag of a module: a verified handler, which responds for the process that registers it and for its children */
};

#endif
