/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tux_target_normalise() should do, written the slow and obvious way, from RFC 3986 5.2.4 and
 * core/target.h alone, to compare the two. It shares no code with core/target.c.
 */
#ifndef TUX_TEST_TARGET_MODEL_H
#define TUX_TEST_TARGET_MODEL_H

#include "target.h"

/* As tux_target_normalise(); dst has room for src_len bytes. */
enum tux_refusal target_model_normalise(const uint8_t *src, uint32_t src_len, uint8_t *dst, uint32_t *dst_len);

/* Whether a result is what core/target.h promises: no NUL, no empty, "." or ".." segment, and not too long. */
bool target_model_is_normal(const uint8_t *path, uint32_t len, uint32_t src_len);

#endif
