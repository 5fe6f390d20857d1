/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rspamd's copy of libucl takes from rspamd to compare keys whatever their case. */
#ifndef TUX_LIBUCL_STR_UTIL_H
#define TUX_LIBUCL_STR_UTIL_H

#include <strings.h>

static inline int rspamd_lc_cmp(const char *a, const char *b, size_t len)
{
	return strncasecmp(a, b, len);
}

#endif
