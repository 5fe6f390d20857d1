/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before a server process reads its certificates: makes those that TUX signs itself, and sets the file of each automatic certificate. A
 * process of its own makes them, so that the key of TUX's authority is never in the memory of one that serves.
 */
#ifndef TUX_PROGRAM_CERTIFICATES_PREPARE_H
#define TUX_PROGRAM_CERTIFICATES_PREPARE_H

#include "plan.h"

/*
 * Sets the file of each automatic certificate. A public one that is not there yet is replaced by a temporary one, which no client trusts.
 * Call it in a process with the privileges of the start and with one thread. Returns false with a sentence in error.
 */
bool tux_certificates_prepare(struct tux_settings *settings, char *error, size_t error_size);

/*
 * Lists the default addresses of `tux serve --tls NAME` in specs. Returns their number; 0 if the settings have other ones. *high: ports 443
 * and 80 are not permitted, so others are used.
 */
unsigned tux_certificates_listens(const struct tux_settings *settings, const char **specs, bool *high);

#endif
