/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model of tux_target_normalise(), written slowly and simply from RFC 3986 5.2.4 and core/target.h, for comparison. It shares no
 * code with core/target.c.
 */
#ifndef TUX_TEST_TARGET_MODEL_H
#define TUX_TEST_TARGET_MODEL_H

#include "target.h"

/* Like tux_target_normalise(); dst has room for src_len bytes. */
enum tux_refusal target_model_normalise(const uint8_t *src, uint32_t src_len, uint8_t *dst, uint32_t *dst_len);

/* True if a result is as core/target.h promises: no NUL, no empty, "." or ".." segment, and not too long. */
bool target_model_is_normal(const uint8_t *path, uint32_t len, uint32_t src_len);

#endif
