/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads tls-client { ca FILE; verify required }, at the top and in hosts. */
#ifndef TUX_PROGRAM_CONFIG_TLS_CLIENT_H
#define TUX_PROGRAM_CONFIG_TLS_CLIENT_H

#include "reading.h"

/* Reads the tls-client block of the key for the current host. */
void tls_client_apply(struct reading *reading, const ucl_object_t *first);

#endif
