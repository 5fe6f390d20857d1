/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The failures of a certificate in a row, in the state directory (failures/DIRECTORY/NAME.pem): a server that is started again and again asks the
 * authority no more often than one that runs.
 */
#ifndef TUX_PROGRAM_CERTIFICATES_RETRY_H
#define TUX_PROGRAM_CERTIFICATES_RETRY_H

#include <stdint.h>

#include "plan.h"
#include "store.h"

struct tux_retry {
	unsigned failures;
	int64_t at; /* time of the next attempt, seconds since 1970 */
};

/* Reads the failures of a certificate. Returns false if it has none for its present names. */
bool tux_retry_read(const struct tux_store *store, const struct tux_automatic *wanted, struct tux_retry *retry);

/* Writes them; with no failures, removes them. Without room on the disk they are lost. */
void tux_retry_write(const struct tux_store *store, const struct tux_automatic *wanted, const struct tux_retry *retry);

#endif
