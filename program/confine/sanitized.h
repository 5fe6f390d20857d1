/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TUX_SANITIZED is 1 in a build with a sanitizer. It reads files, makes system calls and maps memory that a sandbox should not have to permit. */
#ifndef TUX_PROGRAM_CONFINE_SANITIZED_H
#define TUX_PROGRAM_CONFINE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TUX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TUX_SANITIZED 1
#endif
#endif
#ifndef TUX_SANITIZED
#define TUX_SANITIZED 0
#endif

#endif
