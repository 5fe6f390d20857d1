/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests: hints for sanitizers, and their presence in the build. */
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
#ifdef __SANITIZE_ADDRESS__ /* gcc defines it */
#define SANITIZED
#endif

/* Marks memory as unwritten: a pattern, which MemorySanitizer treats as uninitialized. */
static inline void forget(void *memory, size_t bytes)
{
	memset(memory, 0xa5, bytes);
#ifdef MEMORY_SANITIZER
	__msan_allocated_memory(memory, bytes);
#endif
}

/*
 * Reads all bytes. MemorySanitizer ends the program at an unwritten byte, AddressSanitizer at an inaccessible one. A copy or an
 * assignment alone does not count as use for MemorySanitizer.
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
