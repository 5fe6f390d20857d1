/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads tls { certificate FILE; key FILE }, at the top and in hosts. */
#ifndef TUX_PROGRAM_CONFIG_TLS_H
#define TUX_PROGRAM_CONFIG_TLS_H

#include "reading.h"

/* Reads all tls blocks of the key for the current host. Each has one certificate. */
void tls_apply(struct reading *reading, const ucl_object_t *first);

/* Warns of certificates that no listener uses. Call it after the whole file was read. */
void tls_settle(struct reading *reading);

#endif
