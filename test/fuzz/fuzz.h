/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For fuzz targets: what each of them wants. */
#ifndef TUX_TEST_FUZZ_H
#define TUX_TEST_FUZZ_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/sanitizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer keeps the input that led to an abort. */
static inline void __attribute__((noreturn)) required(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

#define require(condition) ((condition) ? (void)0 : required(#condition, __FILE__, __LINE__))

/* Memory of exactly that size, so that AddressSanitizer sees the first octet behind it; never NULL. */
static inline uint8_t *allocated(size_t bytes)
{
	uint8_t *memory = malloc(bytes);

	require(memory != NULL || bytes == 0);
	return memory;
}

#endif
