/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cryptobox.h"

/* Octets to lower case, as rspamd's libutil has it. */
extern const guchar lc_map[256];
#define ROW(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9, n + 10, n + 11, n + 12, n + 13, n + 14, n + 15
const guchar lc_map[256] = {
	ROW(0), ROW(16), ROW(32), ROW(48), '@', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
	'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '[', '\\', ']', '^', '_', ROW(96), ROW(112),
	ROW(128), ROW(144), ROW(160), ROW(176), ROW(192), ROW(208), ROW(224), ROW(240),
};
