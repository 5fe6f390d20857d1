/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: what a sanitizer is told, and whether the build has one. */
#ifndef TUX_TEST_SANITIZER_H
#define TUX_TEST_SANITIZER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define MEMORY_SANITIZER
#endif
#if __has_feature(memory_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif
#ifdef __SANITIZE_ADDRESS__ /* what gcc says */
#define SANITIZED
#endif

/* Makes the memory one that nobody has written: a pattern, which MemorySanitizer takes for no value at all. */
static inline void forget(void *memory, size_t bytes)
{
	memset(memory, 0xa5, bytes);
#ifdef MEMORY_SANITIZER
	__msan_allocated_memory(memory, bytes);
#endif
}

/*
 * Reads all of it, which MemorySanitizer ends the program for where nothing was written, AddressSanitizer
 * where it may not be read. A copy or an assignment alone is no use of a value for the former.
 */
static inline void require_written(const void *memory, size_t bytes)
{
	const volatile uint8_t *octets = (const volatile uint8_t *)memory;

	for (size_t i = 0; i < bytes; i++)
		(void)octets[i];
#ifdef MEMORY_SANITIZER
	__msan_check_mem_is_initialized(memory, bytes);
#endif
}

#define REQUIRE_WRITTEN(object) require_written(&(object), sizeof(object))

#endif
