/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target_model.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct segment {
	uint32_t off, len;
};

struct path {
	uint8_t *text;            /* decoded, without the first slash */
	struct segment *segments; /* segments of text, including empty ones */
	uint32_t count;
	bool broken;              /* decoding stopped at an escape */
};

static void *allocated(size_t bytes)
{
	void *memory = malloc(bytes);

	if (!memory)
		abort();
	return memory;
}

/* Decodes and splits the path after the first slash. Omits the last segment if decoding failed in it. */
static struct path split(const uint8_t *src, uint32_t src_len)
{
	struct path path = { allocated(src_len + 1), allocated((src_len + 1) * sizeof(struct segment)), 0, false };
	uint32_t text_len = 0, start = 0, i;

	for (i = 1; i < src_len && !path.broken; i++) {
		unsigned int octet = src[i];

		if (octet == '%' && i + 2 < src_len && isxdigit(src[i + 1]) && isxdigit(src[i + 2])) {
			char digits[3] = { (char)src[i + 1], (char)src[i + 2], 0 };

			octet = (unsigned int)strtoul(digits, NULL, 16);
			i += 2;
		} else if (octet == '%') {
			octet = 0;
		}
		if (octet == 0)
			path.broken = true;
		else
			path.text[text_len++] = (uint8_t)octet;
	}
	for (i = 0; i < text_len; i++) {
		if (path.text[i] != '/')
			continue;
		path.segments[path.count++] = (struct segment){ start, i - start };
		start = i + 1;
	}
	if (!path.broken)
		path.segments[path.count++] = (struct segment){ start, text_len - start };
	return path;
}

static bool is_text(const struct path *path, uint32_t index, const char *text)
{
	struct segment segment = path->segments[index];

	return segment.len == strlen(text) && memcmp(path->text + segment.off, text, segment.len) == 0;
}

enum tux_refusal target_model_normalise(const uint8_t *src, uint32_t src_len, uint8_t *dst, uint32_t *dst_len)
{
	enum tux_refusal refusal = TUX_ACCEPTED;
	bool directory = false;
	struct path path;
	uint32_t *kept, kept_count = 0, i;

	*dst_len = 0;
	if (src_len == 0 || src[0] != '/')
		return TUX_REFUSED_TARGET;
	path = split(src, src_len);
	kept = allocated((src_len + 1) * sizeof(*kept));
	for (i = 0; i < path.count && refusal == TUX_ACCEPTED; i++) {
		directory = is_text(&path, i, "") || is_text(&path, i, ".") || is_text(&path, i, "..");
		if (!directory)
			kept[kept_count++] = i;
		else if (is_text(&path, i, "..") && kept_count == 0)
			refusal = TUX_REFUSED_DOT_DOT;
		else if (is_text(&path, i, ".."))
			kept_count--;
	}
	if (refusal == TUX_ACCEPTED && path.broken)
		refusal = TUX_REFUSED_ESCAPE;
	if (refusal == TUX_ACCEPTED) {
		dst[(*dst_len)++] = '/';
		for (i = 0; i < kept_count; i++) {
			struct segment segment = path.segments[kept[i]];

			memcpy(dst + *dst_len, path.text + segment.off, segment.len);
			*dst_len += segment.len;
			if (i + 1 < kept_count || directory)
				dst[(*dst_len)++] = '/';
		}
	}
	free(kept);
	free(path.segments);
	free(path.text);
	return refusal;
}

bool target_model_is_normal(const uint8_t *path, uint32_t len, uint32_t src_len)
{
	uint32_t i;

	if (len == 0 || len > src_len || path[0] != '/' || memchr(path, 0, len))
		return false;
	for (i = 1; i < len; i++) {
		uint32_t rest = len - i;

		if (path[i - 1] != '/')
			continue;
		if (path[i] == '/')
			return false;
		if (path[i] == '.' && (rest == 1 || path[i + 1] == '/'))
			return false;
		if (rest >= 2 && path[i] == '.' && path[i + 1] == '.' && (rest == 2 || path[i + 2] == '/'))
			return false;
	}
	return true;
}
