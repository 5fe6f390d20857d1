/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HISTORIC_TWO_H
#define HISTORIC_TWO_H

#include "include/tuxmodule.h"

#include <stddef.h>

enum { HISTORIC_OFFSETS = 15 };

extern const size_t historic_two[HISTORIC_OFFSETS];

/* Uses a request like a module of version 2. Returns a text if the error is negative and the client is 127.0.0.1. */
char *historic_two_uses(user_req_t *req);

#endif
